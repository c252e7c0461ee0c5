"""What NVIDIA's GPUs say of themselves, through NVML where its Python binding is installed.

``pip install 'ocrgate[gpu]'`` brings that binding (``pynvml``); without it, or without a driver,
there is no source and nothing is asked. Calls block for milliseconds, at the first time for
seconds: keep them off the event loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")

_REASONS = {
    "power_cap": 0x04,  # nvmlClocksEventReasonSwPowerCap
    "slowdown": 0x08,  # nvmlClocksThrottleReasonHwSlowdown
    "heat": 0x20 | 0x40,  # SwThermalSlowdown, HwThermalSlowdown
    "power_brake": 0x80,  # HwPowerBrakeSlowdown
}
"""Why a clock is lowered, and NVML's bits for it."""

REASONS = frozenset(_REASONS)

_HARMFUL = frozenset({"slowdown", "heat", "power_brake"})
"""The power cap is not among them: a GPU with much to do is at its power limit all day."""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU at one instant; None for what it does not tell.

    Attributes:
        index: counted as ``nvidia-smi`` does.
        memory: bytes in use.
        celsius: temperature.
        utilization: part of the time, 0 to 1, in which something ran on it.
        reasons: why its clock is lowered, of :data:`REASONS`; empty when it is not.
    """

    index: int
    memory: int | None = None
    celsius: float | None = None
    utilization: float | None = None
    reasons: frozenset[str] | None = None

    @property
    def throttled(self) -> bool | None:
        """Whether its clock is lowered to save it from harm."""
        return None if self.reasons is None else bool(self.reasons & _HARMFUL)


class GpuSource(Protocol):
    """Where readings come from. It blocks."""

    def read(self) -> tuple[GpuReading, ...]:
        """Every GPU now. What cannot be read is None; it does not raise."""

    def close(self) -> None:
        """Let go of the driver. Safe to call twice."""


class Nvml:
    """NVIDIA's management library (a :class:`GpuSource`).

    Args:
        library: the binding, initialized; owned from now on.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handles = [
            library.nvmlDeviceGetHandleByIndex(index)
            for index in range(library.nvmlDeviceGetCount())
        ]

    def read(self) -> tuple[GpuReading, ...]:
        """Every GPU now."""
        return tuple(self._one(index, handle) for index, handle in enumerate(self._handles))

    def close(self) -> None:
        """Let go of the driver."""
        if self._handles:
            self._handles = []
            self._library.nvmlShutdown()

    def _one(self, index: int, handle: Any) -> GpuReading:
        nvml = self._library
        bits = self._asked(lambda: int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)))
        return GpuReading(
            index,
            memory=self._asked(lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).used)),
            celsius=self._asked(
                lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
            ),
            utilization=self._asked(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100),
            reasons=None if bits is None else reasons_of(bits),
        )

    def _asked(self, question: Callable[[], _T]) -> _T | None:
        """The answer; None where this GPU or driver has none."""
        try:
            return question()
        except self._library.NVMLError:
            return None


def reasons_of(bits: int) -> frozenset[str]:
    """NVML's bits in words."""
    return frozenset(name for name, mask in _REASONS.items() if bits & mask)


def open_nvml() -> Nvml | None:
    """The GPUs of this machine; None where there are none, or no binding is installed."""
    try:
        import pynvml  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return Nvml(pynvml)
    except pynvml.NVMLError:
        return None
