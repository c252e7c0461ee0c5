"""An engine that answers from a script."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.ports import Clock, EngineDescription, Listener, Piece
from ocrgate.runtime.clock import LoopClock, sleep
from ocrgate.testing.reading import page_reading

Outcome = BaseException | None
Reader = Callable[[PageImage, PageRequest], PageReading]


@dataclass
class Call:
    """One call of :meth:`ScriptedEngine.recognize`; ``outcome`` says how it ended."""

    image: PageImage
    request: PageRequest
    started: float
    outcome: str = "running"  # running, ok, failed, cancelled


@contextmanager
def _recorded(call: Call) -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        call.outcome = "cancelled"
        raise
    except BaseException:
        call.outcome = "failed"
        raise
    call.outcome = "ok"


class ScriptedEngine:
    """An engine that answers from a script (an :class:`~ocrgate.ports.Engine`).

    Args:
        pages: texts by page number, readings by page number, or a function of image and request;
            without it every page reads ``page N``.
        delay: seconds that each page takes, or a function of the request that gives them.
        errors: what the first, second… call raises; None in it means that the call succeeds.
            Calls past its end succeed.
        clock: tells the time of ``delay``; without it, the event loop's.
        slots: pages at the same time, as described; more are served and show in ``peak``.
        start_error: what :meth:`start` raises.
        boxes: whether it says that its lines carry polygons.
        name: as shown to callers.

    Attributes:
        calls: every call in order of arrival.
        started, closed: whether :meth:`start` and :meth:`close` were called.
        peak: most calls that ran at the same time.
    """

    def __init__(
        self,
        pages: Mapping[int, str | PageReading] | Sequence[str] | Reader | None = None,
        *,
        delay: float | Callable[[PageRequest], float] = 0.0,
        errors: Sequence[Outcome] = (),
        clock: Clock | None = None,
        slots: int = 1,
        start_error: Exception | None = None,
        boxes: bool = True,
        name: str = "scripted",
    ) -> None:
        self._pages = pages
        self._delay = delay
        self._errors = iter(errors)
        self._clock = clock or LoopClock()
        self._start_error = start_error
        self._description = EngineDescription(
            name=name,
            tasks=frozenset({Task.TEXT, Task.MARKDOWN}),
            input=ImageSpec(max_side=4096, encoding=Encoding.RAW),
            slots=slots,
            boxes=boxes,
        )
        self.calls: list[Call] = []
        self.peak = 0
        self.started = False
        self.closed = False

    @property
    def description(self) -> EngineDescription:
        """Name, tasks (text and markdown), raw input up to 4096 pixels, ``slots``, ``boxes``."""
        return self._description

    @property
    def running(self) -> int:
        """Calls that have not ended."""
        return sum(call.outcome == "running" for call in self.calls)

    @property
    def cancellations(self) -> int:
        """Calls whose caller left before the end."""
        return sum(call.outcome == "cancelled" for call in self.calls)

    async def start(self) -> None:
        """Be ready, or raise ``start_error``."""
        if self._start_error is not None:
            raise self._start_error
        self.started = True

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Answer from the script after the delay, or raise the next scripted error."""
        call = Call(image, request, self._clock.now())
        self.calls.append(call)
        self.peak = max(self.peak, self.running)
        with _recorded(call):
            await self._work(request, next(self._errors, None))
            reading = self._read(image, request)
            if listener is not None:
                listener(Piece(reading.text, len(reading.text)))
            return reading, Usage(pages=1)

    async def _work(self, request: PageRequest, error: Outcome) -> None:
        seconds = self._delay(request) if callable(self._delay) else self._delay
        if seconds > 0:
            await sleep(self._clock, seconds)
        if error is not None:
            raise error

    def _read(self, image: PageImage, request: PageRequest) -> PageReading:
        if callable(self._pages):
            return self._pages(image, request)
        script = _by_number(self._pages)
        found = script.get(request.number, f"page {request.number}")
        if isinstance(found, PageReading):
            return replace(found, number=request.number)
        size = {"width": image.source_width, "height": image.source_height}
        return page_reading(found, number=request.number, **size)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def _by_number(
    pages: Mapping[int, str | PageReading] | Sequence[str] | None,
) -> Mapping[int, str | PageReading]:
    if isinstance(pages, Mapping):
        return pages
    return dict(enumerate(pages or (), start=1))
