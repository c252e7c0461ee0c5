"""When pages come: instants in seconds, from 0, without end unless a trace ends."""

import csv
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ocrgate.errors import InvalidRequest

Rate = Callable[[float], float]
_Entry = TypeVar("_Entry")


def poisson(rate: float, source: random.Random) -> Iterator[float]:
    """Independent arrivals, ``rate`` a second on average."""
    return gamma(rate, 1.0, source)


def gamma(rate: float, cv: float, source: random.Random) -> Iterator[float]:
    """Gamma-distributed pauses of a coefficient of variation: 1 is Poisson, more is bursty.

    Raises:
        ValueError: a figure is not above 0.
    """
    if rate <= 0 or cv <= 0:
        raise ValueError("rate and coefficient of variation have to be above 0")
    return _renewals(1 / (cv * cv), cv * cv / rate, source)


def _renewals(shape: float, scale: float, source: random.Random) -> Iterator[float]:
    now = 0.0
    while True:
        now += source.gammavariate(shape, scale)
        yield now


def varying(rate: Rate, highest: float, source: random.Random) -> Iterator[float]:
    """Poisson arrivals of a rate that varies; ``highest`` bounds it (thinning, Lewis 1979)."""
    for at in poisson(highest, source):
        if source.random() * highest < rate(at):
            yield at


def steps(changes: Iterable[tuple[float, float]]) -> Rate:
    """A rate that jumps: ``(from, rate)`` pairs by time; 0 before the first."""
    ordered = sorted(changes)

    def rate(at: float) -> float:
        now = 0.0
        for start, value in ordered:
            if start > at:
                break
            now = value
        return now

    return rate


def square(low: float, high: float, period: float) -> Rate:
    """A rate that is ``low`` for half a ``period``, then ``high`` for the other half."""
    return lambda at: low if at % period < period / 2 else high


def several(streams: Iterable[Iterator[float]], until: float) -> list[tuple[float, int]]:
    """Arrivals of several callers by time, each with the number of its stream, up to ``until``."""
    found = []
    for number, stream in enumerate(streams):
        for at in stream:
            if at >= until:
                break
            found.append((at, number))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request of a recorded trace: seconds since its first, tokens of prompt and of answer."""

    at: float
    input_tokens: int
    output_tokens: int


def read_trace(path: Path) -> list[Arrival]:
    """The requests of a trace: Azure's CSV (TIMESTAMP, ContextTokens, GeneratedTokens) or
    Mooncake's JSON lines (timestamp in milliseconds, input_length, output_length).

    Raises:
        OSError: it cannot be read.
        InvalidRequest: it is neither; the message names the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return parse_trace(lines)


def parse_trace(lines: Iterable[str]) -> list[Arrival]:
    """As :func:`read_trace`, of text."""
    rest = iter(lines)
    first = next(rest, "")
    if first.lstrip().startswith("{"):
        return _from_first(_each([first, *rest], 1, _mooncake))
    names = [name.strip() for name in next(csv.reader([first]), [])]
    if not {"TIMESTAMP", "ContextTokens", "GeneratedTokens"} <= set(names):
        raise InvalidRequest("the trace has neither Azure's columns nor Mooncake's keys")
    rows = (dict(zip(names, row, strict=False)) for row in csv.reader(rest) if row)
    return _from_first(_each(rows, 2, _azure))


def scaled(trace: Iterable[Arrival], factor: float) -> Iterator[float]:
    """The instants of a trace at ``factor`` times its rate: the bursts stay, all is faster."""
    return (arrival.at / factor for arrival in trace)


def _each(
    entries: Iterable[_Entry], first: int, read: Callable[[_Entry], Arrival]
) -> list[Arrival]:
    found = []
    for number, entry in enumerate(entries, first):
        try:
            found.append(read(entry))
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidRequest(f"line {number} of the trace is not a request") from error
    return found


def _azure(row: dict[str, str]) -> Arrival:
    written = datetime.fromisoformat(row["TIMESTAMP"].strip()[:26])
    at = written.replace(tzinfo=UTC).timestamp()
    return Arrival(at, int(row["ContextTokens"]), int(row["GeneratedTokens"]))


def _mooncake(line: str) -> Arrival:
    entry = json.loads(line)
    return Arrival(
        float(entry["timestamp"]) / 1000, int(entry["input_length"]), int(entry["output_length"])
    )


def _from_first(found: list[Arrival]) -> list[Arrival]:
    found.sort(key=lambda arrival: arrival.at)
    start = found[0].at if found else 0.0
    return [Arrival(each.at - start, each.input_tokens, each.output_tokens) for each in found]
