"""Ready means that a real page was recognized lately."""

import asyncio
import math
from dataclasses import dataclass
from typing import Literal

import structlog

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.errors import EngineError, EngineFailed, OcrgateError
from ocrgate.ports import Clock
from ocrgate.runtime.clock import until
from ocrgate.runtime.replica import turns_away
from ocrgate.runtime.replicas import Replicas

_CANARY_TOKENS = 32  # a model that writes nonsense must not write it for minutes

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReadinessParams:
    """How long a success counts.

    Attributes:
        fresh: seconds for which a recognized page proves that the engine works.
        timeout: seconds that the canary page may take.
        pause: seconds between canaries while they fail.
    """

    fresh: float = 30.0
    timeout: float = 10.0
    pause: float = 0.5


@dataclass(frozen=True, slots=True)
class State:
    """Whether a page would be read now, as far as is known.

    Attributes:
        status: in one word.
        detail: why not, None while it is ``ok``.
        last_page_age: seconds since the engine last recognized a page, None before the first.
    """

    status: Literal["ok", "starting", "draining", "unready"]
    detail: str | None = None
    last_page_age: float | None = None


class Readiness:
    """Learns from the pages that are read anyway, and reads a canary page when they do not tell.

    The canary is read when there was no success for a while, and at once when the engine failed on
    a page. Only its failure makes the engine unready, so that one broken page does not; any
    success makes it ready again. It takes the way of a page past the gate (whose queue says
    nothing about the engine), to any replica that reads it, and waits for none that is down.

    Args:
        engine: is it ready?
        canary: a page with text that it must be able to read.
        clock: tells the time.
        params: how long a success counts.
    """

    def __init__(
        self,
        engine: Replicas,
        canary: PageImage,
        clock: Clock,
        params: ReadinessParams | None = None,
    ) -> None:
        self._engine = engine
        self._canary = canary
        self._clock = clock
        self._params = params or ReadinessParams()
        self._last: float | None = None  # when a page was last recognized
        self._doubted = False
        self._fault: str | None = None
        self._failed = -math.inf
        self._asking: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def state(self) -> State:
        """What is known now: ``starting``, ``ok`` or ``unready``. Asks the canary if it is old."""
        self._ask_if_doubtful()
        age = None if self._last is None else self._clock.now() - self._last
        if self._engine.coming is not None:
            detail = self._engine.why_none().detail
            return State("starting" if age is None else "unready", detail, age)
        if self._fault is not None:
            return State("unready", self._fault, age)
        if age is None:
            return State("starting", "no page was recognized yet")
        return State("ok", None, age)

    async def checked(self) -> State:
        """The state when there is no doubt about it: waits for the canary if need be."""
        asking = self._ask_if_doubtful()
        if asking is not None:
            await asyncio.shield(asking)
        return self.state

    def succeeded(self) -> None:
        """A page was recognized, or a replica has come up, which begins with a known page."""
        self._last = self._clock.now()
        self._doubted = False
        self._fault = None

    def failed(self) -> None:
        """The engine failed on a page: is it the page, or the engine?"""
        self._doubted = True
        self._ask_if_doubtful()

    async def close(self) -> None:
        """Stop a canary that is under way, and begin no other."""
        self._closed = True
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _ask_if_doubtful(self) -> asyncio.Task[None] | None:
        now = self._clock.now()
        fresh = self._last is not None and now - self._last < self._params.fresh
        if self._closed or (fresh and not self._doubted and self._fault is None):
            return None
        if self._engine.coming is not None:  # there is nobody to ask
            return None
        if self._asking is None or self._asking.done():
            if now - self._failed < self._params.pause:
                return None
            self._asking = asyncio.create_task(self._ask())
        return self._asking

    def _wanted(self) -> PageRequest:
        """Its text, or whatever the engine knows; a few words of it are enough."""
        known = self._engine.description.tasks
        return PageRequest(task=min(known, key=list(Task).index), max_tokens=_CANARY_TOKENS)

    async def _ask(self) -> None:
        begun = self._clock.now()
        try:
            async with until(self._clock, begun + self._params.timeout):
                reading, _ = await self._engine.probe(self._canary, self._wanted())
        except TimeoutError:
            if not self._has_read_since(begun):  # else it has much to do, and does it
                self._blame(f"a known page took longer than {self._params.timeout:g} seconds")
        except OcrgateError as error:
            if self._is_merely_busy(error):
                self._failed = self._clock.now()
            else:
                self._blame(error.detail)
        except Exception as error:  # noqa: BLE001 - nobody else would say that it cannot read
            _log.exception("the known page broke the engine's own code")
            self._blame(f"the engine has a bug: {type(error).__name__}")
        else:
            if reading.text.strip():
                self.succeeded()
            else:
                self._blame("nothing was found on a known page")

    def _is_merely_busy(self, error: OcrgateError) -> bool:
        """It turns pages away, as a full server does, and has read others lately."""
        busy = isinstance(error, EngineFailed) and turns_away(error)
        return busy and self._has_read_since(self._clock.now() - self._params.fresh)

    def _has_read_since(self, instant: float) -> bool:
        return self._last is not None and self._last >= instant

    def _blame(self, fault: str) -> None:
        log = _log.debug if fault == self._fault else _log.warning
        log("not ready", reason=fault)
        self._failed = self._clock.now()
        self._fault = fault


def is_engines_fault(error: BaseException | None) -> bool:
    """Whether a page failed because of the engine."""
    return isinstance(error, EngineError)
