"""Checks of what is installed and what the machine has."""

import importlib.util
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ocrgate import __version__
from ocrgate.cli.checks.check import Check, State
from ocrgate.cli.report import installing
from ocrgate.errors import EngineUnavailable
from ocrgate.settings import Settings

LEAST_PYTHON = (3, 11)
LEAST_MEMORY = 1.5 * 2**30  # two workers at work, measured at half of it each
LEAST_BESIDE = 1.0 * 2**30  # two decoders with the largest page in each, where no model runs here
PACKAGES = ("onnxruntime", "opencv-python-headless", "numpy", "pillow", "pypdfium2", "starlette")
EXTRAS = {
    "gpu": ("pynvml", "sees the heat, memory and use of NVIDIA GPUs"),
    "heic": ("pi_heif", "reads HEIC photos"),
    "report": ("plotly", "draws the plots of load reports"),
    "simd": ("cykooz_resizer", "shrinks images faster"),
    "tracing": ("opentelemetry.sdk", "sends OpenTelemetry traces"),
    "tune": ("optuna", "searches for the best of three or more settings"),
}
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def versions() -> Iterator[Check]:
    """Python, ocrgate and the packages it stands on."""
    state = State.OK if sys.version_info >= LEAST_PYTHON else State.FAILED
    yield Check("python", state, f"{platform.python_version()} on {platform.platform()}")
    yield Check("ocrgate", State.OK, __version__)
    for name in PACKAGES:
        try:
            yield Check(name, State.OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(name, State.FAILED, "not installed", installing("ocrgate"))


def extras() -> Iterator[Check]:
    """What can be had beside the default install."""
    for extra, (module, use) in EXTRAS.items():
        if _is_there(module):
            yield Check(f"extra {extra}", State.OK, f"installed; {use}")
        else:
            hint = installing(f"'ocrgate[{extra}]'")
            yield Check(f"extra {extra}", State.NOTE, f"not installed; {use}", hint)


def weights(settings: Settings) -> Check:
    """Whether the embedded engine's weights are there and are the ones that were tested."""
    from ocrgate.engines.cpu.weights import WEIGHTS, carrier_folder, verified

    try:
        folder = carrier_folder()
        for size in WEIGHTS.values():
            for file in (size.detector, size.recognizer, size.alphabet):
                verified(folder, file)
    except EngineUnavailable as error:
        needed = settings.engine.kind == "cpu"
        return Check("weights", State.FAILED if needed else State.NOTE, error.detail)
    return Check("weights", State.OK, f"PP-OCRv6 {' and '.join(WEIGHTS)}, checksums right")


def cores() -> Check:
    """Cores that this process may use, container limits included."""
    from ocrgate.engines.cpu.cores import usable_cores

    return Check("cores", State.OK, f"{usable_cores()} usable")


def memory(settings: Settings) -> Check:
    """Memory that is left, container limits included."""
    import psutil

    return enough(min(psutil.virtual_memory().available, _container_limit()), settings.engine.kind)


def enough(left: float, kind: str) -> Check:
    """Whether so many bytes are enough for ocrgate's own part with an engine of that kind."""
    here = kind == "cpu"
    detail = f"{left / 2**30:.1f} GiB available"
    if left >= (LEAST_MEMORY if here else LEAST_BESIDE):
        return Check("memory", State.OK, detail)
    lower = "set engine.workers to 1" if here else "lower image.max_pixels"
    return Check("memory", State.NOTE, detail, f"{lower}, or give it more memory")


def _container_limit() -> float:
    try:
        return float(_CGROUP_LIMIT.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return float("inf")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
