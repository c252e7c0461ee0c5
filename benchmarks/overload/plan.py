"""What the load generator is told: who sends how much, when, and how patient they are."""

import heapq
import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ocrgate.simulate.arrivals import Arrival, gamma, read_trace, scaled, square, steps, varying

Arrivals = Literal["poisson", "gamma", "square", "burst", "trace"]
Retries = Literal["none", "obedient", "impatient"]
Kind = Literal["plain", "screenshot", "dense", "mouse", "elephant"]

REFUSALS = {429, 503}
BACKOFF = (1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Flow:
    """One caller, or callers that need not be told apart.

    Attributes:
        name: in the records.
        rate: pages a second on average; for ``square`` and ``burst`` the lower one.
        arrivals: how they come; ``trace`` replays ``path`` at the rate given.
        cv: coefficient of variation of a gamma process.
        high: the higher rate of ``square`` and ``burst``.
        period: seconds of the square wave.
        burst: from when to when the burst is.
        path: of a trace that :func:`ocrgate.simulate.arrivals.read_trace` knows; the replay begins
            at a place that the seed draws.
        since: no pages are sent before; ``until``: none from then on.
        pages: what they are (:mod:`benchmarks.overload.pages`).
        deadline: seconds after which a client leaves; 0: the plan's.
        upload: seconds over which a client spreads the sending of its page.
        key: bearer token.
        lane: sent as ``X-Priority``.
        retries: what a client does that was refused or had no answer: waits for a jittered 1, 2 s
            (``impatient``), or as long as it was told if that is more (``obedient``).
        tries: at most.
        leaves: seconds after which half of the clients leave at the latest (drawn evenly); 0: none
            but those at their deadline.
    """

    name: str
    rate: float
    arrivals: Arrivals = "poisson"
    cv: float = 3.0
    high: float = 0.0
    period: float = 20.0
    burst: tuple[float, float] = (0.0, 0.0)
    path: str = ""
    since: float = 0.0
    until: float = 1e9
    pages: Kind = "plain"
    deadline: float = 0.0
    upload: float = 0.0
    key: str = ""
    lane: str = ""
    retries: Retries = "none"
    tries: int = 1
    leaves: float = 0.0

    def times(self, source: random.Random) -> Iterator[float]:
        """Intended send times, seconds from the start."""
        match self.arrivals:
            case "poisson":
                return gamma(self.rate, 1.0, source)
            case "gamma":
                return gamma(self.rate, self.cv, source)
            case "square":
                return varying(square(self.rate, self.high, self.period), self.high, source)
            case "burst":
                begin, end = self.burst
                rate = steps([(0.0, self.rate), (begin, self.high), (end, self.rate)])
                return varying(rate, self.high, source)
            case "trace":
                trace = read_trace(Path(self.path))
                return _from_within(trace, self.rate, source.random())

    def pause(self, tries: int, status: int, told: float, source: random.Random) -> float | None:
        """Seconds until a client tries again after so many tries; None when it does not.

        Args:
            tries: made until now.
            status: of the last one, as in :class:`Row`.
            told: ``Retry-After`` of the last one, 0 for none.
            source: of the jitter.
        """
        if self.retries == "none" or tries >= self.tries:
            return None
        if status not in REFUSALS | {0, -1, 500, 502, 504}:
            return None
        pause = BACKOFF[min(tries - 1, 2)] * source.uniform(0.5, 1.5)
        return max(pause, told if self.retries == "obedient" else 0.0)


def _from_within(trace: list[Arrival], rate: float, place: float) -> Iterator[float]:
    """A trace at so many a second on average, from a place (0 to 1) on and round about."""
    length = trace[-1].at
    factor, start = rate * length / len(trace), place * length
    first = bisect_left(trace, start, key=lambda arrival: arrival.at)
    turned = [replace(each, at=each.at - start) for each in trace[first:]]
    turned += [replace(each, at=each.at + length - start) for each in trace[:first]]
    return scaled(turned, factor)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of the generator.

    Attributes:
        url: whom to send to, without a path.
        seconds: in which pages are sent.
        flows: of an open loop.
        clients: of a closed loop, instead: each sends its next page when it has an answer.
        deadline: seconds from the intended send time after which a client leaves.
        seed: of times, pages and patience.
        hang_up: whether all leave at once when the seconds are over.
    """

    url: str
    seconds: float
    flows: tuple[Flow, ...] = ()
    clients: int = 0
    deadline: float = 10.0
    seed: int = 1
    hang_up: bool = False

    def sends(self) -> Iterator[tuple[float, int]]:
        """Intended send times with the number of the flow, in order."""
        each = [self._of(number, flow) for number, flow in enumerate(self.flows)]
        return heapq.merge(*each)

    def _of(self, number: int, flow: Flow) -> Iterator[tuple[float, int]]:
        until = min(self.seconds, flow.until)
        for at in flow.times(random.Random(f"{self.seed} {flow.name}")):
            if at >= until:
                return
            if at >= flow.since:
                yield at, number

    def patience(self, flow: Flow) -> float:
        """Seconds that a client of the flow waits."""
        return flow.deadline or self.deadline


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one page; times in seconds.

    Attributes:
        flow: its caller.
        at: intended send time, from the start.
        lag: by how much later it was sent.
        took: from the intended time to the end of the last try.
        status: HTTP's; 0: the client left, -1: the connection broke.
        tokens: of the answer.
        tries: made.
        refused: from the first try's beginning to its refusal; None when it was not refused.
        quit: whether the client left before its deadline, since it wanted to.
        last: seconds of the last try alone; it is ``took`` where there was one.
        why: beginning of the body of an answer that was no success.
        patience: seconds after which its client leaves.
    """

    flow: str
    at: float
    lag: float
    took: float
    status: int
    tokens: int = 0
    tries: int = 1
    refused: float | None = None
    quit: bool = False
    last: float = 0.0
    why: str = ""
    patience: float = 10.0

    @property
    def served(self) -> bool:
        """Whether its client had the answer in time, at whatever try."""
        return self.status == 200 and self.last <= self.patience + 0.005

    @property
    def served_at_once(self) -> bool:
        """The same, from when it was first sent."""
        return self.status == 200 and self.took <= self.patience + 0.005


@dataclass(frozen=True, slots=True)
class Begun:
    """The first line of a record: the instant of time 0, on the monotonic clock."""

    begun: float
