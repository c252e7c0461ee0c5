"""Figures as people write them."""

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.load.quantities import duration, number, seconds, share


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90),
        ("0.5", 0.5),
        ("250ms", 0.25),
        ("2m", 120),
        ("1m30s", 90),
        ("2h", 7200),
        ("3min", 180),
    ],
)
def test_durations(text: str, value: float) -> None:
    assert duration(text, "--duration") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "fast", "-1", "1d", "5 s s", "1e999", "99999h", "s", "m30"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidRequest, match="--duration"):
        duration(text, "--duration")


def test_shares_and_numbers() -> None:
    assert share("1%", "x") == pytest.approx(0.01)
    assert share("0.5", "x") == 0.5
    for wrong in ("150%", "-1%", "nan", "inf", "x"):
        with pytest.raises(InvalidRequest):
            share(wrong, "x")
    with pytest.raises(InvalidRequest):
        number("-3", "x")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0042, "4.2 ms"), (0.9999, "1 s"), (1.3, "1.3 s"), (125, "2m05s"), (7200, "2.0 h")],
)
def test_times_for_people(value: float, text: str) -> None:
    assert seconds(value) == text
