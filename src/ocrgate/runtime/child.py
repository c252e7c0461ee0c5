"""What runs inside a worker process: build a session, then answer one call at a time."""

import ctypes
import importlib
import mmap
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from ocrgate.errors import OcrgateError
from ocrgate.runtime.framing import receive, send

FLAG = struct.Struct("Q")  # in shared memory: the number of the last call that was cancelled

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Build:
    """The first message: ``module:attribute`` of the session, its arguments, and the niceness."""

    factory: str
    args: tuple[object, ...]
    nice: int


@dataclass(frozen=True, slots=True)
class Request:
    """Run ``method(*args)``. ``number`` counts the calls of this process, from 1."""

    number: int
    method: str
    args: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """How a call ended: ``error`` is one of ours; ``crash`` is the traceback of any other.

    ``rss`` is the process's resident memory after the call, bytes.
    """

    value: object = None
    error: OcrgateError | None = None
    crash: str | None = None
    rss: int = 0


def main(channel: int, flag: int, parent: int) -> None:
    """Serve until the other end of ``channel`` is closed.

    Args:
        channel: file descriptor of a stream socket to the parent.
        flag: file descriptor of the shared memory with the number of the last cancelled call.
        parent: process id of who started this.
    """
    _stay_in_the_background(parent)
    shared = mmap.mmap(flag, FLAG.size)
    with socket.socket(fileno=channel) as sock:
        try:
            _serve(sock, shared)
        except (EOFError, OSError):
            return  # the parent is gone or wants no more


def _stay_in_the_background(parent: int) -> None:
    # Ctrl-C and a service manager's SIGTERM reach the whole group: the parent alone decides when
    # work ends, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)  # it died before the line above


def _serve(sock: socket.socket, shared: mmap.mmap) -> None:
    build = receive(sock)
    assert isinstance(build, Build)
    os.nice(build.nice)
    session: object = None

    def make() -> None:
        nonlocal session
        session = _load(build.factory)(*build.args)

    send(sock, _answer(make))
    _silence()
    while session is not None:
        _reply(sock, _handle(session, receive(sock), shared))  # no name keeps the image alive


def _load(factory: str) -> Callable[..., object]:
    module, _, name = factory.partition(":")
    made: Callable[..., object] = getattr(importlib.import_module(module), name)
    return made


def _handle(session: object, request: object, shared: mmap.mmap) -> Reply:
    assert isinstance(request, Request)
    return _answer(lambda: _run(session, request, shared))


def _run(session: object, request: Request, shared: mmap.mmap) -> object:
    def cancelled() -> bool:
        return bool(FLAG.unpack_from(shared)[0] >= request.number)

    return getattr(session, request.method)(*request.args, cancelled=cancelled)


def _answer(call: Callable[[], object]) -> Reply:
    try:
        value = call()
    except OcrgateError as error:
        return Reply(error=error, rss=_rss())
    except Exception:  # noqa: BLE001 - whatever it is, the parent is told; the process goes on
        return Reply(crash=traceback.format_exc(), rss=_rss())
    return Reply(value, rss=_rss())


def _reply(sock: socket.socket, reply: Reply) -> None:
    try:
        send(sock, reply)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - a result that cannot be pickled; nothing was written yet
        send(sock, Reply(crash=traceback.format_exc(), rss=reply.rss))


def _rss() -> int:
    return int(psutil.Process().memory_info().rss)


def _silence() -> None:
    # Native decoders print whatever they find odd in a file, megabytes of it for a hostile one.
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
