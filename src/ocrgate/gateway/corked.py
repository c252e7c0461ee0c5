"""One write to the socket for the head and the body of an answer.

The server hands them over one after the other. Written at once each, the head alone wakes the
client and costs a system call, which is a tenth of what a small answer costs altogether.
"""

import asyncio
import contextlib
import socket
import struct
from typing import Any

_LARGE = 256 * 1024  # bytes from which a copy costs more than two buffers in one call
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_LOOKS = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Seconds of silence, seconds between looks, looks without an answer: 25 s in all."""

_DROP = struct.pack("ii", 1, 0)  # struct linger: wait 0 seconds for what was not sent


class Corked(asyncio.Transport):
    """A transport that gathers what is written within one turn of the event loop.

    Args:
        inner: the socket's transport.
        loop: its event loop.
    """

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._waiting: list[bytes | bytearray | memoryview] = []
        self._handed = 0
        self._ended = False

    @property
    def taken(self) -> int:
        """Bytes that the kernel has taken since the beginning."""
        return self._handed - self._inner.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the data until the turn ends; what comes after the end is dropped."""
        if self._ended:
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            size = sum(map(len, waiting))
            self._handed += size
            if size < _LARGE:
                self._inner.write(b"".join(waiting))
            else:
                self._inner.writelines(waiting)

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        """Close at once."""
        self._waiting.clear()
        self._inner.abort()

    def reset(self) -> None:
        """Close at once, and let the kernel drop what it holds too."""
        sock = self._inner.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self.abort()

    def watch_peer(self) -> None:
        """Have the kernel look now and then whether the other end is still there.

        A machine that lost its power or its network says no goodbye. Without this its page would
        be read to the end, and a queue kept for it.
        """
        sock = self._inner.get_extra_info("socket")
        if sock is None or sock.family not in _INTERNET:
            return
        with contextlib.suppress(OSError):  # it may have gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _LOOKS.items():
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def can_write_eof(self) -> bool:
        """Whether this end can be closed by itself."""
        return self._inner.can_write_eof()

    def write_eof(self) -> None:
        """Send what was written, then close this end."""
        self._flush()
        self._ended = True
        self._inner.write_eof()

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self._inner.is_closing()

    def is_reading(self) -> bool:
        """Whether data is received."""
        return self._inner.is_reading()

    def pause_reading(self) -> None:
        """Receive nothing for a while."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Facts about the connection."""
        return self._inner.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Bytes written and not yet taken by the kernel."""
        return self._inner.get_write_buffer_size() + sum(map(len, self._waiting))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._inner.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who speaks on it."""
        return self._inner.get_protocol()
