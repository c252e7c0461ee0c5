"""Whether a browser on this machine speaks for somebody else.

A server that asks for no key answers this machine alone, but so does every browser on it, for
whatever page it shows. A page may have its own name resolved to 127.0.0.1 (DNS rebinding) and then
reads every answer; and it may send forms to any address without reading the answer. The first
carries the page's name as ``Host``, the second as ``Origin``.
"""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from ocrgate.errors import Forbidden
from ocrgate.settings import is_loopback

_PORT = re.compile(r":\d*$")
_PRIVATE = (".localhost", ".local", ".internal", ".home.arpa", ".test")
"""Ends of names that nobody can register."""

_SHOWN = 80  # characters of a name that an answer repeats


class OwnNames:
    """The names under which a server without keys answers browsers of its own machine.

    Those are addresses, names without a dot (``localhost``, that of a container), names that
    nobody can register, and ``more``.

    Args:
        more: further names, as of a proxy on this machine.
    """

    def __init__(self, more: Collection[str] = ()) -> None:
        self._more = frozenset(name.lower() for name in more)

    def require(self, headers: Headers) -> None:
        """Judge a request to a server without keys.

        Raises:
            Forbidden: a page of elsewhere may be behind it.
        """
        host = name_of(headers.get("host", ""))
        if not self._is_own(host):
            raise Forbidden(
                f"without a key this machine is answered under its own names; {host[:_SHOWN]!r} is "
                "none of them, but can be listed in server.hosts",
                field="Host",
            )
        origin = headers.get("origin")
        if origin is not None and not self._may_ask(origin, host):
            raise Forbidden("without a key pages of other sites are not answered", field="Origin")

    def knows(self, headers: Headers) -> bool:
        """Whether :meth:`require` would pass."""
        try:
            self.require(headers)
        except Forbidden:
            return False
        return True

    def _is_own(self, host: str) -> bool:
        return _is_address(host) or self._is_name(host)

    def _is_name(self, host: str) -> bool:
        return "." not in host or host.endswith(_PRIVATE) or host in self._more

    def _may_ask(self, origin: str, host: str) -> bool:
        """Pages of this machine and this server may, and extensions; ``null`` is anybody."""
        try:
            parts = urlsplit(origin.lower())
        except ValueError:
            return False
        if parts.scheme not in {"http", "https"}:
            return bool(parts.scheme)
        asking = name_of(parts.netloc)
        if _is_address(asking):
            return is_loopback(asking) or asking == host
        return self._is_name(asking)


def name_of(authority: str) -> str:
    """The host of ``host:port``, in small letters, without brackets and a last dot."""
    return _PORT.sub("", authority.strip().lower()).strip("[]").removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
