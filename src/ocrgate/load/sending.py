"""One request with all its tries, from the instant it is due to what came of it."""

import asyncio
import random
import secrets
import time
from dataclasses import dataclass, replace
from http import HTTPStatus

from ocrgate.load.answers import (
    Answer,
    ChatStream,
    Refusal,
    Unreadable,
    is_good,
    refusal,
)
from ocrgate.load.link import Exchange, Link
from ocrgate.load.record import OK
from ocrgate.load.stats import Gauge
from ocrgate.load.targets import Endpoint
from ocrgate.load.workload import Caller, Callers, Work

AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Statuses after which another try may be served."""

_BACKOFF = 1.0  # seconds before the second try where the server names none; doubles
_LONGEST_BACKOFF = 8.0
_MOST_TOLD = 600.0  # seconds: a gateway takes no longer a wait than that
_MOST_HELD = 256 * 2**20  # bytes of bodies that are kept ready


@dataclass(frozen=True, slots=True)
class Result:
    """How a request ended. Instants are of the monotonic clock.

    Attributes:
        sent: of the first try; ``first``: first text (or first byte) of the last try, 0 for none.
        outcome: ``ok`` or a code; ``message``: words about it.
        tries: how often it was sent; ``paused``: seconds between them, as the server asked for.
        gone: whether nobody was there to answer: no connection, or it broke.
    """

    sent: float
    first: float
    done: float
    outcome: str
    status: int
    message: str = ""
    tries: int = 1
    paused: float = 0.0
    retry_after: float | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    answer: Answer | None = None
    gone: bool = False


class Sender:
    """Sends work to one endpoint.

    Args:
        endpoint: where, and in which contract.
        link: the connections.
        callers: whose keys are used.
        timeout: seconds from the intended instant after which nobody waits any more.
        retries: further tries after a refusal or a broken engine.
        source: spreads the pauses between tries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        link: Link,
        callers: Callers,
        *,
        timeout: float,
        retries: int = 0,
        source: random.Random | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.in_flight = Gauge(_last=time.monotonic())
        self._ready: dict[int, tuple[str, bytes]] = {}
        self._held = 0
        self._link = link
        self._callers = callers
        self._timeout = timeout
        self._retries = retries
        self._source = source or secrets.SystemRandom()

    def prepare(self, work: Work) -> tuple[str, bytes]:
        """The content type and body, made before the request is due.

        Of a document that is sent as it is the body is made once: hundreds may be on the wire.
        """
        if work.document.fresh is not None:
            return self.endpoint.body(work)
        place = id(work.document)
        if (found := self._ready.get(place)) is None:
            found = self.endpoint.body(work)
            if self._held + len(found[1]) <= _MOST_HELD:
                self._held += len(found[1])
                self._ready[place] = found
        return found

    async def send(self, prepared: tuple[str, bytes], caller: Caller, due: float) -> Result:
        """Send until it is served, refused for good, or too late. Cancelling hangs up."""
        until = due + self._timeout
        result = await self._once(prepared, caller, until)
        while (pause := self._pause(result)) is not None and time.monotonic() + pause < until:
            await asyncio.sleep(pause)
            later = await self._once(prepared, caller, until)
            result = replace(
                later,
                sent=result.sent,
                tries=result.tries + 1,
                paused=result.paused + pause,
                sent_bytes=later.sent_bytes + result.sent_bytes,
                retry_after=later.retry_after or result.retry_after,
            )
        return result

    def _pause(self, result: Result) -> float | None:
        """Seconds before another try; None where there is none."""
        broken = result.status in AGAIN or result.gone
        if result.outcome == OK or result.tries > self._retries or not broken:
            return None
        backoff = min(_LONGEST_BACKOFF, _BACKOFF * 2 ** (result.tries - 1))
        wait = result.retry_after if result.retry_after is not None else backoff
        return wait * self._source.uniform(1.0, 1.1)

    async def _once(self, prepared: tuple[str, bytes], caller: Caller, until: float) -> Result:
        left = max(0.001, until - time.monotonic())
        kind, body = prepared
        head = self.endpoint.head(
            kind, len(body), self._callers.keys[caller.key], self._more(caller, left)
        )
        stream = ChatStream() if self.endpoint.streams else None
        self.in_flight.change(1, time.monotonic())
        try:
            exchange = await self._link.ask(head, body, left, stream)
        finally:
            self.in_flight.change(-1, time.monotonic())
        sent_bytes = len(head) + len(body)
        return _result(self.endpoint, exchange, stream, sent_bytes)

    def _more(self, caller: Caller, left: float) -> dict[str, str]:
        more = {"X-Priority": caller.lane} if caller.lane else {}
        if self.endpoint.kind == "ocrgate":
            more["X-Request-Timeout"] = f"{min(_MOST_TOLD, max(0.1, left)):.3f}"
        return more


def _result(
    endpoint: Endpoint, exchange: Exchange, stream: ChatStream | None, sent_bytes: int
) -> Result:
    first = stream.first if stream is not None else exchange.first
    found = Result(
        exchange.sent,
        first,
        exchange.done,
        OK,
        exchange.status,
        sent_bytes=sent_bytes,
        received_bytes=exchange.received,
    )
    if exchange.failure:
        gone = exchange.failure in {"connect", "reset"}
        return replace(found, outcome=exchange.failure, message=exchange.told, gone=gone)
    if not is_good(exchange.status):
        told = refusal(exchange, stream.seen if stream is not None else exchange.body)
        return _refused(found, told)
    try:
        answer = stream.answer() if stream is not None else endpoint.read(exchange.body)
    except Unreadable as error:
        return replace(found, outcome="bad_answer", message=str(error))
    return replace(found, answer=answer)


def _refused(found: Result, told: Refusal) -> Result:
    return replace(
        found, outcome=told.outcome, message=told.message, retry_after=told.retry_after, first=0.0
    )
