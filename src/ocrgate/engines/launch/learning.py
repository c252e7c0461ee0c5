"""What one seat's server has taught us, and how its next start differs."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from ocrgate.control.guard import (
    GuardParams,
    GuardState,
    Healthy,
    Load,
    OutOfMemory,
    begin,
    learn,
)
from ocrgate.engines.launch.command import DISPENSABLE, Start
from ocrgate.engines.launch.diagnosis import Cause, Diagnosis
from ocrgate.engines.launch.memory import Memory, MemoryFile

_log = structlog.get_logger(__name__)

_ANSWER = 2048  # tokens that must be left for the text of the largest page
_SAVE_EVERY = 60.0  # seconds of healthy work that may be forgotten


class Lessons:
    """Holds the next start, and learns from how the last one went.

    Args:
        start: the boldest start that may be made.
        patience: seconds of work that earn the next step up.
        file: where lessons outlive us.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        start: Start,
        patience: float,
        file: MemoryFile,
        wall: Callable[[], float],
    ) -> None:
        most = start.load
        floor = Load(1, min(start.served.least_pixels, most.pixels))
        self._params = GuardParams(floor, most, patience)
        self._file = file
        self._wall = wall
        self._unsaved = 0.0
        memory = file.load()
        self._guard: GuardState = begin(self._params, memory.guard, wall())
        self._start = replace(start, load=self._guard.load, context=memory.context)
        if self._guard.load != most:
            _log.info("carries less, after deaths of memory", **_both(most, self._guard.load))

    @property
    def next_start(self) -> Start:
        """What to start now."""
        return replace(self._start, load=self._guard.load)

    def may_grow(self, running: Load) -> bool:
        """Whether a restart would carry more than ``running``."""
        return self._guard.load.mass > running.mass

    def worked(self, running: Load, seconds: float) -> None:
        """A server at ``running`` did work for ``seconds`` more and lives."""
        before = self._guard
        self._guard = learn(self._params, before, Healthy(self._wall(), running, seconds))
        self._unsaved += seconds
        if self._guard.load != before.load:
            _log.info("the next start may carry more", **_both(before.load, self._guard.load))
        if self._guard != before and (
            self._guard.load != before.load or self._unsaved >= _SAVE_EVERY
        ):
            self._save()

    def died(self, running: Load, diagnosis: Diagnosis, worked: float) -> bool:
        """A server at ``running`` died; whether the next start differs from that one.

        Args:
            running: what it carried.
            diagnosis: why.
            worked: seconds that it had worked.
        """
        if diagnosis.cause is Cause.REFUSED_ARGUMENT:
            return self._drop(diagnosis.refused)
        if diagnosis.cause is Cause.CONTEXT_TOO_LONG:
            return self._shorten(running, diagnosis.context) or self._lower(running, worked)
        return diagnosis.of_memory and self._lower(running, worked)

    def _drop(self, flags: tuple[str, ...]) -> bool:
        fresh = frozenset(flags) - self._start.dropped
        if not fresh or not fresh <= DISPENSABLE:
            return False
        self._start = replace(self._start, dropped=self._start.dropped | fresh)
        _log.warning("this vLLM does not know some flags; starting without", flags=sorted(fresh))
        return True

    def _shorten(self, running: Load, context: int | None) -> bool:
        known = self._start.context or self._start.served.context
        needed = self._start.served.page_tokens(running.pixels) + _ANSWER
        if context is None or context < needed or (known is not None and context >= known):
            return False
        self._start = replace(self._start, context=context)
        _log.warning("the memory holds a shorter context only", tokens=context, wanted=known)
        self._save()
        return True

    def _lower(self, running: Load, worked: float) -> bool:
        self._guard = learn(self._params, self._guard, OutOfMemory(self._wall(), running, worked))
        self._save()
        if self._guard.load.mass >= running.mass:
            _log.error("out of memory with the least load that makes sense", **_one(running))
            return False
        _log.warning(
            "out of memory: the next start carries less", **_both(running, self._guard.load)
        )
        return True

    def _save(self) -> None:
        self._unsaved = 0.0
        if not self._file.save(Memory(self._guard, self._start.context)):
            _log.warning("what was learned about memory cannot be kept; is the folder writable?")


def _one(load: Load) -> dict[str, object]:
    return {"sequences": load.sequences, "pixels": load.pixels}


def _both(before: Load, after: Load) -> dict[str, object]:
    return {
        "sequences": f"{before.sequences} -> {after.sequences}",
        "pixels": f"{before.pixels} -> {after.pixels}",
    }
