"""Python objects through a socket, blocking, without copying page images.

A message is a count, the sizes and then the bytes of its parts: the pickle (protocol 5) and, out
of band, the buffers of page images and arrays. Those go from memory to the kernel and back without
a copy in between and without holding the interpreter lock, so that 40 MB do not stall the loop of
the process that sends them from a thread.
"""

import io
import pickle
import socket
import struct
from collections.abc import Callable

from ocrgate.domain.document import PageImage

_COUNT = struct.Struct("!I")
_SIZE = struct.Struct("!Q")
_LARGE = 64 * 1024  # smaller buffers travel inside the pickle: a part of their own costs more


def send(sock: socket.socket, message: object) -> None:
    """Write one message.

    Raises:
        OSError: the other end is gone.
        Exception: the message cannot be pickled; nothing was written.
    """
    parts = _pack(message)
    sizes = b"".join(_SIZE.pack(len(part)) for part in parts)
    sock.sendall(_COUNT.pack(len(parts)) + sizes)
    for part in parts:
        sock.sendall(part)


def receive(sock: socket.socket) -> object:
    """Read one message, made of objects of ours by a process of ours.

    Raises:
        EOFError: the other end is gone.
        OSError: the connection broke.
    """
    (count,) = _COUNT.unpack(_read(sock, _COUNT.size))
    sizes = [_SIZE.unpack(_read(sock, _SIZE.size))[0] for _ in range(count)]
    head, *buffers = [_read(sock, size) for size in sizes]
    return pickle.loads(head, buffers=buffers)  # noqa: S301 - both ends are ours, by a private socket


def _pack(message: object) -> list[memoryview]:
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(message)
    return [stream.getbuffer(), *(buffer.raw() for buffer in buffers)]


class _Pickler(pickle.Pickler):
    """Sends the data of large page images out of band, which plain ``bytes`` never are."""

    def reducer_override(self, obj: object) -> tuple[Callable[..., object], tuple[object, ...]]:
        if isinstance(obj, PageImage) and len(obj.data) >= _LARGE:
            rest = (obj.encoding, obj.width, obj.height, obj.channels)
            source = (obj.source_width, obj.source_height)
            return PageImage, (pickle.PickleBuffer(obj.data), *rest, *source)
        return NotImplemented  # type: ignore[no-any-return]  # the protocol's "as usual"


def _read(sock: socket.socket, size: int) -> bytes:
    """``size`` bytes into one allocation."""
    data = sock.recv(size, socket.MSG_WAITALL) if size else b""
    if len(data) == size:
        return data
    return _rest(sock, data, size)


def _rest(sock: socket.socket, data: bytes, size: int) -> bytes:
    # The kernel may hand over less than asked for (a signal, a very large message).
    parts, missing = [data], size - len(data)
    while missing:
        part = sock.recv(missing, socket.MSG_WAITALL) if parts[-1] else b""
        if not part:
            raise EOFError("the other end is gone")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
