"""Engines that are a formula, for tests of the search alone."""

from collections.abc import Callable

from ocrgate.load.tune.choose import Choice
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.trial import Axis, History, Observation, Rules, Setting, Space, Stop, Trial

VALUES = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
LINE = Space((Axis("slots", VALUES, 4, climbs=True, risky=True),))
BOX = Space(
    (
        Axis("slots", VALUES, 4, climbs=True, risky=True),
        Axis("batched", (2048, 4096, 8192), 4096),
        Axis("memory", (0.7, 0.8, 0.9, 0.95), 0.9, risky=True),
    )
)
PLANE = Space(BOX.axes[:2])

Curve = Callable[[Setting], float | Stop]


def seen(trial: Trial, value: float | Stop) -> Observation:
    """What a formula gives for a trial."""
    if isinstance(value, Stop):
        return Observation(trial, 0.0, seconds=30.0, served=100, failed=20, stop=value)
    return Observation(trial, value, error=0.01 * value, seconds=120.0 * trial.length, served=1000)


def slots(choice: Choice) -> float | None:
    """The number that is recommended."""
    return choice.setting[0] if choice.setting else None


def search(curve: Curve, space: Space = LINE, rules: Rules | None = None) -> History:
    """All trials of a search."""
    history: History = ()
    while (trial := propose(history, space, rules)) is not None:
        assert len(history) < 60
        history = (*history, seen(trial, curve(trial.setting)))
    return history
