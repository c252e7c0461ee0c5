"""How many connections are open at the same time, and which is closed when another one comes.

A connection costs a file descriptor, and once they are used up the server cannot reach its engine
any more. Most open connections do nothing: they are kept for a next request. So a newcomer takes
the place of the one that has been silent for longest. Where all are at work it gets one of a few
places beyond the bound, in which only what tells of the server is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SILENCE = 1.0
"""Seconds without a request after which a connection may be closed in favour of another one."""

USUAL = 10_000
"""Connections where nothing is set; one that is idle costs about 10 KiB."""

_OWN_FILES = 40  # of a process without connections
_BEYOND = 8
_BEYOND_PART = 64


class Closable(Protocol):
    """One connection."""

    def give_way(self) -> None:
        """Close it: it has no request, or not yet a whole one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How things stand: connections open, silent among them, and as many as may be."""

    open: int
    silent: int
    bound: int


class Connections:
    """All connections of a server. Says what to close; closes nothing itself but by ``give_way``.

    Args:
        bound: connections that may be open, at least 1; a few more are told that it is reached.
        now: monotonic seconds.
        closed: told when one is closed in favour of another.
        refused: told when one may not stay, with the seconds that it is told to wait.
    """

    def __init__(
        self,
        bound: int,
        now: Callable[[], float],
        closed: Callable[[], None] = lambda: None,
        refused: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._bound = bound
        self._now = now
        self._closed = closed
        self._refused = refused
        self._inside: dict[Closable, None] = {}
        self._silent: dict[Closable, float] = {}  # since when; the longest comes first
        self._beyond: dict[Closable, None] = {}
        self._places_beyond = _BEYOND + bound // _BEYOND_PART

    def __repr__(self) -> str:
        inside, beyond = len(self._inside), len(self._beyond)
        return f"<Connections {inside} of {self._bound}, {len(self._silent)} silent, {beyond} more>"

    @property
    def tally(self) -> Tally:
        """How things stand."""
        open_now = len(self._inside) + len(self._beyond)
        return Tally(open_now, len(self._silent), self._bound)

    def enter(self, connection: Closable) -> bool:
        """A connection came, silent as yet. Whether it may stay."""
        if self._has_room(self._inside, self._bound):
            self._inside[connection] = None
        elif self._has_room(self._beyond, self._places_beyond):
            self._beyond[connection] = None
        else:
            self._refused(SILENCE)
            return False
        self._silent[connection] = self._now()
        return True

    def speaks(self, connection: Closable) -> bool:
        """Its request has come. Whether it may be served."""
        self._silent.pop(connection, None)
        if connection in self._beyond and self._has_room(self._inside, self._bound):
            self._move_in(connection)
        return connection not in self._beyond

    def waits(self, connection: Closable) -> None:
        """It was answered and is kept, or a next request begins: silent from now on."""
        if connection in self._inside or connection in self._beyond:
            self._silent.pop(connection, None)
            self._silent[connection] = self._now()

    def leave(self, connection: Closable) -> None:
        """It was closed. Safe to call twice, and of one that did not enter."""
        self._forget(connection)
        if self._beyond and len(self._inside) < self._bound:
            self._move_in(next(iter(self._beyond)))

    def _forget(self, connection: Closable) -> None:
        for group in (self._silent, self._inside, self._beyond):
            group.pop(connection, None)

    def _move_in(self, connection: Closable) -> None:
        del self._beyond[connection]
        self._inside[connection] = None

    def _has_room(self, group: dict[Closable, None], most: int) -> bool:
        """Whether another one may join a group, if need be after one of it has gone."""
        if len(group) < most:
            return True
        longest = next((each for each in self._silent if each in group), None)
        if longest is None or self._now() - self._silent[longest] < SILENCE:
            return False
        self._forget(longest)
        self._closed()
        longest.give_way()
        return True


def bound_for(asked: int | None, files: int) -> int:
    """Connections that may be open with so many file descriptors: a quarter is for engines and
    documents.

    Args:
        asked: what was set; None for the usual number.
        files: file descriptors that this process may have.
    """
    return max(8, min(asked or USUAL, (files - _OWN_FILES) * 3 // 4))


def files_for(asked: int | None) -> int:
    """File descriptors that it takes to keep so many connections."""
    return (asked or USUAL) * 4 // 3 + _OWN_FILES + 1
