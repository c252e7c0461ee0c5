"""Ready means that a real page was recognized lately."""

import asyncio
import math
from dataclasses import dataclass

import structlog

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import EngineError, OcrgateError
from ocrgate.ports import Clock, Engine
from ocrgate.runtime.clock import until

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


class Readiness:
    """Learns from the pages that are read anyway, and reads a canary page when there were none.

    Args:
        engine: is it ready?
        canary: a page with text that it must be able to read.
        clock: tells the time.
        params: how long a success counts.
    """

    def __init__(
        self,
        engine: Engine,
        canary: PageImage,
        clock: Clock,
        params: ReadinessParams | None = None,
    ) -> None:
        self._engine = engine
        self._canary = canary
        self._clock = clock
        self._params = params or ReadinessParams()
        self._good = -math.inf
        self._bad = -math.inf
        self._asking: asyncio.Task[bool] | None = None

    def succeeded(self) -> None:
        """A page was recognized."""
        self._good = self._clock.now()

    def failed(self) -> None:
        """The engine failed on a page: the past proves nothing any more."""
        self._good = -math.inf

    async def ready(self) -> bool:
        """Whether the engine reads pages; takes as long as one page at most."""
        now = self._clock.now()
        if now - self._good < self._params.fresh:
            return True
        if now - self._bad < self._params.pause:
            return False
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Stop a canary that is under way."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> bool:
        try:
            async with until(self._clock, self._clock.now() + self._params.timeout):
                reading, _ = await self._engine.recognize(self._canary, PageRequest())
        except (OcrgateError, TimeoutError) as error:
            _log.warning("not ready", reason=str(error) or "the canary page took too long")
            self._bad = self._clock.now()
            return False
        if not reading.text.strip():
            self._bad = self._clock.now()
            return False
        self.succeeded()
        return True


def is_engines_fault(error: BaseException | None) -> bool:
    """Whether a page failed because of the engine."""
    return isinstance(error, EngineError)
