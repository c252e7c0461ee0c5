"""What an experiment is: scenes that are played before an engine, and what is read off them.

The same scene is played in virtual time (:mod:`benchmarks.overload.world`) and over HTTP
(:mod:`benchmarks.overload.bench`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.overload.figure import Diagram, Panel
from benchmarks.overload.plan import Plan, Row
from benchmarks.overload.record import Result
from benchmarks.overload.simulated import Says, Turn

if TYPE_CHECKING:
    from benchmarks.overload.bench import Stand

Form = Literal["virtual", "http"]
FORMS: tuple[Form, ...] = ("virtual", "http")


@dataclass(frozen=True, slots=True)
class Knee:
    """The best of a sweep over closed loops before the bare engine.

    Attributes:
        rate: pages a second in time at the best number of clients.
        places: least number of clients that gives 97 % of it.
        sweep: pages a second by clients.
    """

    rate: float
    places: int
    sweep: dict[int, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """One run.

    Attributes:
        case: which of the experiment's, in tables.
        plan: who sends what, without the address.
        warm: seconds of it that do not count.
        load: offered pages over the knee.
        turns: what happens to the engine, by seconds of the plan.
        voices: what its metrics say from when on.
        loops: share of pages on which the model repeats itself; None: as its profile has it.
        keys: whether each flow is a caller of its own; over HTTP where the setup knows keys.
        heats: whether the GPU grows hot of its work; in virtual time alone.
        only: gates and setups to which it makes a difference; empty: all.
    """

    case: str
    plan: Plan
    warm: float
    load: float
    turns: tuple[tuple[float, Turn], ...] = ()
    voices: tuple[tuple[float, Says], ...] = ()
    loops: float | None = None
    keys: bool = False
    heats: bool = False
    only: tuple[str, ...] = ()

    def concerns(self, setup: str) -> bool:
        """Whether it is played with this gate or setup."""
        return not self.only or setup in self.only


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scenes are played: the form, its knee, the seed, and whether it shall be short."""

    form: Form
    knee: Knee
    seed: int
    short: bool

    def seconds(self, virtual: float, http: float) -> float:
        """A length of time: in virtual time, over HTTP; a third of either where it is short."""
        whole = virtual if self.form == "virtual" else http
        return whole / 3 if self.short else whole


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it is, from one run and the knee, and how it is written."""

    heading: str
    value: Callable[[Result, Knee], float | None]
    digits: int = 2
    percent: bool = False


Points = list[tuple[float, float]]
Measure = Callable[[Scene, list[Row], Result, Knee], None]


def as_it_is(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """Adds nothing to a result."""


Event = tuple[float, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.

    Attributes:
        name: of its command and its record.
        title: above its figure.
        gates: what is compared in virtual time; none where that would say nothing.
        setups: what is compared over HTTP.
        scenes: its runs on a stage.
        columns: of its tables.
        panels: of its figure, from the results of one form.
        measure: adds to a result what only the pages themselves can tell.
        engines: how many there are over HTTP.
        events: what is done over HTTP, by seconds of the plan, beside the turns of the scene.
        finale: what is looked at over HTTP when the plan is over; it becomes the result's curve.
        apart: whether each form has a figure of its own.
    """

    name: str
    title: str
    gates: Sequence[str]
    setups: Sequence[str]
    scenes: Callable[[Stage], list[Scene]]
    columns: Sequence[Column]
    panels: Callable[[list[Result], Knee], list[Diagram]]
    measure: Measure = as_it_is
    engines: int = 1
    events: Callable[["Stand", Scene], list[Event]] = lambda *_: []
    finale: Callable[["Stand", Scene], Points] | None = None
    apart: bool = False

    @property
    def forms(self) -> tuple[Form, ...]:
        """In which it is played."""
        return FORMS if self.gates else ("http",)


GOODPUT = Column("goodput / knee", lambda result, knee: result.goodput / knee.rate)
PAGES = Column("pages/s in time", lambda result, _: result.goodput, 1)
WASTE = Column("tokens wasted", lambda result, _: result.waste)
PREEMPTED = Column("preempted per 1,000", lambda result, _: result.preempted, 0)
P99 = Column("p99, s", lambda result, _: result.p99, 1)
REFUSED = Column("refused", lambda result, _: result.refused, 0, percent=True)
REFUSAL = Column(
    "refusal p50, ms",
    lambda result, _: None if result.refusal_p50 is None else 1000 * result.refusal_p50,
    0,
)


def extra(heading: str, name: str, digits: int = 2, *, percent: bool = False) -> Column:
    """A column of what one experiment measures alone."""
    return Column(heading, lambda result, _: result.extra.get(name), digits, percent)


def averaged(results: list[Result], case: str | None = None) -> dict[str, Points]:
    """The curves of each setup, in one case or in all, averaged over seeds."""
    curves: dict[str, list[Points]] = {}
    for result in results:
        if case in {None, result.case} and result.curve:
            curves.setdefault(result.setup, []).append(result.curve)
    return {
        name: [
            (points[0][0], sum(value for _, value in points) / len(points))
            for points in zip(*each, strict=False)
        ]
        for name, each in curves.items()
    }


def pages_over_time(results: list[Result], knee: Knee, cases: Sequence[str]) -> list[Diagram]:
    """Pages in time over time, a panel for each case; the knee is marked."""
    return [
        Panel(
            case[0].upper() + case[1:],
            "seconds",
            "pages/s in time",
            averaged(results, case),
            1.35 * knee.rate,
            mark=knee.rate,
        )
        for case in cases
    ]
