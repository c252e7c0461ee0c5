"""One caller's request for text: who, how long, how much, and the reading itself."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from starlette.requests import Request

from ocrgate.domain.document import Document, PageSelection
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.errors import DeadlineExceeded, EngineError, RefusedError
from ocrgate.gateway.access import Caller, forbidden, time_given
from ocrgate.gateway.deps import Gateway
from ocrgate.gateway.exchange import Exchange
from ocrgate.gateway.hangup import while_connected
from ocrgate.gateway.middleware.body import check_head, joined, least_size
from ocrgate.gateway.quota import Payment
from ocrgate.runtime.recognizer import (
    DocumentRequest,
    DocumentResult,
    PageResult,
    Timings,
)

T = TypeVar("T")


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
            Overloaded, Draining: the gate would refuse the document; nothing was charged.
            EngineUnavailable, BreakerOpen: no engine would read it; nothing was charged.
            PayloadTooLarge, UnsupportedMedia: the body would be refused, however idle the server.
            InvalidRequest: a header has a value that is not allowed.
        """
        gateway, exchange = Gateway.of(request), Exchange.of(request.scope)
        exchange.reads = True
        caller = await gateway.access.caller(request.headers)
        exchange.caller, exchange.lane = caller.name, caller.lane
        seconds = time_given(request.headers, gateway.settings.server)
        exchange.quota = gateway.quotas.left(caller.key)
        gateway.quotas.check(caller.key)
        check_head(joined(request.headers.raw), gateway.settings.server.max_body_bytes)
        visit = cls(gateway, request, exchange, caller, seconds)
        visit.foresee()
        return visit

    def foresee(self) -> None:
        """Say no from the headers alone where the gate would say it after the body.

        Reading and probing a body cost several times what the refusal itself does, and a server
        that is full has the least to spare. Without an engine, what it serves is not known, so
        that nothing else in the request can be judged.

        Raises:
            Overloaded, Draining: the gate would refuse the document now.
            EngineUnavailable, BreakerOpen: no replica takes pages now.
        """
        service = self.gateway.service
        if service.spare.places and service.spare.could_take(forbidden(self.request.headers)):
            return  # the document is judged when it is there
        service.replicas.require()
        gate, size = service.gate, least_size(self.request.headers)
        gate.foresee(self.caller.lane, self.caller.name, self.left, size)

    @property
    def left(self) -> float:
        """Seconds that are left of the time given; negative when it has run out."""
        return self.seconds - self.exchange.elapsed

    @property
    def tasks(self) -> frozenset[Task]:
        """What the engine can be asked for."""
        return self.gateway.service.description.tasks

    async def received(self, body: Awaitable[T]) -> T:
        """Await a body for as long as the caller gives the whole request.

        Raises:
            DeadlineExceeded: it took all of it; whoever sends slowly holds memory no longer.
        """
        try:
            async with asyncio.timeout(self.left):
                return await body
        except TimeoutError:
            raise _late() from None

    def ask(self, asked: PageRequest, pages: str | None = None) -> DocumentRequest:
        """What is asked of each page and which pages, with the time that is left.

        Raises:
            DeadlineExceeded: the body took all of it.
            InvalidRequest: the pages are misspelled, or ``X-No-Degradation`` is.
        """
        left = self.left
        if left <= 0:
            raise _late()
        return DocumentRequest(
            asked,
            selection=PageSelection.parse(pages),
            lane=self.caller.lane,
            caller=self.caller.name,
            timeout=left,
            forbidden=forbidden(self.request.headers),
        )

    async def read(self, document: Document, asked: DocumentRequest) -> DocumentResult:
        """Read a document as long as the client waits for it.

        Raises:
            ClientGone: it hung up; the work was cancelled.
            RequestError, RefusedError, EngineError, DeadlineExceeded: as the runtime says.
        """
        return await self.attended(self.reading(document, asked))

    async def attended(self, work: Awaitable[T]) -> T:
        """Do some work as long as the client waits for it, once its body was read.

        Raises:
            ClientGone: it hung up; the work was cancelled.
        """
        return await while_connected(self.request.scope, self.request.receive, work)

    async def reading(self, document: Document, asked: DocumentRequest) -> DocumentResult:
        """Read a document, as a part of attended work; raises what :meth:`read` raises."""
        recognizer = self.gateway.service.recognizer
        with self._charged(document) as bill:
            result = await recognizer.recognize(
                document, replace(asked, counted=bill.pay, begun=bill.begun.add)
            )
        self._note(result.timings, len(result.recognition.pages))
        self.exchange.engine = result.recognition.engine
        return result

    async def pages(
        self, document: Document, asked: DocumentRequest
    ) -> AsyncGenerator[PageResult, None]:
        """Read a document page by page; the same errors. Closing it cancels.

        Whoever iterates does so inside of :func:`~ocrgate.gateway.hangup.while_connected`.
        """
        recognizer = self.gateway.service.recognizer
        with self._charged(document) as bill:
            wanted = replace(asked, counted=bill.pay, begun=bill.begun.add)
            async with aclosing(recognizer.pages(document, wanted)) as pages:
                async for page in pages:
                    self._note(page.timings, 1)
                    bill.given += 1
                    yield page

    @contextmanager
    def _charged(self, document: Document) -> "Iterator[_Bill]":
        """Hold a place of the caller's. Pages that were refused or failed are paid back, but not
        those that the caller has been given; nor, where it was the caller who wanted no more (its
        time was up, or it left), those that were worked on until then (docs/adr/0094).
        """
        if document.data is not None:
            self.exchange.shrink(len(document.data))
        bill = _Bill(self)
        with self.gateway.quotas.place(self.caller.key):
            try:
                yield bill
            except (RefusedError, EngineError):
                bill.settle(bill.given)
                raise
            except (DeadlineExceeded, asyncio.CancelledError, GeneratorExit):
                bill.settle(len(bill.begun))
                raise

    def _note(self, timings: Timings, pages: int) -> None:
        timing = self.exchange.timing
        for name in ("queue", "prepare", "engine"):
            timing[name] = timing.get(name, 0.0) + getattr(timings, name)
        self.exchange.pages += pages
        self.exchange.engine = self.gateway.service.description.name


def _late() -> DeadlineExceeded:
    return DeadlineExceeded("the time given ran out while the body arrived", where="queue")


@dataclass(slots=True)
class _Bill:
    """What a document costs its caller.

    Attributes:
        visit: whose it is.
        payment: for its pages, once they are counted.
        given: pages that the caller was handed.
        begun: numbers of the pages that were worked on.
    """

    visit: Visit
    payment: Payment | None = None
    given: int = 0
    begun: set[int] = field(default_factory=set)

    def pay(self, pages: int) -> None:
        """Charge for pages, or raise what :meth:`Quotas.pay` raises."""
        self.payment = self.visit.gateway.quotas.pay(self.visit.caller.key, pages)
        self.visit.exchange.quota = self.payment.headers

    def settle(self, kept: int) -> None:
        """Pay back all pages but so many, if any were paid for."""
        if self.payment is not None:
            self.visit.exchange.quota = self.payment.refund(kept)
