"""What a run gave, from the generator's record and the engine's own counters."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from benchmarks.overload.plan import Begun, Row

KEPT_UP = 0.025  # seconds of lag, 99th percentile, up to which the generator counts as on time


@dataclass(slots=True)
class Result:
    """One run, counted over its measured seconds.

    Attributes:
        setup: what stood before the engine.
        case: which of an experiment's runs it is.
        load: offered over knee.
        seed: of the run.
        seconds: measured.
        offered: pages a second; ``goodput``: those answered before their deadline.
        p50: latency of served pages from their intended send time; ``p99`` the same.
        refused: share of pages whose first try was refused; ``refusal_p50``, ``refusal_p99``,
            ``refusal_max``: seconds until the refusal.
        left: share of pages whose client left at its deadline; ``broken``: of other endings.
        useful_tokens: in answers in time; ``written_tokens``: by the engine.
        preemptions: by the engine; ``served``: pages; ``admitted``: those that the engine was
            given (0 where nobody counted them).
        lag_p99: of the generator's sends, seconds; ``lag_max`` the same.
        cpu: cores that what stood before the engine took.
        statuses: pages by last status.
        shares: served share of pages, by flow.
        tries: per page.
        extra: what one experiment measures alone; ``curve``, the same as points.
    """

    setup: str = ""
    case: str = ""
    load: float = 0.0
    seed: int = 0
    seconds: float = 0.0
    offered: float = 0.0
    goodput: float = 0.0
    p50: float | None = None
    p99: float | None = None
    refused: float = 0.0
    refusal_p50: float | None = None
    refusal_p99: float | None = None
    refusal_max: float | None = None
    left: float = 0.0
    broken: float = 0.0
    useful_tokens: int = 0
    written_tokens: int = 0
    preemptions: int = 0
    served: int = 0
    admitted: int = 0
    lag_p99: float = 0.0
    lag_max: float = 0.0
    cpu: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    tries: float = 1.0
    extra: dict[str, float | None] = field(default_factory=dict)
    curve: list[tuple[float, float]] = field(default_factory=list)

    @property
    def waste(self) -> float | None:
        """Share of the tokens written that were in no answer in time."""
        if not self.written_tokens:
            return None
        return max(0.0, 1 - self.useful_tokens / self.written_tokens)

    @property
    def preempted(self) -> float:
        """Preemptions per 1,000 pages that the engine was given, or of those served."""
        count = self.admitted or self.served
        return 1000 * self.preemptions / count if count else float("nan")

    @property
    def kept_up(self) -> bool:
        """Whether the generator itself was on time."""
        return self.lag_p99 <= KEPT_UP


def begun(record: Path) -> float | None:
    """The monotonic instant of time 0; None while nothing is written."""
    if not record.exists():
        return None
    with record.open("rb") as lines:
        first = lines.readline()
    return msgspec.json.decode(first, type=Begun).begun if first.endswith(b"\n") else None


def rows(record: Path) -> list[Row]:
    """The pages of a record."""
    with record.open("rb") as lines:
        next(lines)
        return [msgspec.json.decode(line, type=Row) for line in lines]


def quantile(values: list[float], share: float) -> float | None:
    """The value below which ``share`` of the values lie; None for none."""
    return sorted(values)[int(share * (len(values) - 1))] if values else None


def summary(every: list[Row], warm: float, seconds: float) -> Result:
    """What pages say of ``warm`` to ``seconds``.

    Goodput is of pages that were answered then, since what is answered after the load has gone
    would flatter; shares are of pages that were due then.
    """
    found = [row for row in every if warm <= row.at < seconds]
    good = [row for row in every if row.served and warm <= row.at + row.took < seconds]
    refusals = [row.refused for row in found if row.refused is not None]
    lags = [row.lag for row in found]
    count = max(1, len(found))
    result = Result(
        seconds=seconds - warm,
        offered=len(found) / (seconds - warm),
        goodput=len(good) / (seconds - warm),
        p50=quantile([row.took for row in good], 0.5),
        p99=quantile([row.took for row in good], 0.99),
        refused=len(refusals) / count,
        refusal_p50=quantile(refusals, 0.5),
        refusal_p99=quantile(refusals, 0.99),
        refusal_max=max(refusals, default=None),
        left=sum(row.status == 0 and not row.quit for row in found) / count,
        useful_tokens=sum(row.tokens for row in good),
        served=len(good),
        lag_p99=quantile(lags, 0.99) or 0.0,
        lag_max=max(lags, default=0.0),
        statuses=dict(sorted(Counter(row.status for row in found).items())),
        shares=_shares(found),
        tries=sum(row.tries for row in found) / count,
    )
    plain = {0, 200, 429, 503}
    result.broken = sum(row.status not in plain for row in found) / count
    return result


def recovery(every: list[Row], end: float, seconds: float) -> float | None:
    """Seconds from the end of a burst until nine of ten fresh pages of five seconds are served
    again, each within its deadline from when it was first sent, and no fewer than 85 of 100 of all
    that come later; None: not before the run was over.
    """
    fresh = [row for row in every if end <= row.at < seconds]
    start = end
    while start + 5 <= seconds:
        later = [row.served_at_once for row in fresh if row.at >= start]
        window = [row.served_at_once for row in fresh if start <= row.at < start + 5]
        well = window and sum(window) >= 0.9 * len(window)
        if well and sum(later) >= 0.85 * len(later):
            return start - end
        start += 1.0
    return None


def answered(every: list[Row], begin: float, end: float) -> float:
    """Share of the pages that came in a stretch of time and were served at last."""
    found = [row.status == 200 for row in every if begin <= row.at < end]
    return sum(found) / max(1, len(found))


def over_time(
    every: list[Row], seconds: float, window: float, flow: str | None = None
) -> list[tuple[float, float]]:
    """Pages a second in time, by when they were answered: the middle of each window, and the rate.

    Args:
        every: the pages.
        seconds: of the run.
        window: seconds.
        flow: the only one that counts; None: all do.
    """
    ends = Counter(
        int((row.at + row.took) // window)
        for row in every
        if row.served and flow in {None, row.flow}
    )
    return [((each + 0.5) * window, ends[each] / window) for each in range(int(seconds / window))]


def _shares(found: list[Row]) -> dict[str, float]:
    served: defaultdict[str, list[bool]] = defaultdict(list)
    for row in found:
        if not row.quit:
            served[row.flow].append(row.served)
    return {name: sum(each) / len(each) for name, each in sorted(served.items())}
