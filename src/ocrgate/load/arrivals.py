"""When requests are sent: as soon as an earlier one ended, or by a law of their own.

A closed loop is a number of users who each wait for their answer. It can never offer more than the
server takes, and it stands still while the server does. An open loop sends when it is time,
whatever came of the requests before, as the world does.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ocrgate.errors import InvalidRequest
from ocrgate.simulate import arrivals as laws

_MOST = 1e6  # requests a second, and whatever else is no mistake


@dataclass(frozen=True, slots=True)
class Closed:
    """``concurrency`` users, each sending as soon as the answer is there and ``think`` s are past.

    Their first requests are spread over ``spread`` seconds, so that they do not march in step.
    """

    concurrency: int
    think: float = 0.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise InvalidRequest("a closed loop needs at least one user", field="--concurrency")

    @property
    def name(self) -> str:
        """For people."""
        return f"closed loop, {self.concurrency} at once"


@dataclass(frozen=True, slots=True)
class Open:
    """Requests at ``rate`` a second on average, in gamma-distributed pauses.

    ``burstiness`` is the shape of the law as `vllm bench serve` counts it: 1 is Poisson, less comes
    in bursts (the coefficient of variation of the pauses is 1 / sqrt(burstiness)), more is evener.
    """

    rate: float
    burstiness: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.rate, "--rate")
        _positive(self.burstiness, "--burstiness")

    @property
    def name(self) -> str:
        """For people."""
        law = "Poisson" if self.burstiness == 1 else f"burstiness {self.burstiness:g}"
        return f"open loop, {self.rate:g}/s, {law}"

    def instants(self, source: random.Random) -> Iterator[float]:
        """Seconds from the start, without end."""
        return laws.gamma(self.rate, self.burstiness**-0.5, source)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Poisson arrivals whose rate goes evenly from ``low`` to ``high`` within ``seconds``."""

    low: float
    high: float
    seconds: float

    def __post_init__(self) -> None:
        _positive(self.high, "--ramp")
        _positive(self.seconds, "--duration")
        if not 0 <= self.low < _MOST:
            raise InvalidRequest("--ramp: a rate is at least 0", field="--ramp")

    @property
    def name(self) -> str:
        """For people."""
        return f"open loop, {self.low:g} to {self.high:g}/s"

    def at(self, instant: float) -> float:
        """Requests a second at an instant; after the end it stays."""
        done = min(1.0, max(0.0, instant / self.seconds))
        return self.low + (self.high - self.low) * done

    def instants(self, source: random.Random) -> Iterator[float]:
        """Seconds from the start, without end."""
        return laws.varying(self.at, max(self.low, self.high), source)


@dataclass(frozen=True, slots=True)
class Trace:
    """The instants of a recorded trace, sped up by ``factor``; from its start again at its end."""

    times: tuple[float, ...]
    source: str
    factor: float = 1.0

    @property
    def rate(self) -> float:
        """Requests a second on average."""
        return self.factor * len(self.times) / self._length

    @property
    def name(self) -> str:
        """For people."""
        return f"open loop, trace {self.source} at {self.rate:.3g}/s"

    @property
    def _length(self) -> float:
        """Seconds after which it begins anew: its last pause is as long as its mean one."""
        last = self.times[-1]
        return last + last / max(1, len(self.times) - 1) or 1.0

    def instants(self, source: random.Random) -> Iterator[float]:
        """Seconds from the start, without end."""
        del source  # nothing is drawn
        begun = 0.0
        while True:
            yield from ((begun + at) / self.factor for at in self.times)
            begun += self._length


OpenLoop = Open | Ramp | Trace
Arrivals = Closed | OpenLoop


def read_trace(path: Path, rate: float | None = None) -> Trace:
    """A trace to replay, at ``rate`` a second on average, else as fast as it was.

    A file of plain numbers is instants in seconds, one a line; else Azure's CSV or Mooncake's JSON
    lines (:func:`ocrgate.simulate.arrivals.read_trace`).

    Raises:
        OSError: it cannot be read.
        InvalidRequest: it is no trace; the message names the line.
    """
    if path.stat().st_size == 0:
        raise InvalidRequest("the trace is empty", field="--trace")
    times = _plain(path) or _recorded(path)
    if not all(map(math.isfinite, times)):  # else all were due at once, without end
        raise InvalidRequest("an instant of the trace is no number of seconds", field="--trace")
    if len(times) < 2 or times[-1] <= 0:
        raise InvalidRequest("a trace needs requests at two instants", field="--trace")
    found = Trace(tuple(times), path.name)
    _positive(found.rate if rate is None else rate, "--trace" if rate is None else "--rate")
    return found if rate is None else Trace(found.times, found.source, rate / found.rate)


def _plain(path: Path) -> list[float] | None:
    """Instants from 0; None where the file is no list of numbers."""
    try:
        words = path.read_text(encoding="utf-8-sig").split()
        found = sorted(float(word) for word in words if word)
    except ValueError:
        return None
    return [at - found[0] for at in found]


def _recorded(path: Path) -> list[float]:
    try:
        return [arrival.at for arrival in laws.read_trace(path)]
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path.name} is no text, so no trace", field="--trace") from None


def parse_ramp(text: str, seconds: float) -> Ramp:
    """``1:20`` as a ramp over ``seconds``.

    Raises:
        InvalidRequest: it is none.
    """
    low, _, high = text.partition(":")
    try:
        rates = float(low), float(high)
    except ValueError:
        message = f"--ramp {text!r}: two rates are needed, as in 1:20"
        raise InvalidRequest(message, field="--ramp") from None
    return Ramp(*rates, seconds)


def _positive(value: float, field: str) -> None:
    if not 0 < value < _MOST:
        message = f"{field} {value:g}: it has to be above 0 and below {_MOST:,.0f}"
        raise InvalidRequest(message, field=field)
