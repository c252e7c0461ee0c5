"""What will happen at known instants, in order."""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ocrgate.simulate.profile import Drift, Memory

Action = Callable[[float], None]


@dataclass(slots=True)
class Timeline:
    """Actions by time. ``background`` ones keep nobody waiting: they matter to an engine at work
    and are no reason to wake up for an idle one.
    """

    _heap: list[tuple[float, int, bool, Action]] = field(default_factory=list)
    _count: int = 0
    _awaited: int = 0

    def put(self, at: float, action: Action, *, background: bool = False) -> None:
        """Do it at ``at``; what is put first is done first among equals."""
        self._count += 1
        self._awaited += not background
        heapq.heappush(self._heap, (at, self._count, background, action))

    @property
    def first(self) -> float:
        """When the next action is due; infinity when there is none."""
        return self._heap[0][0] if self._heap else math.inf

    @property
    def awaited(self) -> bool:
        """Whether anything but background is to come."""
        return self._awaited > 0

    def run_first(self) -> None:
        """Do the next action, at its own time."""
        at, _, background, action = heapq.heappop(self._heap)
        self._awaited -= not background
        action(at)


@dataclass(slots=True)
class Neighbour:
    """The other process on the GPU: when it takes memory, and how much."""

    memory: Memory
    random: random.Random
    bytes: float = 0.0

    def follow(self, timeline: Timeline, now: float, changed: Action) -> None:
        """Live on the timeline from ``now``; ``changed`` is called after every change."""
        if self.memory.wakes_per_second > 0:
            self._sleep(timeline, now, changed)

    def _sleep(self, timeline: Timeline, now: float, changed: Action) -> None:
        def wake(at: float) -> None:
            self.bytes = self.random.uniform(0.0, self.memory.neighbour)
            timeline.put(at + self.memory.holds, rest, background=True)
            changed(at)

        def rest(at: float) -> None:
            self.bytes = 0.0
            self._sleep(timeline, at, changed)
            changed(at)

        pause = self.random.expovariate(self.memory.wakes_per_second)
        timeline.put(now + pause, wake, background=True)


def wandering(drift: Drift, source: random.Random, at: float) -> float:
    """The factor on every step's time at ``at``, drawn anew at each call."""
    wave = drift.amplitude * math.sin(2 * math.pi * at / drift.period)
    return float(max(0.05, 1.0 + wave + source.gauss(0.0, drift.noise)))
