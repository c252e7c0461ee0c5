"""Keys in front of a store, so that a request costs the event loop no query."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from ocrgate.errors import InternalError
from ocrgate.keys.secret import digest
from ocrgate.ports import ApiKey, KeyStore

_log = structlog.get_logger("ocrgate.keys")


@dataclass(slots=True)
class _Recent:
    """The answers used last, each for a while; the oldest makes room."""

    most: int
    held: OrderedDict[bytes, tuple[float, ApiKey | None]] = field(default_factory=OrderedDict)

    def get(self, name: bytes, now: float) -> tuple[ApiKey | None] | None:
        """The answer in a tuple, None where there is none that is fresh."""
        found = self.held.get(name)
        if found is None or found[0] <= now:
            return None
        self.held.move_to_end(name)
        return (found[1],)

    def late(self, name: bytes, since: float) -> ApiKey | None:
        """The key of an answer that was fresh at that instant or later."""
        until, key = self.held.get(name, (-math.inf, None))
        return key if until > since else None

    def put(self, name: bytes, until: float, key: ApiKey | None) -> None:
        self.held[name] = (until, key)
        self.held.move_to_end(name)
        while len(self.held) > self.most:
            self.held.popitem(last=False)


class CachedKeys:
    """Read-through cache over a :class:`~ocrgate.ports.KeyStore`; the store runs in a thread.

    A revoked key works for ``ttl`` seconds at most. Secrets are held as digests only. Unknown
    secrets have a table of their own, so that a flood of guesses cannot push out those in use,
    and requests that ask for the same secret at once share one query.

    While the store fails (its disk does, or no file descriptor is left), keys that were known are
    trusted for ``grace`` seconds more, and whether any exists is as it was.

    Args:
        store: where keys live.
        ttl: seconds for which an answer is trusted.
        size: answers held, per table.
        grace: seconds for which a failing store is done without.
        now: monotonic seconds.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        ttl: float = 5.0,
        size: int = 1024,
        grace: float = 300.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._ttl = ttl
        self._grace = grace
        self._failing: float | None = None  # since when
        self._now = now
        self._known = _Recent(size)
        self._unknown = _Recent(size)
        self._asking: dict[bytes, asyncio.Task[ApiKey | None]] = {}
        self._any: tuple[float, bool | None] = (-math.inf, None)

    async def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret; None if there is none.

        Raises:
            InternalError: the store fails, and the key was not known before.
        """
        name, now = digest(secret), self._now()
        fresh = self._known.get(name, now) or self._unknown.get(name, now)
        if fresh is not None:
            return fresh[0]
        task = self._asking.get(name)
        if task is None:
            task = asyncio.create_task(self._ask(name, secret))
            self._asking[name] = task
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        # One caller that hangs up must not cancel the answer of the others.
        return await asyncio.shield(task)

    async def has_any(self) -> bool:
        """Whether an active key exists, as of ``ttl`` seconds ago at most.

        Raises:
            InternalError: the store fails, and nothing was known before.
        """
        until, answer = self._any
        if answer is None or until <= self._now():
            try:
                keys = await asyncio.to_thread(self._store.all)
                answer = any(key.revoked is None for key in keys)
                self._works()
            except Exception as error:  # noqa: BLE001 - whatever stores fail by
                self._failed(error)
                if answer is None:
                    raise _unknowable() from None
            self._any = (self._now() + self._ttl, answer)
        return answer

    async def _ask(self, name: bytes, secret: str) -> ApiKey | None:
        try:
            key = await asyncio.to_thread(self._store.find, secret)
            self._works()
        except Exception as error:  # noqa: BLE001 - whatever stores fail by
            key = self._late(name, self._failed(error))
            if key is None:
                raise _unknowable() from None
        table, other = (self._known, self._unknown) if key else (self._unknown, self._known)
        table.put(name, self._now() + self._ttl, key)
        other.held.pop(name, None)
        return key

    def _late(self, name: bytes, since: float) -> ApiKey | None:
        """A key that was known not long before the store began to fail, for as long after it."""
        if self._now() >= since + self._grace:
            return None
        return self._known.late(name, since - self._grace)

    def _works(self) -> None:
        if self._failing is not None:
            self._failing = None
            _log.warning("key store works again")

    def _failed(self, error: Exception) -> float:
        """Since when the store fails. That is logged once, not with every request."""
        if self._failing is None:
            self._failing = self._now()
            _log.error("key store fails", exc_info=error)
        return self._failing


def _unknowable() -> InternalError:
    return InternalError("keys cannot be checked at the moment")
