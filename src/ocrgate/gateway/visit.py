"""One caller's request for text: who, how long, how much, and the reading itself."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from ocrgate.domain.document import Document, PageSelection
from ocrgate.errors import DeadlineExceeded, EngineError, InvalidRequest, RefusedError
from ocrgate.gateway.access import Caller, time_given
from ocrgate.gateway.deps import Gateway
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.hangup import while_connected
from ocrgate.runtime.recognizer import DocumentRequest, DocumentResult, PageResult, Timings
from ocrgate.wire.ocr import OcrOptions


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that may read, on a server that would serve it.

    Attributes:
        gateway: the server's parts.
        request: the HTTP request.
        exchange: what is noted about it.
        caller: who asks.
        seconds: what the caller gives the whole request, from its arrival.
    """

    gateway: Gateway
    request: Request
    exchange: Exchange
    caller: Caller
    seconds: float

    @classmethod
    async def enter(cls, request: Request) -> "Visit":
        """Judge the headers alone, before any byte of the body is read.

        Raises:
            Unauthenticated, Forbidden: the caller may not.
            RateLimited: the caller's quota is used up; nothing was charged.
            InvalidRequest: a header has a value that is not allowed.
        """
        gateway, exchange = Gateway.of(request), Exchange.of(request.scope)
        exchange.reads = True
        caller = await gateway.access.caller(request.headers)
        exchange.caller, exchange.lane = caller.name, caller.lane
        seconds = time_given(request.headers, gateway.settings.server)
        exchange.quota = gateway.quotas.check(caller.key)
        return cls(gateway, request, exchange, caller, seconds)

    def ask(self, options: OcrOptions) -> DocumentRequest:
        """The same in the runtime's words, with the time that is left.

        Raises:
            DeadlineExceeded: the body took all of it.
            InvalidRequest: the engine does not know the task, or the pages are misspelled.
        """
        left = self.seconds - self.exchange.elapsed
        if left <= 0:
            raise DeadlineExceeded("the time given ran out while the body arrived", where="queue")
        tasks = self.gateway.service.description.tasks
        if options.task not in tasks:
            known = ", ".join(sorted(tasks))
            raise InvalidRequest(f"this engine knows {known}", field="task")
        return DocumentRequest(
            task=options.task,
            language=options.language,
            quality=options.quality,
            selection=PageSelection.parse(options.pages),
            lane=self.caller.lane,
            caller=self.caller.name,
            timeout=left,
        )

    async def read(self, document: Document, asked: DocumentRequest) -> DocumentResult:
        """Read a document as long as the client waits for it.

        Raises:
            ClientGone: it hung up; the work was cancelled.
            RequestError, RefusedError, EngineError, DeadlineExceeded: as the runtime says.
        """
        return await while_connected(self.request.receive, self._read(document, asked))

    async def _read(self, document: Document, asked: DocumentRequest) -> DocumentResult:
        with self._charged(await self._pages(document, asked)):
            result = await self.gateway.service.recognizer.recognize(document, asked)
        self._note(result.timings, len(result.recognition.pages))
        return result

    async def pages(
        self, document: Document, asked: DocumentRequest
    ) -> AsyncGenerator[PageResult, None]:
        """Read a document page by page; the same errors. Closing it cancels.

        Whoever iterates does so inside of :func:`~ocrgate.gateway.hangup.while_connected`.
        """
        with self._charged(await self._pages(document, asked)):
            async with aclosing(self.gateway.service.recognizer.pages(document, asked)) as pages:
                async for page in pages:
                    self._note(page.timings, 1)
                    yield page

    async def _pages(self, document: Document, asked: DocumentRequest) -> int:
        """How many pages will be charged. Only a caller who has a rate pays for the look."""
        self.exchange.shrink(len(document.data or b""))
        if self.caller.key is None or self.caller.key.rate is None:
            return 0
        info = await self.gateway.service.recognizer.probe(document)
        return len(asked.selection.resolve(info.pages))

    @contextmanager
    def _charged(self, pages: int) -> Iterator[None]:
        """Hold a place of the caller's and pay for the pages; what was refused is paid back."""
        with self.gateway.quotas.place(self.caller.key):
            payment = self.gateway.quotas.pay(self.caller.key, pages)
            self.exchange.quota = payment.headers
            try:
                yield
            except (RefusedError, EngineError, DeadlineExceeded):
                self.exchange.quota = payment.refund()
                raise

    def _note(self, timings: Timings, pages: int) -> None:
        timing = self.exchange.timing
        for name in ("queue", "prepare", "engine"):
            timing[name] = timing.get(name, 0.0) + getattr(timings, name)
        self.exchange.pages += pages
        self.exchange.engine = self.gateway.service.description.name
