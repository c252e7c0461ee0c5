"""One worker process and the thread that talks to it."""

import asyncio
import contextlib
import mmap
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO

from ocrgate.errors import EngineUnavailable, OcrgateError
from ocrgate.runtime.child import FLAG, Build, Reply, Request
from ocrgate.runtime.framing import receive, send

Job = Callable[[], object]

_BOOT = "import sys; from ocrgate.runtime.child import main; main(*map(int, sys.argv[1:]))"
_TALK = 2000  # characters of a worker's last words that are passed on when it cannot start


class WorkerGone(Exception):
    """The process ended in the middle of a call."""


class WorkerProcess:
    """A process that holds one session. Every blocking step runs in one thread of its own.

    That thread also starts the process: the kernel ends a child that asked for it when the
    *thread* that started it ends, so it must live as long as the child.

    Args:
        build: what the process is made of.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._jobs: queue.SimpleQueue[tuple[Job, asyncio.Future[object]] | None]
        self._jobs = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._flag: mmap.mmap | None = None
        self._calls = 0
        self._ending_early = False
        self._served = False  # whether the thread runs

    @property
    def pid(self) -> int | None:
        """The process id while one was started."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start the process and wait until its session is built.

        Raises:
            EngineUnavailable: it cannot be built; the detail says why.
        """
        try:
            threading.Thread(target=self._work, name="worker", daemon=True).start()
        except RuntimeError as error:  # as many threads as there may be
            raise EngineUnavailable(f"no process can be started: {error}") from error
        self._served = True
        await self._do(self._launch)

    async def call(self, method: str, args: tuple[object, ...]) -> Reply:
        """Run one method. Only one call may run at a time.

        Raises:
            WorkerGone: the process ended.
        """
        self._calls += 1
        request = Request(self._calls, method, args)
        reply = await self._do(lambda: self._exchange(request))
        assert isinstance(reply, Reply)
        return reply

    def ask_to_stop(self) -> None:
        """Let the ``cancelled`` probe of the running call say True."""
        if self._flag is not None:
            FLAG.pack_into(self._flag, 0, self._calls)

    def kill(self) -> None:
        """End the process at once; a running call ends with :class:`WorkerGone`."""
        self._ending_early = True
        if self._process is not None:
            self._process.kill()

    async def close(self, patience: float = 0.0) -> None:
        """End the process, after ``patience`` seconds by force, and let go of all it held."""
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        if patience <= 0:
            self.kill()
        if not self._served:
            return
        await self._do(lambda: self._bury(patience))
        self._jobs.put(None)

    async def _do(self, job: Job) -> object:
        future = asyncio.get_running_loop().create_future()
        self._jobs.put((job, future))
        return await future

    # In the thread

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, future = item
            try:
                result, error = job(), None
            except Exception as raised:  # noqa: BLE001 - it belongs to whoever awaits the future
                result, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)
            del item, job, future, result, error  # they hold images

    def _launch(self) -> None:
        try:
            self._sock, theirs = socket.socketpair()
            with theirs, tempfile.TemporaryFile() as flag, tempfile.TemporaryFile() as talk:
                self._process = self._spawned(theirs, flag, talk)
                theirs.close()
                if self._ending_early:
                    self._process.kill()
                self._build_session(talk)
        except OSError as error:  # no memory, no file descriptors, a full disk: it may pass
            raise EngineUnavailable(f"no process can be started: {error.strerror}") from error

    def _spawned(
        self, theirs: socket.socket, flag: IO[bytes], talk: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        flag.write(bytes(FLAG.size))
        flag.flush()
        self._flag = mmap.mmap(flag.fileno(), FLAG.size)
        return _spawn(theirs.fileno(), flag.fileno(), talk)

    def _build_session(self, talk: IO[bytes]) -> None:
        try:
            reply = self._exchange(self._build)
        except WorkerGone:
            talk.seek(0)
            words = talk.read().decode(errors="replace").strip()[-_TALK:]
            raise EngineUnavailable(f"a worker process did not start: {words}") from None
        if reply.error is not None:
            raise _unavailable(reply.error)
        if reply.crash is not None:
            last = reply.crash.strip().splitlines()[-1]
            raise EngineUnavailable(f"a worker's session cannot be built: {last}")

    def _exchange(self, message: Build | Request) -> Reply:
        assert self._sock is not None
        try:
            send(self._sock, message)
            reply = receive(self._sock)
        except (EOFError, OSError) as error:
            raise WorkerGone(self._ending()) from error
        assert isinstance(reply, Reply)
        return reply

    def _ending(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"

    def _bury(self, patience: float) -> None:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
            self._process.kill()
            self._process.wait()
        if self._sock is not None:
            self._sock.close()
        flag, self._flag = self._flag, None
        if flag is not None:
            flag.close()


def _settle(future: asyncio.Future[object], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _spawn(channel: int, flag: int, talk: IO[bytes]) -> subprocess.Popen[bytes]:
    """A fresh interpreter rather than a fork: threads and native libraries do not survive one."""
    numbers = (str(channel), str(flag), str(os.getpid()))
    return subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-P", "-c", _BOOT, *numbers],
        stdin=subprocess.DEVNULL,
        stdout=talk,
        stderr=talk,
        pass_fds=(channel, flag),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def _unavailable(error: OcrgateError) -> OcrgateError:
    return error if isinstance(error, EngineUnavailable) else EngineUnavailable(error.detail)
