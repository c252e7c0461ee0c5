"""What the runtime needs of the outside, as Protocols. Adapters return facts and raise our errors.

Every port has a fake in :mod:`ocrgate.testing`, and one conformance suite runs over both.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ocrgate.control.limit.law import Signals
from ocrgate.domain.document import Document, DocumentInfo, ImageSpec, PageImage
from ocrgate.domain.recognition import PageReading, PageRequest, Task, Usage
from ocrgate.domain.ticket import Lane


class TimerHandle(Protocol):
    """A callback that has been scheduled."""

    def cancel(self) -> None:
        """Do not call it any more; harmless after it was called."""


class Clock(Protocol):
    """Monotonic time in seconds, and callbacks at an instant of it."""

    def now(self) -> float:
        """Seconds since some fixed instant; never goes back."""

    def call_at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
        """Call ``callback`` once, at or soon after ``when``."""


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """What an engine says of itself.

    Attributes:
        name: engine and weights as shown to callers, e.g. ``cpu/pp-ocrv6``.
        tasks: what it can be asked for.
        input: the image it wants to be given.
        slots: pages it can work on at the same time, the gate's first limit.
        boxes: whether its lines carry polygons, asked for with the task ``spotting`` where it has
            that (else no hOCR, ALTO or searchable PDF).
        live: whether it hands out text while it writes it.
        prompts: whether a caller may give words of their own for the model.
        instructions: what is asked by each text that the model's own documentation gives for it,
            for callers who send that text instead of naming a task.
        elastic: whether ``slots`` is where a limit law may begin, and no number to keep.
        most: pages at the same time that it was started for, which no law may exceed; None where
            that is not known.
        signals: whether it shows its load, see :class:`Signalling`.
        kv_tokens: tokens that its KV cache holds; None where that is not known.
        tokens: input tokens of an image of so many pixels, width and height, as it is sent; None
            for engines that count none.
    """

    name: str
    tasks: frozenset[Task]
    input: ImageSpec
    slots: int
    boxes: bool
    live: bool = False
    prompts: bool = False
    instructions: Mapping[str, PageRequest] = field(default_factory=dict)
    elastic: bool = False
    most: int | None = None
    signals: bool = False
    kv_tokens: int | None = None
    tokens: Callable[[int, int], int] | None = None


@runtime_checkable
class Signalling(Protocol):
    """An engine whose load can be asked for, when its description says so."""

    async def signals(self) -> Signals | None:
        """Its load now; None if it shows none.

        Raises:
            EngineUnavailable, EngineFailed: it did not answer in time.
        """


@dataclass(frozen=True, slots=True)
class Coming:
    """An engine that is not there yet.

    Attributes:
        words: how far its start is, for anybody to read.
        seconds: until it is expected to be there; None where that is not known.
    """

    words: str
    seconds: float | None = None


@runtime_checkable
class Awaited(Protocol):
    """An engine whose server is started here, which may take minutes."""

    @property
    def coming(self) -> Coming | None:
        """How far the start is; None while the server is there, and once it was given up."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some output while a page is read: text (it may be empty), and all tokens until now."""

    text: str
    tokens: int


Listener = Callable[[Piece], None]
"""Told about every piece, at once and in the event loop; it must not raise."""


class Engine(Protocol):
    """Reads one prepared page at a time; many may be in flight."""

    @property
    def description(self) -> EngineDescription:
        """Fixed once the engine is built."""

    async def start(self) -> None:
        """Load, warm up and read a known page.

        Raises:
            EngineUnavailable: weights, device or server are missing.
        """

    async def recognize(
        self, image: PageImage, request: PageRequest, listener: Listener | None = None
    ) -> tuple[PageReading, Usage]:
        """Read one page. Cancelling the call stops the work within a second.

        Args:
            image: the page, as ``description.input`` asks for.
            request: what to read for.
            listener: told about output as it comes, by engines whose description says ``live``.
                With ``request.live`` the pieces add up to the text of the answer; without it a
                second attempt may begin anew.

        Raises:
            InvalidRequest: the engine does not do what is asked.
            EngineUnavailable, EngineFailed, BadEngineOutput.
        """

    async def close(self) -> None:
        """Stop everything it started. Safe to call twice."""


class Rasterizer(Protocol):
    """Turns documents into page images, without ever holding a whole document's pixels."""

    def hold(self, document: Document) -> AbstractAsyncContextManager[Document]:
        """The document in the form to hand to ``probe`` and ``prepare`` (a file, where a worker
        process must reach it); what was written for it is gone when the context ends.
        """

    async def probe(self, document: Document) -> DocumentInfo:
        """Format, pages and size without decoding.

        Raises:
            UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
        """

    async def prepare(self, document: Document, page: int, spec: ImageSpec) -> PageImage:
        """Decode, orient, resize and pack one 1-based page.

        Raises:
            UnreadableDocument, DocumentLimit.
        """


class Workers(Protocol):
    """Processes of lower priority that each run one call at a time."""

    async def call(self, method: str, *args: object) -> object:
        """Run ``method(*args)`` of the worker's session object and return its (picklable) result.

        Cancelling the call stops the work within a second: the session is asked to stop through
        its ``cancelled`` probe, and its process is ended if it does not.

        Raises:
            EngineFailed: the process died; another takes its place.
            OcrgateError: whatever the session raised.
        """


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A caller's key, as stored: never the secret itself.

    ``rate`` is pages per minute, ``concurrency`` documents at once; None means not
    limited.
    """

    id: str
    name: str
    lane: Lane
    rate: float | None
    concurrency: int | None
    created: float
    revoked: float | None = None


class KeyStore(Protocol):
    """Durable API keys. Synchronous: callers keep it off the event loop."""

    def create(
        self, name: str, *, lane: Lane, rate: float | None, concurrency: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second item is the secret, shown this once.

        Raises:
            Conflict: an active key has that name.
        """

    def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret, compared in constant time; None if there is none."""

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones too, oldest first."""

    def revoke(self, name: str) -> ApiKey:
        """End the active key of that name.

        Raises:
            NotFound: no active key has that name.
        """
