"""A GPU that grows hot of its work, and slow of its heat."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.overload.rivals import Asked, Gate, Verdict

from ocrgate.control.thermal import Heat
from ocrgate.simulate.changes import Change
from ocrgate.simulate.model import VirtualEngine


@dataclass(slots=True)
class Gpu:
    """First-order heating: the temperature goes to what its power keeps up, within ``inertia``.

    Its power is ``idle`` while nothing runs, and with a batch ``busy`` of the whole and the rest
    in proportion to how full the batch is. At ``hot`` degrees Celsius it lowers its clock, so that
    every step takes ``slow`` times as long, until it is down to ``cold`` again. All figures are
    made up: a card in a case without enough air, that cannot keep its full power for ever.
    """

    ambient: float = 45.0
    rise: float = 52.0
    idle: float = 0.1
    busy: float = 0.55
    inertia: float = 30.0
    hot: float = 87.0
    cold: float = 83.0
    slow: float = 1.6
    celsius: float = 60.0
    throttled: bool = False
    hottest: float = 0.0
    throttled_for: float = 0.0
    _seen: float = 0.0

    def pass_time(self, now: float, engine: VirtualEngine) -> None:
        """Up to now the engine has worked as it does."""
        part = engine.snapshot(now).running / engine.profile.max_num_seqs
        power = self.busy + (1 - self.busy) * part if part else self.idle
        goal = self.ambient + self.rise * power
        fade = math.exp(-(now - self._seen) / self.inertia)
        self.celsius = goal + (self.celsius - goal) * fade
        self.throttled_for += self.throttled * (now - self._seen)
        self.hottest, self._seen = max(self.hottest, self.celsius), now
        throttled = self.celsius >= self.hot or (self.throttled and self.celsius > self.cold)
        if throttled != self.throttled:
            self.throttled = throttled
            engine.change(Change(now, "slow", self.slow if throttled else 1.0))

    def read(self) -> Heat:
        """What its sensors say."""
        return Heat(self.celsius, self.throttled)


@dataclass(slots=True)
class Warmed:
    """A gate before an engine whose GPU grows hot."""

    gate: Gate
    gpu: Gpu

    def offer(self, now: float, asked: Asked) -> Iterable[Verdict]:
        """A page has come."""
        return self.gate.offer(now, asked)

    def ended(self, now: float, asked: Asked, tokens: int | None) -> Iterable[Verdict]:
        """A page has left the engine."""
        return self.gate.ended(now, asked, tokens)

    def left(self, now: float, asked: Asked) -> Iterable[Verdict]:
        """A client has left."""
        return self.gate.left(now, asked)

    def begun(self, now: float, asked: Asked) -> None:
        """A page has its first token."""
        self.gate.begun(now, asked)

    def tick(self, now: float, engine: VirtualEngine) -> Iterable[Verdict]:
        """Time has passed, for the GPU too."""
        self.gpu.pass_time(now, engine)
        return self.gate.tick(now, engine)

    def due(self) -> float | None:
        """As the gate says."""
        return self.gate.due()
