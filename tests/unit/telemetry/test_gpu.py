"""NVML's answers, as a library that follows a script gives them."""

import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from ocrgate.telemetry.gpu import GpuReading, Nvml, open_nvml, reasons_of


class NVMLError(Exception):
    """As the binding's own."""


@dataclass
class Library:
    """Two GPUs; the second tells little. ``driver`` False: there is no driver."""

    driver: bool = True
    shut: int = 0
    NVMLError: type[Exception] = NVMLError
    NVML_TEMPERATURE_GPU: int = 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        if not self.driver:
            raise NVMLError("driver not loaded")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.shut += 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(used=2**30 * (handle + 1))

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        return 71 + sensor + self._only_first(handle)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(gpu=80 + self._only_first(handle))

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:  # noqa: N802
        return 0x24 + self._only_first(handle)

    def _only_first(self, handle: int) -> int:
        if handle:
            raise NVMLError("not supported")
        return 0


def test_every_gpu_tells_what_it_can() -> None:
    """What one does not support is None, and the rest is there."""
    source = Nvml(Library())
    first, second = source.read()
    assert first == GpuReading(0, 2**30, 71.0, 0.8, frozenset({"power_cap", "heat"}))
    assert first.throttled
    assert second == GpuReading(1, 2**31)
    assert second.throttled is None


def test_a_power_cap_alone_is_no_harm() -> None:
    """A GPU with much to do is at its power limit all day."""
    assert reasons_of(0x04) == {"power_cap"}
    assert not GpuReading(0, reasons=reasons_of(0x04)).throttled
    assert GpuReading(0, reasons=reasons_of(0x80)).throttled
    assert reasons_of(0x01) == frozenset()  # idle


@pytest.mark.parametrize("library", [None, Library(driver=False)])
def test_without_binding_or_driver_there_is_nothing(
    library: Library | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is required."""
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert open_nvml() is None


def test_the_driver_is_let_go_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing twice is harmless."""
    library = Library()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    source = open_nvml()
    assert source is not None
    source.close()
    source.close()
    assert library.shut == 1
