"""A load as it goes."""

import io

import pytest
from rich.console import Console

from ocrgate.load.counters import Counters
from ocrgate.load.live import line, picture
from ocrgate.load.record import Sample


def filled() -> Counters:
    counters = Counters("closed loop, 4 at once", begun=0.0, begins=0.0, ends=20.0)
    for number in range(100):
        at = number * 0.1
        outcome = "overloaded" if number % 10 == 0 else "ok"
        sample = Sample(
            number=number,
            step=0,
            intended=at,
            sent=at,
            first=at + 0.05,
            done=at + 0.1,
            outcome=outcome,
            output_tokens=20,
            cer=0.02,
        )
        counters.add(sample, measured=True, good=outcome == "ok" and number != 5)
    return counters


def test_rates_are_those_of_the_last_seconds() -> None:
    """Nine of ten requests a tenth of a second apart are nine a second."""
    counters = filled()
    assert counters.throughput(10.0) == 9.0
    assert counters.tokens(10.0) == 180.0
    assert counters.throughput(60.0) == 0.0


def test_counts_are_exact() -> None:
    counters = filled()
    assert (counters.ended, counters.failed, counters.good, counters.late) == (100, 10, 89, 1)
    assert counters.cer == pytest.approx(0.02)


def test_warm_up_shows_in_rates_only() -> None:
    """What is not measured is not counted."""
    counters = Counters(begun=0.0, begins=5.0)
    sample = Sample(number=1, step=0, intended=1.0, sent=1.0, done=1.5)
    counters.add(sample, measured=False, good=True)
    assert counters.ended == 0
    assert counters.throughput(2.0) > 0


def test_the_time_left_is_that_of_the_clock_or_of_the_requests() -> None:
    counters = filled()
    assert counters.left(15.0) == 5.0
    counters.requests = 190
    assert counters.left(10.0) == 10.0


def test_a_line_for_logs_names_failures() -> None:
    text = line(filled(), 10.0)
    assert "9/s" in text
    assert "overloaded 10" in text


def test_a_picture_for_terminals_has_all_that_matters() -> None:
    """Throughput, quantiles, failures by reason, in flight, time left, correctness."""
    counters = filled()
    counters.trouble = "the record cannot be written"
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(counters, 10.0))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for word in (
        "9/s",
        "p50",
        "p95",
        "p99",
        "in flight",
        "overloaded 10",
        "10 s left",
        "2.0% wrong",
    ):
        assert word in text, word
    assert "cannot be written" in text
