"""The search carried out: settings are applied, measured and kept; at the end all is as it was."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ocrgate.errors import EngineUnavailable, OcrgateError
from ocrgate.load.tune.choose import Choice, conclude
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.state import StateFile
from ocrgate.load.tune.trial import History, Observation, Rules, Space, Stop, Trial

RESTORE = 900.0
"""Seconds that an engine is given to be as it was."""


class Steer(Protocol):
    """What can change the engine. The command line hands one in."""

    async def apply(self, setting: Mapping[str, float]) -> str:
        """Make the engine run with a setting (names of axes to values); where it answers.

        Called before every trial whose setting, or whose engine's life, is not that of the last.

        Raises:
            EngineError: it does not start so, or does not read.
        """

    async def restore(self) -> None:
        """Leave it as it was before the first call, running or not. Called once, always."""


class Measure(Protocol):
    """What carries out one trial."""

    async def __call__(self, trial: Trial, url: str) -> Observation:
        """Put the load of a trial on the engine at that address.

        Raises:
            OcrgateError: nothing can be measured, whatever the setting: a wrong key, no pages.
        """


Tell = Callable[[Trial, Observation | None], None]
"""Told of every trial before (None) and after it."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search.

    Attributes:
        space: what may be set.
        rules: how it decides.
        steer: applies a setting.
        measure: puts the load on.
        state: where trials are kept, so that an interrupted search goes on.
        tell: is told of every trial.
        lost: is told that trials cannot be kept any more (a full disk), once; the search goes on,
            since what it has measured is worth more than the file.
        unstarted: is told why the engine did not start with a setting.
    """

    space: Space
    rules: Rules
    steer: Steer
    measure: Measure
    state: StateFile[Observation]
    tell: Tell
    lost: Callable[[OSError], None]
    unstarted: Callable[[OcrgateError], None] = lambda _error: None

    async def run(self) -> tuple[Choice, History]:
        """Search until there is nothing more to learn.

        Whatever ends it, Ctrl-C and errors too, the engine is left as it was, and what was
        measured is in the state file.

        Raises:
            OcrgateError: as :class:`Measure`.
            OSError: the state file cannot be written even before the first trial.
        """
        history = self.state.load()
        self.state.check()
        applied = _Applied(self.space, self.steer)
        try:
            while (trial := propose(history, self.space, self.rules)) is not None:
                self.tell(trial, None)
                seen = await self._try(trial, applied)
                history = (*history, seen)
                self.state.keep(history, self.lost)
                self.tell(trial, seen)
        finally:
            await _surely(self.steer.restore())
        return conclude(history, self.space, self.rules), history

    async def _try(self, trial: Trial, applied: "_Applied") -> Observation:
        try:
            url = await applied.to(trial)
        except OcrgateError as error:
            applied.forget()
            self.unstarted(error)
            return Observation(trial, 0.0, failed=1, stop=Stop.UNSTARTED)
        seen = await self.measure(trial, url)
        if seen.stop is not None and seen.stop.breaks:
            applied.forget()
        return seen


class _Applied:
    """What the engine runs with now, as far as is known."""

    def __init__(self, space: Space, steer: Steer) -> None:
        self._space = space
        self._steer = steer
        self._now: Mapping[str, float] | None = None
        self._url = ""

    async def to(self, trial: Trial) -> str:
        wanted = self._space.named(trial.setting)
        if wanted != self._now:
            self._now = None
            self._url = await self._steer.apply(wanted)
            self._now = wanted
        return self._url

    def forget(self) -> None:
        self._now = None


async def _surely(restoring: Awaitable[None]) -> None:
    """Wait for it even when we are cancelled meanwhile, but not for ever."""
    task = asyncio.ensure_future(restoring)
    done = asyncio.ensure_future(asyncio.wait([task], timeout=RESTORE))
    while not done.done():
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.cancelled():
                raise
            continue
    if task.done():
        task.result()
    else:
        task.cancel()
        raise EngineUnavailable(
            f"the engine was not brought back within {RESTORE:g} s: start it by hand"
        )
