"""How hard the gate is pressed, and what pages get less of meanwhile.

What is decided lies in :mod:`ocrgate.control.ladder`; this measures the pressure at the gate, four
times a second while there is any, and applies the rungs to the pages that are prepared then. What
counts is how long the first pages of documents have waited, in parts of what they may wait, and how
many of them were refused; later pages and the lane `batch` are not in a hurry.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from ocrgate.control.admission import AdmissionParams
from ocrgate.control.decision import Admitted, Expired, Refused
from ocrgate.control.degrade import DegradeParams
from ocrgate.control.ladder import Ladder, Rung, pressure
from ocrgate.domain.document import ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, PageWarning
from ocrgate.domain.ticket import Lane, Ticket
from ocrgate.ports import Clock, TimerHandle
from ocrgate.runtime.gate import GateEvent

_log = structlog.get_logger(__name__)

STEP = 0.25
"""Seconds between two looks at the pressure."""

MEMORY = 3.0
"""Seconds in which what was refused and admitted fades to 1/e."""

_FEW = 4.0  # pages that say something together


@dataclass(frozen=True, slots=True)
class Given:
    """What a page gets.

    Attributes:
        request: what is asked of the engine.
        spec: the image that it is given.
        smaller: the longest side in pixels to which its image was bound for less; else None.
        shorter: the tokens to which its text was bound for less; else None.
    """

    request: PageRequest
    spec: ImageSpec
    smaller: int | None = None
    shorter: int | None = None

    def told(self, reading: PageReading, image: PageImage) -> PageReading:
        """The reading, which says what it got less of: only where that made a difference."""
        degraded = list(reading.degraded)
        if self.smaller and max(image.source_width, image.source_height) > self.smaller:
            degraded.append(Rung.SMALLER_IMAGE.value)
        if self.shorter and PageWarning.TRUNCATED in reading.warnings:
            degraded.append(Rung.SHORTER_OUTPUT.value)
        return replace(reading, degraded=tuple(degraded)) if degraded else reading


class Pressure:
    """The rungs in force at one gate.

    Attributes:
        now: the pressure at the last look.

    Args:
        clock: tells the time.
        gate: how long pages may wait.
        params: what they get less of, and when.
        writes: whether the engine writes its text token by token.
        entered: told each rung that comes into force.
    """

    def __init__(
        self,
        clock: Clock,
        gate: AdmissionParams,
        params: DegradeParams,
        *,
        writes: bool,
        entered: Callable[[Rung], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._gate = gate
        self._writes = writes
        self._entered = entered
        self._timer: TimerHandle | None = None
        self._active = True
        self._faded = 0.0
        self._refused = self._taken = self._waited = 0.0
        self.now = 0.0
        self._params = params
        self._ladder = Ladder(params.ladder(writes=writes))

    def retune(self, gate: AdmissionParams, params: DegradeParams) -> None:
        """Other parameters. Where those of the ladder have changed, it begins at its foot."""
        if params != self._params:
            self._ladder = Ladder(params.ladder(writes=self._writes))
        self._gate, self._params = gate, params

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Those in force, from the lowest up."""
        return self._ladder.state()

    def gate(self, event: GateEvent) -> None:
        """Something happened at the gate."""
        if not self._active or not isinstance(event, Admitted | Refused | Expired):
            return
        if isinstance(event, Refused) and event.reason == "draining":
            return
        if event.ticket.continues or event.ticket.lane is Lane.BATCH:
            return  # they have time, and their waiting hurts nobody
        self._fade()
        if isinstance(event, Admitted):
            self._taken += 1
            # For others' pages: an engine that is away does not come back for smaller ones.
            self._waited += (event.waited - event.away) / self._patience(event.ticket)
        else:
            self._refused += 1
        self._arm()

    def close(self) -> None:
        """Look no more."""
        self._active = False
        if self._timer is not None:
            self._timer.cancel()

    def given(self, request: PageRequest, spec: ImageSpec, forbidden: frozenset[Rung]) -> Given:
        """What a page gets, where this is asked for and some rungs are forbidden."""
        rungs = [rung for rung in self._ladder.state() if rung not in forbidden]
        smaller = shorter = None
        if Rung.SMALLER_IMAGE in rungs:
            smaller = max(64, int(spec.max_side * self._params.image_side))
            spec = replace(spec, max_side=smaller)
        if Rung.SHORTER_OUTPUT in rungs:
            shorter = self._params.output_tokens
            if request.max_tokens is None or request.max_tokens > shorter:
                request = replace(request, max_tokens=shorter)
            else:
                shorter = None
        return Given(request, spec, smaller, shorter)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_at(self._clock.now() + STEP, self._press)

    def _press(self) -> None:
        self._timer = None
        self._fade()
        before = self._ladder.state()
        self.now = self._measured()
        after = self._ladder.press(self.now, self._clock.now()).rungs
        for rung in after[len(before) :]:
            self._entered(rung)
        if before != after:
            names = [rung.value for rung in after]
            _log.info("degradation", rungs=names, pressure=round(self.now, 2))
        if self._active and (after or self.now > 0.01):
            self._arm()

    def _measured(self) -> float:
        # A handful of pages is no share: one refusal after a quiet night says little.
        taken, came = max(self._taken, _FEW), max(self._refused + self._taken, _FEW)
        return pressure(self._waited / taken, 1.0, self._refused / came)

    def _patience(self, ticket: Ticket) -> float:
        """Seconds that it might have waited at most."""
        given = ticket.deadline - ticket.arrived
        return max(1e-3, min(self._gate.wait_max, self._gate.wait_share * given))

    def _fade(self) -> None:
        now = self._clock.now()
        factor = math.exp(-max(0.0, now - self._faded) / MEMORY)
        self._refused *= factor
        self._taken *= factor
        self._waited *= factor
        self._faded = now
