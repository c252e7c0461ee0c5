"""Writes of logs that keep nobody waiting: a bounded queue, and a thread that empties it.

A log goes to a pipe more often than to a file, and whoever reads the pipe may stop: a log driver
whose disk is full, a pager, a terminal after Ctrl-S. A write to it then waits for ever, and on the
event loop everything would wait with it.
"""

import io
import os
import queue
import select
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

MOST_LINES = 8192
"""Lines that may wait; of usual ones 3 MB. So many are written in well under a second."""

PATIENCE = 2.0
"""Seconds for which the end waits until everything is written."""

_BATCH = 256  # lines of one write
_GO_ON = threading.Event()  # nobody waits for it


class Aside(io.TextIOBase):
    """A text stream in front of another one: what is written is handed on by a thread, in order.

    What comes while ``most`` writes wait is dropped and counted. A context that hands on the rest
    at its end. Safe from all threads, and within the collection of garbage.

    Args:
        target: where everything ends up. With a file descriptor, its own buffer is passed by: one
            that is stuck would keep the interpreter from ending.
        most: writes that may wait.
        lost: told by that thread how many lines were dropped, once others are written again.
    """

    def __init__(
        self,
        target: TextIO,
        *,
        most: int = MOST_LINES,
        lost: Callable[[int], None] = lambda _lines: None,
    ) -> None:
        super().__init__()
        self._target = target
        self._most = most
        self._lost = lost
        self._descriptor = _descriptor(target)
        self._letters = target.encoding or "utf-8"
        # A simple queue may be used by a finalizer that runs while it is used.
        self._queue: queue.SimpleQueue[bytes | threading.Event | None] = queue.SimpleQueue()
        self._counting = threading.RLock()
        self._dropped = self._told = 0
        self._ended = self._stuck = False
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The target's."""
        return self._letters

    @property
    def dropped(self) -> int:
        """Lines that nobody will read."""
        return self._dropped

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._target.isatty()

    def fileno(self) -> int:
        """The target's file descriptor."""
        return self._target.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Hand the text on, or drop it; waits for nothing until the end has come."""
        data = text.encode(self._letters, "backslashreplace")
        if self._ended and not self._stuck:
            self._hand_on(data)
        elif self._ended or self._queue.qsize() >= self._most:
            self._drop(data)
        else:
            self._queue.put(data)
        return len(text)

    def drain(self, seconds: float = PATIENCE) -> bool:
        """Wait until everything that was written before is handed on; whether it was, in time."""
        done = threading.Event()
        self._queue.put(done)
        return done.wait(seconds)

    def end(self, seconds: float = PATIENCE) -> None:
        """Hand on what waits, for so long at most, then what comes. Safe to call twice."""
        if not self._ended:
            self._stuck = not self.drain(seconds)
            self._ended = True
            self._queue.put(None)

    def _drop(self, data: bytes) -> None:
        with self._counting:
            self._dropped += max(1, data.count(b"\n"))

    def _work(self) -> None:
        mark: threading.Event | None = _GO_ON
        while mark is not None:
            batch, mark = self._gathered()
            written = bool(batch) and self._hand_on(batch)
            if written and self._dropped > self._told:
                self._tell()  # not after a failure: what is told then is lost too, and told again
            if mark is not None:
                mark.set()

    def _gathered(self) -> tuple[bytes, threading.Event | None]:
        """What waits now, as one write, and whom to tell of it; None at the end."""
        batch: list[bytes] = []
        item = self._queue.get()
        while isinstance(item, bytes):
            batch.append(item)
            if len(batch) == _BATCH or self._queue.empty():
                return b"".join(batch), _GO_ON
            item = self._queue.get()
        return b"".join(batch), item

    def _tell(self) -> None:
        with self._counting:
            news, self._told = self._dropped - self._told, self._dropped
        self._lost(news)

    def _hand_on(self, data: bytes) -> bool:
        """Whether all of it was written."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._some(rest) :]
        except (OSError, ValueError):  # nobody reads any more: a log ends no server
            self._drop(bytes(rest))
            return False
        return True

    def _some(self, data: memoryview) -> int:
        if self._descriptor is None:
            self._target.write(str(data, self._letters))
            self._target.flush()
            return len(data)
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # whoever started us shares the pipe, and set it so
            select.select([], [self._descriptor], [])
            return 0


def _descriptor(target: TextIO) -> int | None:
    try:
        return target.fileno()
    except (OSError, AttributeError):
        return None
