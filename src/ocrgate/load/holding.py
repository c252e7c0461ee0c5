"""One load, from its first request to its last answer."""

import asyncio
import random
import time
from dataclasses import dataclass

from ocrgate.load.arrivals import Arrivals, Closed, Open, OpenLoop
from ocrgate.load.counters import Counters
from ocrgate.load.course import Course, Offer, Span
from ocrgate.load.health import Health
from ocrgate.load.record import OK, Sample, Step
from ocrgate.load.sending import AGAIN, Result, Sender
from ocrgate.load.slo import verdicts
from ocrgate.load.stats import Little, little
from ocrgate.load.workload import Caller, Document

_SLICE = 0.2  # seconds after which a pause looks whether the run is to end
_LONELY = 0.1  # seconds a user of a closed loop waits when nobody is there
_REFUSED = 1.0  # the same after a refusal that names no time
_MOST_REFUSED = 10.0  # and where it names a long one
_GIVE_UP = 5.0  # seconds of nobody there after which a run ends
_GIVE_UP_AFTER = 20  # requests in them, at least
_WAITED = 0.005  # seconds that requests wait in the client on average, and no more is worth a word
_BEHIND = 64  # requests sent in one go by a client that is late


@dataclass(frozen=True, slots=True)
class _Request:
    """One request, ready to be sent."""

    number: int
    document: Document
    prepared: tuple[str, bytes]
    caller: Caller


class Load:
    """One load while it is held.

    Args:
        course: what it has in common with other loads of the run.
        offer: what is sent.
        sender: sends it.
        arrivals: when.
        span: for how long.
        label: what it is called; by its arrivals without one.
    """

    def __init__(
        self,
        course: Course,
        offer: Offer,
        sender: Sender,
        arrivals: Arrivals,
        span: Span,
        label: str = "",
    ) -> None:
        self.little: Little | None = None
        self._course, self._offer, self._sender = course, offer, sender
        self._arrivals, self._span = arrivals, span
        self._order = offer.workload.order(self._source("order"))
        self._begun = time.monotonic()
        self._until = self._begun + span.warmup + (span.seconds or 0.0)
        start = self._at(self._begun)
        begins = self._at(self._begun + span.warmup)
        closed = isinstance(arrivals, Closed)
        self._step = Step(
            index=len(course.journal.steps),
            loop="closed" if closed else "open",
            concurrency=arrivals.concurrency if isinstance(arrivals, Closed) else None,
            rate=None if closed else getattr(arrivals, "rate", None),
            label=label or self._usual_label(),
            warm_from=start,
            begins=begins,
            ends=begins + (span.seconds or 0.0),
        )
        self._measured = 0  # requests that were sent and are measured
        self._alone: list[float] = []  # when nobody was there, since somebody was
        self._health = Health()
        self._area = 0.0  # of the gauge of requests in flight, when measuring began
        self._broken: BaseException | None = None
        self._in_flight = 0.0  # on average, while measured
        self._paused = 0.0  # seconds between tries, of all that is measured

    async def hold(self) -> Step:
        """Send, wait for the last answers, sum up. ``finished`` says whether it ran to its end."""
        self._announce()
        requests: set[asyncio.Task[None]] = set()
        watching = [asyncio.create_task(each) for each in (self._health.watch(), self._mark())]
        try:
            if isinstance(self._arrivals, Closed):
                await self._closed(self._arrivals, requests)
            else:
                await self._open(self._arrivals, requests)
            self._sent_all()
            await self._drain(requests)
        finally:
            hung_up = len(requests)
            for task in (*requests, *watching):
                task.cancel()
            await asyncio.gather(*requests, *watching, return_exceptions=True)
            self._end(hung_up)
        if self._broken is not None:
            raise self._broken
        return self._step

    def _usual_label(self) -> str:
        """Ramps and traces are named; one figure says all of the others."""
        plain = isinstance(self._arrivals, Closed | Open)
        return "" if plain else self._arrivals.name

    def _announce(self) -> None:
        course, step, span = self._course, self._step, self._span
        course.journal.begin(step)
        course.counters = Counters(
            label=step.label or self._arrivals.name,
            begun=step.warm_from,
            begins=step.begins,
            ends=step.ends if span.seconds is not None else None,
            requests=span.requests,
            in_flight=self._sender.in_flight,
        )

    def _source(self, name: str) -> random.Random:
        return random.Random(f"{self._span.seed} {name}")  # noqa: S311 - a draw to be repeated

    # ------------------------------------------------------------ when to send

    def _enough(self) -> bool:
        """Whether all that is to be sent has been, or the run is broken off."""
        wanted = self._span.requests
        return (wanted is not None and self._measured >= wanted) or self._course.ended

    def _over(self) -> bool:
        """Whether no more is to be sent by the clock either."""
        late = self._span.seconds is not None and time.monotonic() >= self._until
        return late or self._enough()

    async def _open(self, arrivals: OpenLoop, requests: set[asyncio.Task[None]]) -> None:
        callers, source = self._offer.callers, self._source("callers")
        for sent, at in enumerate(arrivals.instants(self._source("arrivals"))):
            due = self._begun + at
            if self._span.seconds is not None and due >= self._until:
                await self._pause_until(self._until)
                break
            request = self._next(callers.draw(source))
            await self._pause_until(due, yielding=sent % _BEHIND == 0)
            if self._enough():  # what is due before the end is sent, however late it has become
                break
            task = asyncio.create_task(self._sent(request, due, measured=self._claim(due)))
            requests.add(task)
            task.add_done_callback(lambda done: self._done(requests, done))

    async def _closed(self, arrivals: Closed, requests: set[asyncio.Task[None]]) -> None:
        users = self._offer.callers.users(arrivals.concurrency)
        for place, caller in enumerate(users):
            start = self._begun + arrivals.spread * place / len(users)
            task = asyncio.create_task(self._user(caller, start, arrivals.think))
            requests.add(task)
            task.add_done_callback(lambda done: self._done(requests, done))
        while requests and not self._over():
            await asyncio.wait(requests, timeout=min(_SLICE, max(0.001, self._left())))

    async def _user(self, caller: Caller, due: float, think: float) -> None:
        await self._pause_until(due)
        while not self._over():
            measured = self._claim(due)
            result = await self._serve(self._next(caller), due, measured=measured)
            pause = max(think, _unserved(result))
            due = time.monotonic() + pause
            if pause:
                await self._pause_until(due)

    def _done(self, requests: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        requests.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error  # a mistake of ours is not to pass for a quiet end
            self._course.stop.set()

    def _left(self) -> float:
        return self._until - time.monotonic() if self._span.seconds is not None else _SLICE

    async def _pause_until(self, instant: float, *, yielding: bool = False) -> None:
        """Wait, but no longer than the run; ``yielding`` lets others go where there is no wait."""
        left = instant - time.monotonic()
        if left <= 0 and yielding:
            await asyncio.sleep(0)
        while left > 0 and not self._course.ended:
            await asyncio.sleep(min(left, _SLICE))
            left = instant - time.monotonic()

    # ------------------------------------------------------------ one request

    def _next(self, caller: Caller) -> _Request:
        self._course.number += 1
        number = self._course.number
        document = next(self._order)
        work = document.work(self._course.salt ^ number)
        return _Request(number, document, self._sender.prepare(work), caller)

    def _at(self, instant: float) -> float:
        """Seconds of the run, as they are written down."""
        return round(instant - self._course.zero, 6)

    async def _sent(self, request: _Request, due: float, *, measured: bool) -> None:
        await self._serve(request, due, measured=measured)

    def _claim(self, due: float) -> bool:
        """Whether a request that is due then is one of those that are measured."""
        measured = self._at(due) >= self._step.begins
        self._measured += measured
        return measured

    async def _serve(self, request: _Request, due: float, *, measured: bool) -> Result:
        course = self._course
        if measured:
            self._health.late(time.monotonic() - due)
        result = await self._sender.send(request.prepared, request.caller, due)
        self._notice(result)
        self._paused += result.paused if measured else 0.0
        if result.outcome == "client":
            self._health.trouble = f"it could not open another connection: {result.message}"
        answer = result.answer
        cer = await course.judge.compare(request.document, answer.text) if answer else None
        sample = self._sample(request, due, result, cer)
        course.journal.add(sample, result.message)
        course.counters.add(sample, measured=measured, good=self._offer.slo.good(sample))
        return result

    def _sample(self, request: _Request, due: float, result: Result, cer: float | None) -> Sample:
        answer = result.answer
        return Sample(
            number=request.number,
            step=self._step.index,
            intended=self._at(due),
            sent=self._at(result.sent),
            done=self._at(result.done),
            first=self._at(result.first) if result.first else None,
            outcome=result.outcome,
            status=result.status,
            retries=result.tries - 1,
            lane=request.caller.lane,
            key=request.caller.key,
            page_class=request.document.page_class,
            pages=(answer.pages if answer else 0) or request.document.pages,
            sent_bytes=result.sent_bytes,
            received_bytes=result.received_bytes,
            input_tokens=answer.input_tokens if answer else 0,
            output_tokens=answer.output_tokens if answer else 0,
            cer=None if cer is None else round(cer, 5),
            degraded=answer.degraded if answer else (),
            warnings=answer.warnings if answer else (),
            retry_after=result.retry_after,
        )

    def _notice(self, result: Result) -> None:
        """A target that is gone ends the run: what follows would say nothing of it."""
        course, now = self._course, time.monotonic()
        if not result.gone:
            self._alone.clear()
            return
        self._alone.append(now)
        long = now - self._alone[0] >= _GIVE_UP
        if long and len(self._alone) >= _GIVE_UP_AFTER and not course.gone:
            course.gone = result.message or result.outcome
            since = self._at(self._alone[0])
            told = f"the target is gone since {since:.3g} s: {course.gone}"
            course.journal.event(course.now, "gone", told)

    # ------------------------------------------------------------ the end

    async def _mark(self) -> None:
        """Note when measuring begins, and once a second how the client fares."""
        journal, gauge = self._course.journal, self._sender.in_flight
        await self._pause_until(self._begun + self._span.warmup)
        self._area = gauge.area(time.monotonic())
        self._health.begin()
        self._health.recent()  # of the preparation, or of no time at all: says nothing of the load
        journal.point(round(self._course.now, 3), "in_flight", gauge.value)
        while True:
            await asyncio.sleep(1.0)
            cpu, lag = self._health.recent()
            now = round(self._course.now, 3)
            journal.point(now, "in_flight", gauge.value)
            journal.point(now, "client_cpu", round(cpu, 3))
            journal.point(now, "client_lag", round(lag, 5))

    def _sent_all(self) -> None:
        """No more is sent: the client's own load and the requests in flight are summed up."""
        course, step = self._course, self._step
        self._health.end()
        if self._span.seconds is None or course.now < step.ends:
            step.ends = max(step.begins, course.now)
        if course.gone and self._alone:  # what it did while it was there is what is asked for
            step.ends = max(step.begins, min(step.ends, self._at(self._alone[0])))
        if step.seconds > 0:
            area = self._sender.in_flight.area(time.monotonic()) - self._area
            self._in_flight = area / step.seconds
        course.counters.draining = True

    async def _drain(self, requests: set[asyncio.Task[None]]) -> None:
        """Wait for what is under way, unless nobody wants to."""
        while requests and not self._course.ended:
            await asyncio.wait(requests, timeout=_SLICE)
        # So many requests of a closed loop took so long, the last one too.
        if self._span.requests is not None and isinstance(self._arrivals, Closed):
            self._step.ends = max(self._step.begins, self._course.now)

    def _end(self, hung_up: int) -> None:
        course, step, journal = self._course, self._step, self._course.journal
        rows = [row for row in journal.record().samples.rows if row.step == step.index]
        self._check_little(rows)
        client = self._health.client()
        told = verdicts(self._offer.slo, step, rows)
        if course.judge.skipped:
            journal.note(
                f"{course.judge.skipped} answers were not compared with what stands on the page: "
                "they came faster than they can be compared"
            )
        if not course.ended:
            journal.end(step, client=client, verdicts=told)
            return
        step.client, step.verdicts = client, told
        if hung_up:
            journal.event(course.now, "hung_up", f"{hung_up} requests were hung up on")

    def _check_little(self, rows: list[Sample]) -> None:
        """Both sides of Little's law; where they differ, requests queued in the client.

        Of each request that part of its time counts which lies in the window: so no request is
        counted on one side only, be the window as short as it may.
        Pauses that the server asked for between two tries are no such queue.
        """
        step, every = self._step, self._course.journal.every
        spent = [within(row, step) for row in rows if row.outcome == OK or row.done > row.sent]
        spent = [seconds for seconds in spent if seconds > 0]
        ended = len(spent) * every
        mean = sum(spent) / len(spent) if spent else 0.0
        mean = max(0.0, mean - self._paused / max(1, step.tally.total))
        self.little = little(self._in_flight, ended, step.seconds, mean)
        journal, at = self._course.journal, round(step.ends, 3)
        journal.point(at, "in_flight_mean", round(self.little.in_flight, 4))
        journal.point(at, "in_flight_by_little", round(self.little.expected, 4))
        waited = (self.little.expected - self.little.in_flight) * step.seconds / max(1, ended)
        if self.little.holds is False and waited > _WAITED:
            self._health.trouble = (
                f"{self.little.expected:.3g} requests should have been on the wire by Little's "
                f"law, {self.little.in_flight:.3g} were: the rest waited in the client"
            )


def within(sample: Sample, step: Step) -> float:
    """Seconds of the step's window in which a request was due and not over."""
    return min(sample.done, step.ends) - max(sample.intended, step.begins)


def _unserved(result: Result) -> float:
    """Seconds that a user waits before the next request after one that was not served.

    Whoever is refused and comes again at once measures how fast a server refuses, and keeps it from
    all else. An open loop is the way to send more than a server takes.
    """
    if result.gone:
        return _LONELY
    if result.status not in AGAIN:
        return 0.0
    told = result.retry_after
    return _REFUSED if told is None else min(_MOST_REFUSED, max(_LONELY, told))
