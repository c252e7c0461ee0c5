"""One server process: started, listened to, ended. It cannot outlive us (:mod:`.keeper`)."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ocrgate.engines.launch import keeper
from ocrgate.engines.launch.diagnosis import tells
from ocrgate.engines.launch.facts import LaunchFacts, noticed
from ocrgate.engines.launch.lines import LineSplitter, Tail
from ocrgate.engines.launch.secrets import HIDDEN, secrets_in
from ocrgate.engines.launch.stages import FIRST, stage

_CHUNK = 2**14
_SWEEP = keeper.GRACE + 2 * keeper.LATEST  # seconds that the keeper takes at most
_VMSTAT = Path("/proc/vmstat")


class ServerProcess:
    """A process and all that it starts.

    Args:
        words: the command.
        env: all of its environment.
        listener: told every line that it prints, less the secrets that it was given, in the event
            loop; it must not raise.
    """

    def __init__(
        self, words: tuple[str, ...], env: Mapping[str, str], listener: Callable[[str], None]
    ) -> None:
        self._words = words
        self._env = dict(env)
        self._listener = listener
        self._spawning: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._ended: asyncio.Task[int] | None = None
        self._kills = _oom_kills()
        self._secrets = secrets_in(words, env)
        self._tail = Tail(tells)
        self.facts = LaunchFacts()
        self.stage = FIRST

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._ended is not None and not self._ended.done()

    @property
    def lines(self) -> tuple[str, ...]:
        """What it printed last, oldest first, and before that what may tell why it ended."""
        return self._tail.lines()

    @property
    def oom_kills(self) -> int | None:
        """Processes that the kernel killed for memory since this was made; None: not known."""
        now = _oom_kills()
        return None if now is None or self._kills is None else max(0, now - self._kills)

    async def start(self) -> None:
        """Start it. A caller that is cancelled meanwhile must still :meth:`end` it.

        Raises:
            OSError: no process can be started.
        """
        self._spawning = asyncio.create_task(self._spawn())
        await asyncio.shield(self._spawning)

    async def wait(self) -> int:
        """Wait until it and all below it are gone and the log is read: its exit code.

        A negative code is the signal that ended it.
        """
        assert self._ended is not None
        return await asyncio.shield(self._ended)

    async def end(self, patience: float) -> None:
        """SIGTERM and ``patience`` seconds (if any), then SIGKILL for all. Safe to call twice."""
        process = await self._process()
        if process is None or self._ended is None:
            return
        if patience > 0:
            self._command(process, b"T")
            await asyncio.wait({self._ended}, timeout=patience)
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.wait({self._ended}, timeout=_SWEEP)
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await asyncio.wait({self._ended}, timeout=1.0)

    async def _process(self) -> asyncio.subprocess.Process | None:
        if self._spawning is None:
            return None
        with contextlib.suppress(OSError):
            return await asyncio.shield(self._spawning)
        return None

    @staticmethod
    def _command(process: asyncio.subprocess.Process, word: bytes) -> None:
        if process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(word)  # one byte into an empty pipe: it cannot fill up

    async def _spawn(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", keeper.__file__, *self._words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is ours to answer
            env=self._env,
        )
        self._ended = asyncio.create_task(self._listen(process))
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> int:
        assert process.stdout is not None
        splitter = LineSplitter()
        while chunk := await process.stdout.read(_CHUNK):
            for line in splitter.feed(chunk):
                self._heard(line)
            await asyncio.sleep(0)  # a flood of lines must not hold up anybody's page
        for line in splitter.end():
            self._heard(line)
        return await process.wait()

    def _heard(self, line: str) -> None:
        for secret in self._secrets:  # servers print their arguments
            line = line.replace(secret, HIDDEN)
        self._tail.add(line, time.monotonic())
        self.facts = noticed(self.facts, line)
        self.stage = stage(self.stage, line)
        self._listener(line)


def _oom_kills() -> int | None:
    """How often the kernel has killed a process for memory, on the whole machine."""
    try:
        rows = dict(line.split(maxsplit=1) for line in _VMSTAT.read_text().splitlines())
        return int(rows["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
