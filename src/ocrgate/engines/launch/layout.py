"""Which vLLM is started here and where its servers sit: looked up once, before anything starts."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ocrgate.engines.launch.find import Found, find
from ocrgate.engines.launch.gpus import Seat, seats, visible_gpus
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import ServedModel
from ocrgate.errors import EngineUnavailable


@dataclass(frozen=True, slots=True)
class Layout:
    """A vLLM and a seat for each of its servers, at least one."""

    found: Found
    seats: tuple[Seat, ...]


def layout(params: VllmParams, served: ServedModel, environ: Mapping[str, str]) -> Layout:
    """Look for vLLM and for GPUs. Takes seconds.

    Raises:
        EngineUnavailable: vLLM or a GPU is missing, or too old for the model.
    """
    if sys.platform == "win32":
        raise EngineUnavailable("vLLM does not run on Windows itself; use WSL, or --engine cpu")
    found = find(params.command, environ)
    _require(served, found)
    return Layout(found, seats(params, visible_gpus(environ), found.version))


def _require(served: ServedModel, found: Found) -> None:
    """Refuse a vLLM that is too old to know the model."""
    if served.least and found.version and found.version.numbers < served.least.numbers:
        raise EngineUnavailable(
            f"vLLM {found.version} is installed, {served.model} needs at least {served.least}: "
            "pip install --upgrade vllm"
        )
