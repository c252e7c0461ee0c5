"""Server-sent events, read as they arrive.

A parser of its own, since chunks of the network end anywhere: within an event, a line end or a
character. Lines end in LF, CRLF or CR; comments and fields other than ``data`` are passed over,
save ``error``: llama.cpp before October 2025 puts the bare error object of a failure there. It
comes out under the name ``error``, as others write it.
"""

MAX_EVENT = 1 << 20
"""Bytes that an event may have; a token with all that comes with it has a few hundred."""

_DATA = b"data: "
_END = b"\n\n"
_BOM = b"\xef\xbb\xbf"  # may stand before the first line


class EventTooLong(Exception):
    """An event has more bytes than are accepted."""


class EventParser:
    """Bytes in, the data of whole events out.

    Args:
        limit: most bytes of one event, its unfinished line included.
    """

    __slots__ = ("_after_cr", "_data", "_limit", "_line", "_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # pieces of the line that has not ended yet
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._size = 0  # bytes held in both
        self._after_cr = False  # an LF that comes next belongs to the line end before it

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that ``chunk`` completes.

        Raises:
            EventTooLong: an event passes the limit, ended or not.
        """
        if self._is_plain(chunk):
            return chunk[len(_DATA) : -len(_END)].split(_END + _DATA)
        return self._feed_lines(chunk)

    def _is_plain(self, chunk: bytes) -> bool:
        """Whether it is whole events of one data line each: nearly every chunk of every server.

        Every line must be such a data line, so that cutting it up at the seams loses nothing.
        """
        return (
            not self._size
            and not self._after_cr
            and len(chunk) <= self._limit
            and chunk.startswith(_DATA)
            and chunk.endswith(_END)
            and chunk.count(b"\n") == 2 * chunk.count(_END + _DATA) + 2
            and b"\r" not in chunk
        )

    def _feed_lines(self, chunk: bytes) -> list[bytes]:
        events: list[bytes] = []
        if not chunk:
            return events
        if self._after_cr:
            chunk = chunk.removeprefix(b"\n")
        for line in chunk.splitlines(keepends=True):
            body = line.rstrip(b"\r\n")
            self._hold(self._line, body)
            if len(body) < len(line):
                self._end_line(events)
        self._after_cr = chunk.endswith(b"\r")
        return events

    def _hold(self, place: list[bytes], piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise EventTooLong(f"an event has more than {self._limit} bytes")
        place.append(piece)

    def _end_line(self, events: list[bytes]) -> None:
        line = b"".join(self._line)
        self._line.clear()
        self._size -= len(line)
        if not line:
            if self._data:
                events.append(b"\n".join(self._data))
            self._data.clear()
            self._size = 0
            return
        name, _, value = line.partition(b":")
        name = name.removeprefix(_BOM)
        if name == b"data":
            self._hold(self._data, value.removeprefix(b" "))
            self._size += 1  # so that lines without bytes count too
        elif name == b"error":
            self._hold(self._data, b'{"error":%b}' % value)
