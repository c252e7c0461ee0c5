"""Trials on a server that is there, with the same load generator as ``ocrgate bench``."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import stdev

from ocrgate.errors import EngineUnavailable, InvalidRequest
from ocrgate.load.arrivals import Closed
from ocrgate.load.counters import Counters
from ocrgate.load.journal import Journal
from ocrgate.load.probe import detect
from ocrgate.load.record import OK, Record, Step
from ocrgate.load.runner import Offer, Session, Span, describe
from ocrgate.load.sampling import own_page
from ocrgate.load.slo import Slo, throughput
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.tune.trial import Observation, Stop, Trial
from ocrgate.load.tune.watch import Counts, Watch, WatchParams
from ocrgate.load.workload import Callers, Workload

_LOOK = 0.5  # seconds between looks at a trial under way
_LONGER = 4.0  # times its length that a trial lasts until it has seen enough pages
_PARTS = 10
_PATIENCE = 3.0  # times the SLO's end to end that an answer is waited for, but at least
_LEAST_PATIENCE = 60.0  # seconds

_HOPELESS = frozenset(
    {
        "unauthenticated",
        "forbidden",
        "not_found",
        "invalid_request",
        "unsupported_media",
        "unreadable_document",
        "payload_too_large",
        "document_limit",
        *(f"http_{status}" for status in (400, 401, 403, 404, 405, 413, 415, 422)),
    }
)  # outcomes that are the asker's own fault

Live = Callable[[Counters, float], None]
"""Is shown the counts of the trial under way, and the second of its run."""


@dataclass(frozen=True, slots=True)
class LiveTrials:
    """How trials are made.

    Attributes:
        workload: what is sent.
        asking: what is said beside a page.
        slo: what was promised: which answers count.
        callers: in whose name.
        api: the contract; None to find out.
        verify: whether certificates have to be good.
        seconds: that an ordinary trial counts, after ``warmup``; up to four times as long until
            ``pages`` were answered.
        clients: how many at once a trial has: from its setting.
        watch: when a trial is ended early.
        words: the prompt for a model, where none was given.
        live: is shown what is going on.
    """

    workload: Workload
    asking: Asking
    slo: Slo
    callers: Callers = field(default_factory=Callers)
    api: Api | None = None
    verify: bool = True
    seconds: float = 120.0
    warmup: float = 10.0
    pages: int = 400
    clients: Callable[[Trial], int] = lambda trial: int(trial.setting[0])
    watch: WatchParams = field(default_factory=WatchParams)
    words: Callable[[Endpoint], Endpoint] = lambda endpoint: endpoint
    live: Live = lambda _counters, _now: None

    async def __call__(self, trial: Trial, url: str) -> Observation:
        """Carry out a trial.

        Raises:
            OcrgateError: the target cannot be asked at all: it is not there, or wants a key.
        """
        key = self.callers.keys[0]
        found = await detect(url, self.asking, api=self.api, key=key, verify=self.verify)
        endpoint = self.words(found)
        offer = Offer(self.workload, self.callers, self.slo)
        span = Span(
            seconds=self.seconds * trial.length * _LONGER,
            warmup=self.warmup,
            timeout=max(_LEAST_PATIENCE, _PATIENCE * (self.slo.time("e2e") or 0.0)),
            seed=trial.repeat,
        )
        load = Closed(self.clients(trial), spread=min(2.0, self.warmup / 2))
        journal = Journal(None, describe(endpoint, offer, load, span))
        stop = asyncio.Event()
        own = await own_page(endpoint, key)
        meters = () if own is None else (own[0],)
        async with Session(endpoint, offer, journal, meters=meters, stop=stop) as session:
            watching = asyncio.create_task(self._look(session, journal, trial, stop))
            try:
                step = await session.hold(load, span)
            finally:
                stop.set()
                why = await watching
            gone = bool(session.gone)
        record = journal.close()
        if gone or (why is Stop.ERRORS and not await self._is_there(url, key)):
            why = Stop.DIED
        if why is Stop.ERRORS:
            _check(record)
        return observed(trial, record, step, self.slo, why)

    async def _is_there(self, url: str, key: str) -> bool:
        try:
            await detect(url, self.asking, api=self.api, key=key, verify=self.verify)
        except EngineUnavailable:
            return False
        return True

    async def _look(
        self, session: Session, journal: Journal, trial: Trial, stop: asyncio.Event
    ) -> Stop | None:
        """End the trial when it is over or not worth its rest; the reason for the latter."""
        watch, limit = Watch(self.watch, trial.bar), self.slo.time("e2e") or math.inf
        while not stop.is_set():
            await asyncio.sleep(_LOOK)
            counters = session.counters
            self.live(counters, session.now)
            at = session.now - counters.begins
            if at <= 0 or counters.draining:
                continue
            counts = _counts(counters, journal.record(), at, limit, dead=bool(session.gone))
            why = watch.look(counts)
            if why is not None or self._is_over(counters, at, trial):
                stop.set()
                return why
        return None

    def _is_over(self, counters: Counters, at: float, trial: Trial) -> bool:
        return at >= self.seconds * trial.length and counters.ended >= self.pages * trial.pages


def _check(record: Record) -> None:
    """Whether it is the load at all that makes pages fail.

    Raises:
        InvalidRequest: every page failed in a way that no other setting mends.
    """
    outcomes = Counter(sample.outcome for sample in record.samples.rows)
    if outcomes and outcomes.keys() <= _HOPELESS:
        most = outcomes.most_common(1)[0][0]
        raise InvalidRequest(
            f"every page was refused ({most}): no setting of the engine mends that"
        )


def _counts(counters: Counters, record: Record, at: float, limit: float, *, dead: bool) -> Counts:
    """Wrong answers are not late: they say nothing of the load."""
    answered = counters.outcomes[OK]
    served = min(answered, counters.latency.within(limit)) if limit < math.inf else answered
    return Counts(at, served, answered - served, counters.failed, _preemptions(record), dead)


def _preemptions(record: Record, since: float = 0.0) -> int | None:
    """What the engines counted between the first and the last reading; None without any."""
    by_source: dict[str, list[float]] = {}
    for point in record.series:
        if point.name == "preemptions" and point.at >= since:
            by_source.setdefault(point.source, []).append(point.value)
    if not by_source:
        return None
    return int(sum(max(0.0, values[-1] - values[0]) for values in by_source.values()))


def observed(trial: Trial, record: Record, step: Step, slo: Slo, stop: Stop | None) -> Observation:
    """What a step of a record says of a trial.

    Pages a second are those that were answered while the load was held, whenever they were sent,
    times the share of the answers that were good: so neither end of the trial is lost.
    """
    samples = record.of(step)
    answers = [sample for sample in samples if sample.outcome == OK]
    good = sum(map(slo.good, answers)) / len(answers) if answers else 0.0
    late = sum(not slo.timely(sample) for sample in answers)
    rate = throughput(step) or 0.0
    served = step.tally.outcomes.get(OK, 0)
    preempted = _preemptions(record, step.begins) or 0
    return Observation(
        trial,
        goodput=rate * good,
        error=_error(step, rate) * good,
        seconds=step.seconds,
        served=served,
        failed=step.tally.total - served,
        late=late / len(answers) if answers else 0.0,
        preemptions=preempted / max(1, served),
        stop=stop,
    )


def _error(step: Step, rate: float) -> float:
    """Standard error of the rate: from ten parts of the step, or of a short one that of chance."""
    line = step.tally.seconds.get(f"done:{OK}", {})
    first, last = int(-(-step.begins // 1)), int(step.ends // 1)
    width = (last - first) // _PARTS
    if not rate:
        return 0.0
    if width < 1:
        return math.sqrt(rate / max(1.0, step.seconds))
    parts = [
        sum(line.get(second, 0) for second in range(start, start + width)) / width
        for start in range(first, first + width * _PARTS, width)
    ]
    return float(stdev(parts) / _PARTS**0.5)
