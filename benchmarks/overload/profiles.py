"""No tuning: the same defaults before six engines, at twice and ten times each one's own knee.

Two of them (:mod:`benchmarks.overload.unseen`) are like nothing that was used while developing.
``python -m benchmarks.overload.profiles [--http] [--profile NAME,NAME]``: with names, the others
stay as they were measured.
"""

from dataclasses import dataclass, replace

from benchmarks.overload import bench, play
from benchmarks.overload.figure import Bars, Diagram
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    PREEMPTED,
    WASTE,
    Experiment,
    Knee,
    Scene,
    Stage,
    extra,
)

LOADS = (2.0, 10.0)
PAGES = 1500.0  # that are counted in virtual time, where that takes no longer than 12 deadlines


@dataclass(frozen=True, slots=True)
class Place:
    """How one profile is played.

    Attributes:
        deadline: of clients in virtual time.
        speed: times as fast as its profile over HTTP, so that this machine can send ten times the
            knee and the run has pages enough to count.
        waits: deadline over HTTP.
        clients: of the sweep over HTTP.
    """

    deadline: float
    speed: float
    waits: float
    clients: tuple[int, ...]


PLACES = {
    "narrow": Place(10.0, 2.0, 10.0, (8,)),
    "fast": Place(10.0, 0.15, 20.0, (96, 128)),
    "wide": Place(10.0, 0.25, 40.0, (256,)),
    "slow": Place(60.0, 4.0, 15.0, (32, 40)),
    "cliff": Place(10.0, 0.5, 20.0, (32, 64)),
    "ponderous": Place(10.0, 1.0, 10.0, (24, 32, 48, 64, 96)),
}


def of(name: str) -> Experiment:
    """The experiment before one profile."""
    place = PLACES[name]

    def scenes(stage: Stage) -> list[Scene]:
        virtual = stage.form == "virtual"
        deadline = place.deadline if virtual else place.waits
        warm = 2 * max(10.0, deadline)
        enough = max(30.0, min(12 * deadline, PAGES / stage.knee.rate))
        seconds = warm + stage.seconds(enough, 60.0)
        found = []
        for load in LOADS:
            flow = Flow("all", load * stage.knee.rate)
            plan = Plan("", seconds, (flow,), deadline=deadline, seed=stage.seed)
            found.append(Scene(f"{name}, {load:g}x", plan, warm, load))
        return found

    return replace(EXPERIMENT, scenes=scenes)


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:  # noqa: ARG001
    """Goodput of the profile's own knee."""
    result.extra["part"] = result.goodput / knee.rate
    result.extra["knee"] = knee.rate


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """Goodput at both loads."""
    setups = list(dict.fromkeys(result.setup for result in results))

    def value(setup: str, case: str) -> float:
        each = [r.extra["part"] or 0.0 for r in results if (r.setup, r.case) == (setup, case)]
        return sum(each) / max(1, len(each))

    return [
        Bars(
            f"At {load:g} times the knee",
            "goodput / knee",
            {
                name: {setup: value(setup, f"{name}, {load:g}x") for setup in setups}
                for name in PLACES
                if any(result.case == f"{name}, {load:g}x" for result in results)
            },
            1.45,
            1.0,
        )
        for load in LOADS
    ]


EXPERIMENT = Experiment(
    name="profiles",
    title="The same defaults before six engines",
    gates=("ocrgate", "engine bound", "fixed + queue", "Gradient2"),
    setups=("ocrgate",),
    scenes=lambda _: [],
    columns=(
        extra("goodput / knee", "part"),
        extra("knee, pages/s", "knee", 1),
        WASTE,
        PREEMPTED,
    ),
    panels=panels,
    measure=measure,
)


def rest_of(earlier: play.Record | None, names: list[str]) -> list[Result]:
    """What was measured earlier before other engines than those named."""
    found = [] if earlier is None else earlier.results
    return [each for each in found if each.case.split(",")[0] not in names]


def main() -> None:
    """All profiles, in one record."""
    asked = play.options(EXPERIMENT)
    names = [name for name in asked.profile.split(",") if name in PLACES] or [*PLACES]
    earlier = play.kept(EXPERIMENT.name, asked.form) if len(names) < len(PLACES) else None
    records = []
    for name in names:
        place = PLACES[name]
        asked.profile, asked.speed = name, 1.0
        if asked.form == "virtual":
            records.append(play.in_virtual_time(of(name), asked, place.deadline))
            continue
        asked.speed = place.speed
        with bench.opened(asked) as stand:
            length = 2 * place.waits + (15.0 if asked.quick else 40.0)
            found = bench.knee(stand, place.clients, length, 2 * place.waits, place.waits)
        asked.rate, asked.places = found.rate, found.places
        records.append(play.over_http(of(name), asked))
    measured = [result for record in records for result in record.results]
    results = [*rest_of(earlier, names), *measured]
    whole = replace(records[-1], profile=", ".join(PLACES), results=results)
    play.show(EXPERIMENT, asked, whole)


if __name__ == "__main__":
    main()
