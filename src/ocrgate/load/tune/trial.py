"""What is tried, and what was seen. A setting is a tuple of numbers, one per axis."""

from dataclasses import dataclass
from enum import StrEnum

Setting = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that can be set.

    Attributes:
        name: of the setting, as `engine.max_sequences`.
        values: what may be tried, ascending.
        start: the value that the search begins with; it need not be one of ``values``' ends.
        climbs: whether a larger value means more work at once, so that the search starts at the
            least and doubles; at most one axis of a space does.
        risky: whether a larger value can only bring the engine nearer to its death.
        restarts: whether the engine has to be started anew for it.
    """

    name: str
    values: tuple[float, ...]
    start: float
    climbs: bool = False
    risky: bool = False
    restarts: bool = False

    def __post_init__(self) -> None:
        if not self.values or list(self.values) != sorted(set(self.values)):
            raise ValueError(f"{self.name}: values are distinct and ascending")
        if self.start not in self.values:
            raise ValueError(f"{self.name}: the start is one of the values")

    def place(self, value: float) -> int:
        """Where a value stands among those that may be tried."""
        return self.values.index(value)


@dataclass(frozen=True, slots=True)
class Space:
    """All settings that may be tried: every combination of the axes' values."""

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if not self.axes or sum(axis.climbs for axis in self.axes) > 1:
            raise ValueError("there is an axis at least, and one that climbs at most")

    @property
    def start(self) -> Setting:
        """Where the search begins."""
        return tuple(axis.start for axis in self.axes)

    @property
    def climbing(self) -> int | None:
        """The place of the axis that climbs."""
        found = [place for place, axis in enumerate(self.axes) if axis.climbs]
        return found[0] if found else None

    def named(self, setting: Setting) -> dict[str, float]:
        """A setting by the names of its axes."""
        return {axis.name: value for axis, value in zip(self.axes, setting, strict=True)}

    def holds(self, setting: Setting) -> bool:
        """Whether every value is one of its axis."""
        pairs = zip(self.axes, setting, strict=True)
        return all(value in axis.values for axis, value in pairs)

    def places(self, setting: Setting) -> tuple[int, ...]:
        """Where its values stand on their axes."""
        return tuple(axis.place(value) for axis, value in zip(self.axes, setting, strict=True))

    def moved(self, setting: Setting, place: int, value: float) -> Setting:
        """The setting with another value on one axis."""
        return (*setting[:place], value, *setting[place + 1 :])


class Purpose(StrEnum):
    """Why something is tried."""

    CLIMB = "climb"
    REFINE = "refine"
    EXPLORE = "explore"
    CONFIRM = "confirm"
    SOAK = "soak"


class Stop(StrEnum):
    """Why a trial was ended before its time."""

    DIED = "the engine died"
    ERRORS = "too many pages failed"
    PREEMPTIONS = "a storm of preemptions"
    SATURATED = "more work than it can do"
    UNSTARTED = "the engine did not start"

    @property
    def breaks(self) -> bool:
        """Whether the setting is not to be had, rather than merely bad."""
        return self in {Stop.DIED, Stop.ERRORS, Stop.UNSTARTED}


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting to be tried.

    Attributes:
        setting: one value per axis.
        purpose: why.
        repeat: how often it was tried before. Trials of equal ``repeat`` get the same pages in the
            same order, whatever their setting, so that their difference is not one of the pages.
        length: of the trial, in lengths of an ordinary one.
        bar: pages a second in time that the best setting so far gave with the same pages; 0 where
            none did. A trial in trouble goes on as long as it may reach it.
    """

    setting: Setting
    purpose: Purpose
    repeat: int = 0
    length: float = 1.0
    bar: float = 0.0

    @property
    def pages(self) -> float:
        """Times as many pages as an ordinary trial has: a soak is for its time only."""
        return 1.0 if self.purpose is Purpose.SOAK else self.length


@dataclass(frozen=True, slots=True)
class Observation:
    """What a trial gave, counted after its warm-up.

    Attributes:
        trial: what was tried.
        goodput: pages a second that were right and in time.
        error: its standard error, from parts of the trial; 0 where it is not known.
        seconds: that were counted.
        served: pages answered, in time or not.
        failed: pages that failed or were refused: those of a death too.
        late: share of the pages answered that were too late.
        preemptions: per page that ended.
        stop: why it was ended early; None where it was not.
    """

    trial: Trial
    goodput: float
    error: float = 0.0
    seconds: float = 0.0
    served: int = 0
    failed: int = 0
    late: float = 0.0
    preemptions: float = 0.0
    stop: Stop | None = None


def warmup(seconds: float, deadline: float) -> float:
    """Seconds before a trial of ``seconds`` counts: its callers' first pages are over by then.

    All callers begin together, so until the first pages have ended, which takes up to the deadline,
    the more there are of them the less seems to be read. No more than half of the trial is given.
    """
    return max(LEAST_WARMUP, 0.15 * seconds, min(deadline, 0.5 * seconds))


LEAST_WARMUP = 3.0
"""Seconds."""

History = tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """How the search decides.

    Attributes:
        failures: share of pages that may fail.
        late: share of the answers that may be too late; 1 where they only do not count.
        plateau: a setting this near to the best is as good; the smallest such is taken.
        longest: lengths of a trial that confirms, at most: as long as it takes to know its goodput
            to within the plateau.
        trials: most trials by the number of axes: the first for one, the last for that many
            or more.
        confirmations: trials of a setting before it is recommended.
        soak: lengths without a death before a setting is trusted, where another one died.
        soak_step: lengths of one such trial.
        explore: trials of the Bayesian search, with three axes or more.
        seed: of its chance.
    """

    failures: float = 0.01
    late: float = 1.0
    plateau: float = 0.02
    longest: float = 2.0
    trials: tuple[int, ...] = (12, 20, 30)
    confirmations: int = 2
    soak: float = 15.0
    soak_step: float = 5.0
    explore: int = 12
    seed: int = 0

    def most(self, axes: int) -> int:
        """Trials at most for so many axes."""
        return self.trials[min(axes, len(self.trials)) - 1]
