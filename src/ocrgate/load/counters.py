"""What a load looks like while it is held: exact counts, recent rates, quantiles so far."""

from collections import Counter, deque
from dataclasses import dataclass, field

from ocrgate.load.record import OK, Sample
from ocrgate.load.stats import Gauge
from ocrgate.load.tally import Histogram

RECENT = 5.0  # seconds that a rate looks back


@dataclass(slots=True)
class Counters:
    """Counts of the load under way. Instants are seconds of the run.

    Attributes:
        label: of the load.
        begun: when it began; ``begins``: when measuring does; ``ends``: when it is over, None where
            requests are counted instead.
        requests: to be measured, None where time decides.
        draining: whether only answers are awaited.
        trouble: what the person looking on should know.
        in_flight: requests on the wire.
        ended: measured requests that are over; ``good``: those that got what was promised;
            ``late``: those that were answered, but not as promised.
        outcomes: measured requests by outcome.
        latency: of answers, from the intended instant, seconds.
        first: the same of the first text or byte.
    """

    label: str = ""
    begun: float = 0.0
    begins: float = 0.0
    ends: float | None = None
    requests: int | None = None
    draining: bool = False
    trouble: str = ""
    in_flight: Gauge = field(default_factory=Gauge)
    ended: int = 0
    good: int = 0
    late: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    latency: Histogram = field(default_factory=Histogram)
    first: Histogram = field(default_factory=Histogram)
    wrong_characters: float = 0.0
    compared: int = 0
    _recent: deque[tuple[int, int, int]] = field(default_factory=deque)  # second, answers, tokens

    @property
    def failed(self) -> int:
        """Measured requests that got no answer."""
        return self.ended - self.outcomes[OK]

    @property
    def cer(self) -> float | None:
        """Mean character error rate so far; None where no text is known."""
        return self.wrong_characters / self.compared if self.compared else None

    def add(self, sample: Sample, *, measured: bool, good: bool) -> None:
        """A request is over."""
        if sample.outcome == OK:
            self._count(int(sample.done), sample.output_tokens)
        if not measured:
            return
        self.ended += 1
        self.outcomes[sample.outcome] += 1
        if sample.outcome != OK:
            return
        self.good += good
        self.late += not good
        self.latency.add(sample.latency)
        if sample.first is not None:
            self.first.add(sample.first - sample.intended)
        if sample.cer is not None:
            self.compared += 1
            self.wrong_characters += sample.cer

    def throughput(self, now: float) -> float:
        """Answers a second of late; the second under way does not count."""
        return self._rate(now, 1)

    def tokens(self, now: float) -> float:
        """Tokens written a second of late."""
        return self._rate(now, 2)

    def left(self, now: float) -> float | None:
        """Seconds until no more is sent; None where that is not known yet."""
        if self.ends is not None and self.requests is None:
            return max(0.0, self.ends - now)
        rate = self.throughput(now)
        if self.requests is None or not rate:
            return None
        return max(0.0, self.requests - self.ended) / rate

    def _count(self, second: int, tokens: int) -> None:
        if self._recent and self._recent[-1][0] >= second:
            last, answers, written = self._recent.pop()
            self._recent.append((last, answers + 1, written + tokens))
        else:
            self._recent.append((second, 1, tokens))
        while self._recent[0][0] < second - RECENT - 1:
            self._recent.popleft()

    def _rate(self, now: float, place: int) -> float:
        last = int(now)
        span = min(RECENT, last - int(self.begun))
        if span <= 0:
            return float(sum(entry[place] for entry in self._recent))
        return sum(entry[place] for entry in self._recent if last - span <= entry[0] < last) / span
