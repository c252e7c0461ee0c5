"""Cutting what a server prints into lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.engines.launch.lines import (
    KEPT,
    LONG_AGO,
    LONGEST,
    TELLING,
    LineBudget,
    LineSplitter,
    Tail,
    level,
)


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    whole = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*whole, *splitter.end()]


def test_lines_are_put_together_over_chunks() -> None:
    """Progress bars return the carriage; colors and empty lines are left out."""
    chunks = (
        b"Load",
        b"ing\r\n\nshards:  50%\rshards: 100%\n",
        b"\x1b[32mINFO\x1b[0m ok",
        b" \xc3",
    )
    assert split(*chunks, b"\xbc") == ["Loading", "shards:  50%", "shards: 100%", "INFO ok ü"]


def test_a_line_without_an_end_is_bounded() -> None:
    """Ten megabytes without a line break take the place of one line."""
    splitter = LineSplitter()
    for _ in range(10):
        assert list(splitter.feed(b"x" * 1_000_000)) == []
        assert len(splitter._rest) <= 4 * LONGEST
    assert list(splitter.feed(b"\nnext\n")) == ["x" * LONGEST, "next"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_chunks_do_not_matter(data: bytes, cuts: list[int]) -> None:
    """The same bytes give the same lines however they arrive, and no control characters."""
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert split(*pieces, data[max(places) :]) == split(data)
    assert all(char >= " " or char == "\t" for line in split(data) for char in line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("INFO 11-26 10:44:46 [core.py:1] up", "info"),
        ("(EngineCore pid=7) WARNING 11-26 10:44:46 [x.py:2] odd", "warning"),
        ("(A pid=1) (Worker pid=7) ERROR 11-26 10:44:46 [x.py:2] bad", "error"),
        ("CRITICAL worse", "error"),
        (
            '(APIServer pid=1) INFO:     127.0.0.1:5 - "POST /v1/models HTTP/1.1" 200',
            "debug",
        ),
        ("Traceback (most recent call last):", "info"),
    ],
)
def test_the_level_is_that_of_vllm(line: str, expected: str) -> None:
    """Except that each request is news to debuggers only."""
    assert level(line) == expected


def test_a_flood_is_bounded_and_counted() -> None:
    """The burst, then the rate; the first line that is written again tells what was left out."""
    bucket, written = LineBudget(rate=10, burst=5, left=5), 0
    for _ in range(100):
        bucket, allowed, _ = bucket.take(0.0)
        written += allowed
    assert written == 5
    bucket, allowed, dropped = bucket.take(0.1)
    assert (allowed, dropped) == (True, 95)
    assert bucket.take(0.05)[1] is False, "a clock set back gives nothing"


def tail() -> Tail:
    return Tail(lambda line: line.startswith("reason"))


def test_the_reason_of_an_end_outlives_what_is_printed_after_it() -> None:
    """A dead engine is said so once for each page in work, with a traceback each."""
    held = tail()
    held.add("reason", 0.0)
    for number in range(50 * KEPT):
        held.add(f"line {number}", 1.0)
    assert held.lines()[:2] == ("reason", f"line {49 * KEPT}")
    assert len(held.lines()) == KEPT + 1


def test_a_reason_of_long_ago_is_none() -> None:
    """What was overcome hours before must not be taken for it."""
    held = tail()
    held.add("reason", 0.0)
    for number in range(KEPT):
        held.add(f"line {number}", LONG_AGO + 1.0)
    assert held.lines()[0] == "line 0"


def test_few_lines_are_all_there_and_many_reasons_are_bounded() -> None:
    """In the order in which they came."""
    held = tail()
    assert held.lines() == ()
    for number in range(5 * KEPT):
        held.add(f"reason {number}", 0.0)
    assert held.lines() == tuple(f"reason {4 * KEPT - TELLING + n}" for n in range(KEPT + TELLING))
