"""What changes an engine's settings: nothing, a command of the user's, or a vLLM of our own."""

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ocrgate.cli.report import CommandFailed, say
from ocrgate.cli.tuning.names import BATCHED, MEMORY, SEQUENCES, flags
from ocrgate.errors import EngineUnavailable, OcrgateError
from ocrgate.load.probe import detect
from ocrgate.load.targets import Asking

if TYPE_CHECKING:
    from ocrgate.engines.launch.params import VllmParams
    from ocrgate.engines.launch.supervisor import Supervisor

Ask = Callable[[], Awaitable[object]]
"""Asks an engine who it is; raises an OcrgateError where it is not there or wants a key."""

_POLL = 0.5  # seconds between looks at whether a server answers
_FAREWELL = 30.0  # seconds that a server is given after SIGTERM
_LEFT_BEHIND = ("/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh")


class Still:
    """An engine that is not touched: only the load on it changes.

    Args:
        url: where it answers.
        patience: seconds that it may take to come back by itself after it died.
        ask: finds out who answers, and raises where nobody does; by the URL alone without it.
    """

    def __init__(self, url: str, *, patience: float = 600.0, ask: Ask | None = None) -> None:
        self._url = url
        self._patience = patience
        self._ask = ask or partial(detect, url, Asking())

    async def apply(self, setting: Mapping[str, float]) -> str:
        """Nothing to do: so many clients are what a gate would let in.

        An engine that has died is waited for. If it does not come back, the next trial says so.
        """
        del setting
        if await _is_there(self._ask):
            return self._url
        say(
            f"      no engine answers at {self._url}: waiting up to {self._patience:g} s for it to "
            "come back (--start-timeout)"
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while not await _is_there(self._ask):  # noqa: ASYNC110 - elsewhere
                    await asyncio.sleep(_POLL)
        return self._url

    async def restore(self) -> None:
        """Nothing was changed."""


async def _is_there(ask: Ask) -> bool:
    try:
        await ask()
    except EngineUnavailable:
        return False
    except OcrgateError:  # it answers, if only to complain
        return True
    return True


class Command:
    """An engine that a command starts anew.

    The command may be the server itself, which then is a child of ours and is ended before the
    next try, or something that starts it elsewhere and ends.

    Args:
        template: of the command; ``{max_num_seqs}``, ``{max_num_batched_tokens}``,
            ``{gpu_memory_utilization}`` and ``{flags}`` (all that are tuned, as vLLM's flags) are
            filled in. It is not given to a shell.
        url: where the engine answers then.
        back: command that brings back what was there before; None where nothing was.
        before: settings that it had; with them ``template`` brings it back where ``back`` is None.
        patience: seconds that a start may take.
        ask: finds out who answers, and raises where nobody does; by the URL alone without it.
    """

    def __init__(
        self,
        template: str,
        url: str,
        *,
        back: str | None = None,
        before: Mapping[str, float] | None = None,
        patience: float = 600.0,
        ask: Ask | None = None,
    ) -> None:
        _words(template, {SEQUENCES: 1, BATCHED: 1, MEMORY: 1})
        self._template = template
        self._url = url
        self._back = back
        self._before = before
        self._patience = patience
        self._ask = ask or partial(detect, url, Asking())
        self._child: asyncio.subprocess.Process | None = None
        self._touched = False

    async def apply(self, setting: Mapping[str, float]) -> str:
        """Run the command and wait until the engine answers.

        Raises:
            EngineUnavailable: it fails, or nothing answers in time.
        """
        self._touched = True
        await self._start(_words(self._template, setting))
        return self._url

    async def restore(self) -> None:
        """End what is a child of ours, and bring back what was there."""
        if not self._touched:
            return
        self._touched = False
        if self._back is not None:
            await self._start(shlex.split(self._back), keep=True)
        elif self._before is not None:
            await self._start(_words(self._template, self._before), keep=True)
        else:
            await self._end()

    async def _start(self, words: list[str], *, keep: bool = False) -> None:
        await self._end()
        older = await _is_there(self._ask)
        if keep:  # a child of ours would be killed with our event loop
            words = [*_LEFT_BEHIND, *words]
        self._child = child = await self._spawned(words)
        try:
            async with asyncio.timeout(self._patience):
                await self._answers(child, older=older)
        except TimeoutError:
            raise EngineUnavailable(f"no engine answers after {self._patience:g} s") from None
        if child.returncode is not None:
            self._child = None  # it has started what lives on without us

    async def _spawned(self, words: list[str]) -> asyncio.subprocess.Process:
        """The process, which is ours to end also where we are cancelled while it begins."""
        spawning = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        try:
            return await asyncio.shield(spawning)
        except asyncio.CancelledError:
            self._child = await spawning
            raise
        except OSError as error:
            raise EngineUnavailable(f"{words[0]}: {error.strerror}") from error

    async def _answers(self, child: asyncio.subprocess.Process, *, older: bool) -> None:
        """Wait until the engine answers: not an older one that the command has still to replace.

        That one is gone when nobody has answered once, or the command has ended well.
        """
        while True:
            there = False
            with contextlib.suppress(OcrgateError):
                await self._ask()
                there = True
            if child.returncode not in {None, 0}:  # looked at after the answer came: not before
                still = f", and an engine that it did not start answers at {self._url}"
                told = still if there else ""
                raise EngineUnavailable(f"the command ended with {child.returncode}{told}")
            older = older and there and child.returncode is None
            if there and not older:
                return
            await asyncio.sleep(_POLL)

    async def _end(self) -> None:
        child = self._child
        for number in (signal.SIGTERM, signal.SIGKILL):
            if child is None or child.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await child.wait()
        self._child = None  # only now: who is cancelled before this has it still to end


def _words(template: str, setting: Mapping[str, float]) -> list[str]:
    """The command's words. A word that is ``{flags}`` becomes several.

    Raises:
        CommandFailed: the template names something that there is not.
    """
    values = {name.replace("-", "_"): f"{value:g}" for name, value in setting.items()}
    words: list[str] = []
    try:
        for word in shlex.split(template):
            if word == "{flags}":
                words += flags(setting)
            else:
                words.append(word.format(**values))
    except (KeyError, IndexError, ValueError) as error:
        raise CommandFailed(
            f"--restart-command: {error} is not tuned or cannot be read; there are {{flags}}, "
            + ", ".join(f"{{{name}}}" for name in values)
        ) from None
    if not words:
        raise CommandFailed("--restart-command is empty")
    return words


class Vllm:
    """A vLLM that is started here as ``ocrgate serve`` would, and ended afterwards.

    Args:
        params: the settings' engine.
    """

    def __init__(self, params: "VllmParams") -> None:
        self._params = params
        self._running: Supervisor | None = None
        self._state: Path | None = None

    async def apply(self, setting: Mapping[str, float]) -> str:
        """Start it so.

        Raises:
            EngineUnavailable: it does not start, or does not read.
        """
        from ocrgate.engines.launch.layout import layout
        from ocrgate.engines.launch.served import recipe_of, served
        from ocrgate.engines.launch.supervisor import Supervisor
        from ocrgate.runtime.clock import LoopClock

        await self._end()
        if self._state is None:  # what the guard learned elsewhere must not change a trial
            self._state = Path(tempfile.mkdtemp(prefix="ocrgate-tune-"))
        params = replace(set_engine(self._params, setting), state=self._state)
        model = served(recipe_of(params), params)
        place = await asyncio.to_thread(layout, params, model, os.environ)
        self._running = Supervisor(params, model, place, LoopClock(), lambda _: None)
        await self._running.start()
        return self._running.urls[0]

    async def restore(self) -> None:
        """End it: nothing ran before."""
        await self._end()
        if self._state is not None:
            shutil.rmtree(self._state, ignore_errors=True)

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.close()


def set_engine(params: "VllmParams", setting: Mapping[str, float]) -> "VllmParams":
    """The engine's settings with those that were tuned."""
    found = params
    if SEQUENCES in setting:
        found = replace(found, max_sequences=int(setting[SEQUENCES]))
    if MEMORY in setting:
        found = replace(found, gpu_memory=setting[MEMORY])
    if BATCHED in setting:
        found = replace(found, args=with_flag(found.args, f"--{BATCHED}", int(setting[BATCHED])))
    return found


def with_flag(args: tuple[str, ...], flag: str, value: int) -> tuple[str, ...]:
    """Arguments with a flag set, wherever and however it stood."""
    kept: list[str] = []
    skip = False
    for word in args:
        if skip:
            skip = False
        elif word == flag:
            skip = True
        elif not word.startswith(f"{flag}="):
            kept.append(word)
    return (*kept, flag, str(value))
