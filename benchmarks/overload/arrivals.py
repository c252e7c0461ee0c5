"""Arrivals in bursts: gamma-distributed pauses, and the instants of two public traces.

The traces are those of Azure's LLM service of 2023 (code: pauses with a coefficient of variation
of 13, conversation: 1.1). They lie in ``corpus/traces`` of the folder that ``OCRGATE_TEST_SHARED``
names, or of ``shared`` beside the checkout; without them those cases are left out.
``python -m benchmarks.overload.arrivals [--http]``
"""

import os
from pathlib import Path

from benchmarks.overload.figure import Bars, Diagram
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.play import SETTLE, run
from benchmarks.overload.record import Result
from benchmarks.overload.scene import (
    P99,
    PREEMPTED,
    REFUSED,
    WASTE,
    Experiment,
    Knee,
    Scene,
    Stage,
    extra,
)

TRACES = {"code trace": "azure_llm_2023_code.csv", "conversation trace": "azure_llm_2023_conv.csv"}
LOADS = (0.8, 2.0)


def traces() -> Path:
    """The folder of the traces, which may not be there."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    return Path(os.environ.get("OCRGATE_TEST_SHARED", beside)) / "corpus" / "traces"


def flows(rate: float) -> dict[str, Flow]:
    """So many pages a second on average, in each way."""
    found = {
        "Poisson": Flow("all", rate),
        "gamma, CV 3": Flow("all", rate, arrivals="gamma", cv=3.0),
    }
    for name, file in TRACES.items():
        if (path := traces() / file).exists():
            found[name] = Flow("all", rate, arrivals="trace", path=str(path))
    return found


def scenes(stage: Stage) -> list[Scene]:
    """Every way at both loads; over HTTP the burstiest two at the higher."""
    warm = 20.0 if stage.form == "virtual" else SETTLE
    seconds = warm + stage.seconds(240.0, 60.0)
    found = []
    for load in LOADS if stage.form == "virtual" else LOADS[1:]:
        for name, flow in flows(load * stage.knee.rate).items():
            if stage.form == "virtual" or name in {"gamma, CV 3", "code trace"}:
                plan = Plan("", seconds, (flow,), seed=stage.seed)
                found.append(Scene(f"{name}, {load:g}x", plan, warm, load))
    return found


def measure(scene: Scene, rows: list[Row], result: Result, knee: Knee) -> None:
    """What was done of what could be, had each page waited for 2 s at most: in each 2 s no more
    than the knee.
    """
    begin, end, window = scene.warm, scene.plan.seconds, 2.0
    came = [0] * int((end - begin) / window)
    for row in rows:
        if begin <= row.at < begin + window * len(came):
            came[int((row.at - begin) / window)] += 1
    could = sum(min(count, window * knee.rate) for count in came)
    result.extra["part"] = result.goodput * (end - begin) / could if could else None


def panels(results: list[Result], _: Knee) -> list[Diagram]:
    """What was done of what could be, for each way at each load."""
    setups = list(dict.fromkeys(result.setup for result in results))

    def bars(load: float) -> Bars:
        cases = list(dict.fromkeys(r.case for r in results if r.load == load))

        def value(case: str, setup: str) -> float:
            each = [r.extra["part"] or 0.0 for r in results if (r.case, r.setup) == (case, setup)]
            return sum(each) / max(1, len(each))

        groups = {
            case.partition(",")[0]: {setup: value(case, setup) for setup in setups}
            for case in cases
        }
        return Bars(f"At {load:g} times the knee", "of what could be", groups, None, 1.0)

    return [bars(load) for load in sorted({result.load for result in results})]


EXPERIMENT = Experiment(
    name="arrivals",
    title="Arrivals in bursts",
    gates=("ocrgate", "engine bound", "fixed + queue", "AIMD", "Gradient2"),
    setups=("ocrgate", "engine bound", "haproxy"),
    scenes=scenes,
    columns=(extra("of what could be", "part"), P99, REFUSED, WASTE, PREEMPTED),
    panels=panels,
    measure=measure,
)

if __name__ == "__main__":
    run(EXPERIMENT)
