"""Runs loads against a target and writes down what came of them.

The instants at which requests are due are decided beforehand in an open loop, and latency counts
from them: a server that stands still for a second makes all wait that came in that second, whether
or not the client got round to sending them. How late the client itself was is measured beside it,
and said where it is the client that limits the figures.
"""

import asyncio
import gc
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Self

from ocrgate import __version__
from ocrgate.load.arrivals import Arrivals
from ocrgate.load.counters import Counters
from ocrgate.load.course import Course, Offer, Span
from ocrgate.load.holding import Load
from ocrgate.load.journal import Journal
from ocrgate.load.link import Link
from ocrgate.load.machine import this_machine
from ocrgate.load.quality import Judge
from ocrgate.load.record import Record, Run, Step
from ocrgate.load.record import Target as TargetFacts
from ocrgate.load.sampling import Meter
from ocrgate.load.sending import Sender
from ocrgate.load.slo import Slo
from ocrgate.load.targets import Endpoint
from ocrgate.load.workload import Callers, Workload

__all__ = ["Offer", "Session", "Span", "describe", "run"]

_GARBAGE = 100_000  # objects between looks for cycles; each look stops the clock for everybody
_TURN = 0.001  # seconds for which a thread that compares texts may keep the interpreter


async def run(
    endpoint: Endpoint,
    workload: Workload,
    arrivals: Arrivals,
    slo: Slo | None = None,
    *,
    span: Span | None = None,
    callers: Callers | None = None,
    meters: tuple[Meter, ...] = (),
    stop: asyncio.Event | None = None,
) -> Record:
    """Hold one load and return its record, kept in memory only.

    Once ``stop`` is set, or when the target is gone, the run ends early and the record holds what
    was measured until then. Cancelling ends it too, without a record: set ``stop`` for one.

    Args:
        endpoint: what is asked.
        workload: what is sent.
        arrivals: when.
        slo: what was promised; the step's verdicts say whether it was kept.
        span: for how long; ten seconds without it.
        callers: in whose name.
        meters: what is read beside it.
        stop: ends the run early.

    Raises:
        EngineUnavailable: the target cannot be reached at all.
    """
    span = span or Span()
    offer = Offer(workload, callers or Callers(), slo or Slo())
    journal = Journal(None, describe(endpoint, offer, arrivals, span))
    async with Session(endpoint, offer, journal, meters=meters, stop=stop) as session:
        await session.hold(arrivals, span)
    return journal.close()


def describe(
    endpoint: Endpoint, offer: Offer, arrivals: Arrivals, span: Span, command: str = ""
) -> Run:
    """What a record says of a run before it begins; ``command`` without secrets."""
    return Run(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        ocrgate=__version__,
        command=command,
        seed=span.seed,
        target=TargetFacts(
            url=endpoint.address.url + endpoint.address.path,
            kind=endpoint.kind or str(endpoint.api),
            version=endpoint.version,
            model=endpoint.asking.model,
        ),
        machine=this_machine(),
        arrivals={
            "law": arrivals.name,
            "warmup": span.warmup,
            "timeout": span.timeout,
            "retries": span.retries,
        },
        work=offer.workload.described(),
        slo=dict(offer.slo.limits),
        notes=[*offer.workload.notes],
    )


class Session:
    """A target, a journal, and the loads that are held one after the other.

    Args:
        endpoint: what is asked.
        offer: what is sent, in whose name, what was promised.
        journal: where all is written down; closing it is up to its owner.
        meters: what is read beside it.
        stop: ends the load under way early, and all after it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        offer: Offer,
        journal: Journal,
        *,
        meters: tuple[Meter, ...] = (),
        stop: asyncio.Event | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.offer = offer
        self._link = Link(endpoint.address, verify=endpoint.verify)
        self._meters = meters
        self._course = Course(journal, Judge(), 0.0, secrets.randbits(48), stop or asyncio.Event())
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def counters(self) -> Counters:
        """Counts of the load under way, or of the last one."""
        return self._course.counters

    @property
    def now(self) -> float:
        """Seconds of the run."""
        return self._course.now

    @property
    def gone(self) -> str:
        """Why the target was given up; empty while it is there."""
        return self._course.gone

    @property
    def fault(self) -> OSError | None:
        """Why the record could not be written while it grew; the run goes on without."""
        return self._course.journal.fault

    async def __aenter__(self) -> Self:
        """Find the target, start the meters.

        Raises:
            EngineUnavailable: it cannot be reached.
        """
        await self._link.find()
        course = self._course
        course.zero = time.monotonic()
        watches = [meter.watch(course.journal, course.zero) for meter in self._meters]
        self._tasks = [asyncio.create_task(each) for each in (*watches, self._flush())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the meters and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._course.judge.close()
        self._link.close()

    async def hold(self, arrivals: Arrivals, span: Span, label: str = "") -> Step:
        """Hold one load. ``finished`` of the step says whether it ran to its end."""
        sender = Sender(
            self.endpoint,
            self._link,
            self.offer.callers,
            timeout=span.timeout,
            retries=span.retries,
        )
        with _calm():  # before the clock of the load starts: it takes a moment itself
            return await Load(self._course, self.offer, sender, arrivals, span, label).hold()

    async def _flush(self) -> None:
        """Once a second to disk; a full disk is told once, and the run goes on in memory."""
        course = self._course
        told = False
        while True:
            await asyncio.sleep(1.0)
            course.journal.flush()
            if course.journal.fault and not told:
                told = True
                course.counters.trouble = f"the record cannot be written: {course.journal.fault}"


@contextmanager
def _calm() -> Iterator[None]:
    """Hold up senders as little as can be.

    Cycles are looked for rarely, and not in what has been made so far; threads take short turns.
    """
    before, turn = gc.get_threshold(), sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    gc.freeze()
    gc.set_threshold(_GARBAGE, 50, 100)
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*before)
        gc.unfreeze()
