"""Stopping a page that nobody waits for any more."""

from collections.abc import Callable

Check = Callable[[], None]


class ReadingCancelled(Exception):
    """The caller is gone; what was read so far is thrown away."""


def checker(cancelled: Callable[[], bool]) -> Callable[[], None]:
    """A function to call between steps of work; it raises once ``cancelled()`` is true."""

    def check() -> None:
        if cancelled():
            raise ReadingCancelled

    return check
