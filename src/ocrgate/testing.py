"""Fakes of every port, for the tests of whoever builds on ocrgate.

They are real implementations with a script instead of a machine behind them: no clock runs, no
process starts, and each keeps a record of what it was asked.
"""

import asyncio
import heapq
import hmac
import itertools
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from ocrgate.domain.document import (
    Document,
    DocumentInfo,
    Encoding,
    ImageSpec,
    MediaType,
    PageImage,
)
from ocrgate.domain.recognition import Block, Line, PageReading, PageRequest, Point, Task, Usage
from ocrgate.domain.ticket import Lane
from ocrgate.errors import Conflict, EngineFailed, NotFound, OcrgateError, UnreadableDocument
from ocrgate.ports import ApiKey, Clock, EngineDescription, Listener, Piece
from ocrgate.runtime.clock import LoopClock, sleep

__all__ = [
    "Call",
    "InlineWorkers",
    "ManualClock",
    "ManualTimer",
    "MemoryKeyStore",
    "ScriptedEngine",
    "ScriptedRasterizer",
    "page_reading",
]

Outcome = BaseException | None
Reader = Callable[[PageImage, PageRequest], PageReading]


@dataclass(order=True)
class ManualTimer:
    """A callback that waits on a :class:`ManualClock`."""

    when: float
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Do not call it any more."""
        self.cancelled = True


class ManualClock:
    """A clock that moves only when it is told to (a :class:`~ocrgate.ports.Clock`).

    Args:
        start: the first instant, seconds.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[ManualTimer] = []

    def now(self) -> float:
        """Seconds; changes in :meth:`advance` only."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> ManualTimer:
        """Call ``callback`` during the :meth:`advance` that reaches ``when``."""
        timer = ManualTimer(max(when, self._now), next(self._order), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def next_timer(self) -> float | None:
        """The instant of the earliest callback still wanted, None without one."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].when if self._timers else None

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``, calling due callbacks in order, each at its own instant.

        A callback may schedule more; those that fall due within ``seconds`` are called too.
        """
        end = self._now + seconds
        while (when := self.next_timer()) is not None and when <= end:
            self._now = max(self._now, when)
            heapq.heappop(self._timers).callback()
        self._now = end

    async def run(self, seconds: float, *, settle: int = 25) -> None:
        """Like :meth:`advance`, and let tasks run after each callback and at the end.

        Args:
            seconds: how far to move.
            settle: turns of the event loop granted to woken tasks each time.
        """
        end = self._now + seconds
        await _turns(settle)
        while (when := self.next_timer()) is not None and when <= end:
            self.advance(max(0.0, when - self._now))
            await _turns(settle)
        self.advance(max(0.0, end - self._now))
        await _turns(settle)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def page_reading(
    text: str, *, number: int = 1, width: int = 100, height: int = 100, confidence: float = 0.9
) -> PageReading:
    """A page with one block whose lines are those of ``text``, spread from top to bottom."""
    texts = text.splitlines()
    step = height / max(1, len(texts))
    lines = tuple(
        Line(line, _band(width, step * row, step * (row + 1)), confidence)
        for row, line in enumerate(texts)
    )
    return PageReading(number, width, height, (Block(lines),) if lines else ())


def _band(width: float, top: float, bottom: float) -> tuple[Point, ...]:
    return (Point(0, top), Point(width, top), Point(width, bottom), Point(0, bottom))


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


class ScriptedRasterizer:
    """A rasterizer of blank pages (a :class:`~ocrgate.ports.Rasterizer`).

    Args:
        pages: how many pages every document has.
        media: the format that every document has.
        width, height: pixels of every page.
        delay: seconds that each page takes to prepare.
        probe_error: what :meth:`probe` raises.
        errors: what :meth:`prepare` raises, by page number.
        clock: tells the time of ``delay``; without it, the event loop's.

    Attributes:
        prepared: page numbers in the order in which they were asked for.
        held: documents now open.
    """

    def __init__(
        self,
        pages: int = 1,
        *,
        media: MediaType = MediaType.PNG,
        width: int = 100,
        height: int = 100,
        delay: float = 0.0,
        probe_error: Exception | None = None,
        errors: Mapping[int, Exception] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._info = DocumentInfo(media, pages, width, height, 0)
        self._delay = delay
        self._probe_error = probe_error
        self._errors = errors or {}
        self._clock = clock or LoopClock()
        self.prepared: list[int] = []
        self.held = 0

    @asynccontextmanager
    async def hold(self, document: Document) -> AsyncIterator[Document]:
        """Count the document as open while the context lasts."""
        self.held += 1
        try:
            yield document
        finally:
            self.held -= 1

    async def probe(self, document: Document) -> DocumentInfo:
        """What the script says, with the document's real byte count."""
        if self._probe_error is not None:
            raise self._probe_error
        return replace(self._info, bytes=len(document.data or b""))

    async def prepare(
        self,
        document: Document,  # noqa: ARG002 - every document has the scripted pages
        page: int,
        spec: ImageSpec,  # noqa: ARG002 - every page is raw
    ) -> PageImage:
        """A black gray page, as raw bytes whatever the spec says.

        Raises:
            UnreadableDocument: the script has no such page.
        """
        self.prepared.append(page)
        if self._delay > 0:
            await sleep(self._clock, self._delay)
        if page in self._errors:
            raise self._errors[page]
        if not 1 <= page <= self._info.pages:
            raise UnreadableDocument(f"there is no page {page}")
        width, height = self._info.width, self._info.height
        return PageImage(bytes(width * height), Encoding.RAW, width, height, 1, width, height)


class MemoryKeyStore:
    """API keys that last as long as the process (a :class:`~ocrgate.ports.KeyStore`)."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._secrets: dict[str, str] = {}

    def create(
        self, name: str, *, lane: Lane, rate: float | None, concurrency: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second item is the secret.

        Raises:
            Conflict: an active key has that name.
        """
        if self._active(name) is not None:
            raise Conflict(f"there is an active key named {name!r}", field="name")
        secret = f"ocrgate_{secrets.token_urlsafe(24)}"
        key = ApiKey(secrets.token_hex(8), name, lane, rate, concurrency, time.time())
        self._keys[key.id] = key
        self._secrets[key.id] = secret
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret."""
        given = secret.encode()
        hits = [i for i, s in self._secrets.items() if hmac.compare_digest(s.encode(), given)]
        return next((k for i in hits if (k := self._keys[i]).revoked is None), None)

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        return list(self._keys.values())

    def revoke(self, name: str) -> ApiKey:
        """End the active key of that name.

        Raises:
            NotFound: no active key has that name.
        """
        key = self._active(name)
        if key is None:
            raise NotFound(f"no active key is named {name!r}", field="name")
        self._keys[key.id] = replace(key, revoked=time.time())
        return self._keys[key.id]

    def _active(self, name: str) -> ApiKey | None:
        return next((k for k in self._keys.values() if k.name == name and k.revoked is None), None)


class InlineWorkers:
    """Runs a session in threads of this process (a :class:`~ocrgate.ports.Workers`).

    Args:
        session: whose methods are called, each with the keyword ``cancelled``.
        size: calls that run at the same time.
    """

    def __init__(self, session: object, *, size: int = 1) -> None:
        self._session = session
        self._places = asyncio.Semaphore(size)

    async def call(self, method: str, *args: object) -> object:
        """Run one method. Cancelling makes its probe true and waits until it has returned.

        Raises:
            EngineFailed: it raised what is not an error of ours.
        """
        stop = threading.Event()
        async with self._places:
            work = asyncio.ensure_future(asyncio.to_thread(self._run, method, args, stop))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.gather(work, return_exceptions=True)
                raise

    def _run(self, method: str, args: tuple[object, ...], stop: threading.Event) -> object:
        try:
            return getattr(self._session, method)(*args, cancelled=stop.is_set)
        except OcrgateError:
            raise
        except Exception as error:
            raise EngineFailed(f"{method} failed: {error}") from error
