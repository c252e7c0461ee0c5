"""What stands before a virtual engine: our laws, and rivals with the sweep's best numbers."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.overload.heat import Gpu
from benchmarks.overload.ours import Ours
from benchmarks.overload.rivals import Aimd, Fixed, Gate, Gradient2, Limited, Vegas
from benchmarks.overload.scene import Knee, Scene

from ocrgate.control.limit.latency import LatencyLimit
from ocrgate.simulate.profile import Profile

EVERYBODY = 10**9
BOUND = 64
GUARD = 168
"""Tokens that a page on which the model repeats itself costs us beyond those that are no repeats.
Over HTTP a loop of 8 tokens is noticed after 52 of them, and the page is then asked for once more,
which gives the same again: 52, and another 64 + 52."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a gate is made for."""

    profile: Profile
    knee: Knee
    scene: Scene
    gpu: Gpu | None = None

    def ours(self) -> Ours:
        """Our gate as it comes."""
        heat = None if self.gpu is None else self.gpu.read
        tokens, block = self.profile.kv_tokens, self.profile.block_size
        return Ours(kv_tokens=tokens, block=block, voices=self.scene.voices, heat=heat)


GATES: dict[str, Callable[[Setting], Gate]] = {
    "ocrgate": Setting.ours,
    "ocrgate without guard": Setting.ours,
    "ocrgate without ceiling": lambda it: replace(it, gpu=None).ours(),
    "ocrgate without ledger": lambda it: Ours(voices=it.scene.voices),
    "ocrgate latency": lambda _: Ours(LatencyLimit(), voices=((0.0, "missing"),)),
    "bare": lambda _: Limited(Fixed(EVERYBODY)),
    "engine bound": lambda _: Limited(Fixed(EVERYBODY)),
    "semaphore": lambda _: Limited(Fixed(16), EVERYBODY),
    "fixed": lambda it: Limited(Fixed(it.knee.places)),
    "fixed + queue": lambda it: Limited(Fixed(it.knee.places), max(4, it.knee.places // 2), 1.0),
    "AIMD": lambda _: Limited(Aimd()),
    "Vegas": lambda _: Limited(Vegas()),
    "Gradient2": lambda _: Limited(Gradient2()),
}


def engine_of(gate: str, profile: Profile) -> Profile:
    """The engine as it is behind this gate: its own bound is one of its flags."""
    return replace(profile, max_num_queued_reqs=BOUND) if gate == "engine bound" else profile


def guard_of(gate: str) -> int | None:
    """Whether it watches for loops, which the rivals cannot: they do not look into answers."""
    return GUARD if gate.startswith("ocrgate") and gate != "ocrgate without guard" else None
