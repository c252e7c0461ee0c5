"""Checks of what a vLLM of our own would need: only a note while another engine is chosen."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ocrgate.cli.checks.check import Check, State
from ocrgate.engines.launch.params import VllmParams
from ocrgate.errors import EngineUnavailable
from ocrgate.settings import Settings

if TYPE_CHECKING:
    from ocrgate.engines.launch.find import Found

_INSTALL = "pip install vllm (Linux with an NVIDIA GPU), then ocrgate serve --engine vllm"
_DRIVER = "install the NVIDIA driver, so that nvidia-smi lists the GPU; the cpu engine needs none"


def vllm(settings: Settings, environ: Mapping[str, str]) -> Iterator[Check]:
    """Whether vLLM and GPUs are there, and fit what is to be served."""
    from ocrgate.engines.launch.find import find

    engine: object = settings.engine
    chosen = engine if isinstance(engine, VllmParams) else None
    params = chosen or VllmParams()
    lacking = State.FAILED if chosen else State.NOTE
    found: Found | None = None
    try:
        found = find(params.command, environ)
    except EngineUnavailable:
        detail = f"{params.command!r} is not there; serves larger models on a GPU"
        yield Check("vllm", lacking, detail, _INSTALL)
    if found is not None:
        yield _version(found, params, lacking)
    yield _gpus(found, params, environ, lacking)


def _version(found: "Found", params: VllmParams, lacking: State) -> Check:
    from ocrgate.engines.launch.served import recipe_of, served

    detail = f"{found.version or 'of unknown version'} ({' '.join(found.words)})"
    try:
        model = served(recipe_of(params), params)
    except EngineUnavailable as error:
        return Check("vllm", lacking, f"{detail}; {error.detail}")
    if model.least and found.version and found.version.numbers < model.least.numbers:
        detail = f"{detail} is too old: {model.model} needs {model.least}"
        return Check("vllm", lacking, detail, "pip install --upgrade vllm")
    return Check("vllm", State.OK, detail)


def _gpus(
    found: "Found | None", params: VllmParams, environ: Mapping[str, str], lacking: State
) -> Check:
    from ocrgate.engines.launch.gpus import seats, visible_gpus

    gpus = visible_gpus(environ)
    seen = ", ".join(f"{gpu.name} with {gpu.memory / 2**30:.0f} GiB" for gpu in gpus)
    try:
        placed = seats(params, gpus, found.version if found else None)
    except EngineUnavailable as error:
        short = "none is seen" if not gpus else error.detail
        return Check("gpu", lacking, short, _DRIVER)
    if placed[0].cpu:
        return Check("gpu", State.OK, "not needed: this vLLM runs on the CPU")
    return Check("gpu", State.OK, seen or "none is listed, one is expected (engine.device)")
