"""The ceiling of a hot GPU."""

import pytest

from ocrgate.control.thermal import Ceiling, Heat, Thermal, ThermalParams


def warmed(
    celsius: float, seconds: float, thermal: Thermal | None = None, at: float = 0.0
) -> Thermal:
    """Readings of one temperature, one a second."""
    thermal = thermal or Thermal()
    for i in range(round(seconds) + 1):
        thermal.read(Heat(celsius, throttled=False), at + i)
    return thermal


def test_a_cool_gpu_has_no_ceiling() -> None:
    assert warmed(70, 100).ceiling() == Ceiling(1.0, "cool")


def test_a_hot_one_loses_a_tenth_every_ten_seconds_down_to_a_quarter() -> None:
    assert warmed(90, 10).ceiling().factor == pytest.approx(0.9)
    assert warmed(90, 30).ceiling().factor == pytest.approx(0.9**3)
    assert warmed(90, 1000).ceiling() == Ceiling(0.25, "hot")


def test_throttling_counts_whatever_the_temperature() -> None:
    thermal = Thermal()
    for i in range(11):
        thermal.read(Heat(None, throttled=True), float(i))
    assert thermal.ceiling().reason == "throttled"
    assert thermal.ceiling().factor == pytest.approx(0.9)


def test_it_comes_back_more_slowly_than_it_fell() -> None:
    thermal = warmed(90, 50)
    before = thermal.ceiling().factor
    warmed(70, 10, thermal, at=51)
    assert thermal.ceiling().reason == "recovering"
    assert thermal.ceiling().factor == pytest.approx(before * 1.05, rel=0.01)
    assert warmed(70, 1000, thermal, at=62).ceiling() == Ceiling(1.0, "cool")


def test_between_the_thresholds_it_stands() -> None:
    thermal = warmed(90, 20)
    before = thermal.ceiling().factor
    after = warmed(80, 100, thermal, at=21).ceiling()
    assert after.factor == pytest.approx(before)
    assert after.reason == "warm"
    assert warmed(80, 100).ceiling().factor == 1.0


def test_a_gap_is_not_taken_for_minutes_of_heat() -> None:
    thermal = Thermal()
    thermal.read(Heat(90.0), 0.0)
    assert thermal.read(Heat(90.0), 3600.0).factor == pytest.approx(0.81)


def test_time_that_goes_back_changes_nothing() -> None:
    thermal = warmed(90, 20)
    before = thermal.ceiling().factor
    assert thermal.read(Heat(90.0), 3.0).factor == before


def test_without_readings_there_is_no_ceiling() -> None:
    assert Thermal().read(Heat(), 5.0) == Ceiling(1.0, "unknown")


def test_readings_that_end_let_it_stand_for_a_minute() -> None:
    thermal = warmed(90, 20)
    assert thermal.read(Heat(), 50.0).factor == pytest.approx(0.81)
    assert thermal.read(Heat(), 100.0) == Ceiling(1.0, "unknown")


def test_a_limit_under_it_is_at_least_one() -> None:
    assert Ceiling(0.25, "hot").over(2) == 1
    assert Ceiling(0.9, "hot").over(32) == 28


def test_parameters_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="exit"):
        ThermalParams(enter=80, exit=80)
