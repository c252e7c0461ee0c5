"""Who asks, in which lane, and for how long: everything that the headers say."""

import math
from dataclasses import dataclass
from typing import Protocol

from starlette.datastructures import Headers

from ocrgate.control.ladder import Rung
from ocrgate.domain.ticket import Lane
from ocrgate.errors import Forbidden, InvalidRequest, Unauthenticated
from ocrgate.gateway.origin import OwnNames
from ocrgate.ports import ApiKey
from ocrgate.settings import ServerSettings, Settings, is_loopback, needs_key
from ocrgate.wire.ocr import LEAST_SECONDS

ANONYMOUS = "anonymous"

_SECRET_BOUND = 512


class Keys(Protocol):
    """Where keys are looked up, off the event loop."""

    async def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret."""

    async def has_any(self) -> bool:
        """Whether an active key exists."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``key`` is None for the anonymous caller of an open server.

    ``lane`` is the one this request travels in.
    """

    name: str
    lane: Lane
    key: ApiKey | None = None


class Access:
    """Tells callers apart.

    Attributes:
        names: those under which this machine is answered without a key.

    Args:
        settings: what the server was told about keys, address and times.
        keys: None on a server that has no key store at all.
    """

    def __init__(self, settings: Settings, keys: Keys | None) -> None:
        server = settings.server
        self._keys = keys
        self.names = OwnNames(server.hosts)
        self._alone = is_loopback(server.host)
        self._always = needs_key(
            server.host,
            has_keys=False,
            insecure=server.insecure,
            required=settings.auth.required,
        )

    async def caller(self, headers: Headers) -> Caller:
        """The caller behind a request.

        Raises:
            Unauthenticated: a key is asked for and none, or a wrong one, was sent.
            Forbidden: ``X-Priority`` is above the key's lane; or no key is asked for, and a page of
                another site may be behind the request.
            InvalidRequest: ``X-Priority`` names no lane.
        """
        key = await self._key(headers)
        highest = key.lane if key else Lane.INTERACTIVE
        usual = key.lane if key else Lane.STANDARD
        return Caller(key.name if key else ANONYMOUS, _lane(headers, usual, highest), key)

    async def _key(self, headers: Headers) -> ApiKey | None:
        secret = _secret(headers)
        if not self._always and not (self._keys and await self._keys.has_any()):
            if self._alone:
                self.names.require(headers)
            return None  # an open server: some clients send a key all the same
        if secret is None:
            raise Unauthenticated(
                "send an API key as Authorization: Bearer KEY or X-API-Key: KEY",
                field="Authorization",
            )
        found = await self._keys.find(secret) if self._keys else None
        if found is None:
            raise Unauthenticated("the API key is not known here", field="Authorization")
        return found


def _secret(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    secret = bearer or headers.get("x-api-key", "").strip()
    return secret if 0 < len(secret) <= _SECRET_BOUND else None


def _lane(headers: Headers, usual: Lane, highest: Lane) -> Lane:
    asked = headers.get("x-priority")
    if asked is None:
        return usual
    try:
        lane = Lane(asked.strip().lower())
    except ValueError:
        names = ", ".join(Lane)
        raise InvalidRequest(f"{asked[:40]!r} is none of {names}", field="X-Priority") from None
    if lane.rank < highest.rank:
        raise Forbidden(f"this key's lane is {highest}", field="X-Priority", limit=str(highest))
    return lane


def time_given(headers: Headers, server: ServerSettings) -> float:
    """Seconds that the caller gives the whole request.

    Raises:
        InvalidRequest: ``X-Request-Timeout`` is no number of seconds within bounds.
    """
    asked = headers.get("x-request-timeout")
    if asked is None:
        return server.timeout
    seconds = _number(asked)
    if seconds is None or not LEAST_SECONDS <= seconds <= server.max_timeout:
        raise InvalidRequest(
            f"{asked[:40]!r} is not a number of seconds from {LEAST_SECONDS} to "
            f"{server.max_timeout:g}",
            field="X-Request-Timeout",
            limit=f"{server.max_timeout:g} s",
        )
    return seconds


def forbidden(headers: Headers) -> frozenset[Rung]:
    """What the caller's pages may not get less of: ``X-No-Degradation: 1``, or a list of rungs.

    Raises:
        InvalidRequest: it names something else.
    """
    asked = headers.get("x-no-degradation", "0").strip().lower()
    if asked in {"1", "true", "0", "false", ""}:
        return frozenset(Rung) if asked in {"1", "true"} else frozenset()
    try:
        return frozenset(Rung(name.strip()) for name in asked.split(","))
    except ValueError:
        names = ", ".join(Rung)
        message = f"{asked[:80]!r} is neither 1 nor a list of {names}"
        raise InvalidRequest(message, field="X-No-Degradation") from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if "_" in text:  # a number in Python's source, not in a header
        return None
    return value if math.isfinite(value) else None
