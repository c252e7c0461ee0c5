"""The overload bench in virtual time: what it counts has to be right before it judges."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.overload import report
from benchmarks.overload.ours import Ours, Voice
from benchmarks.overload.plan import Flow, Plan, Row
from benchmarks.overload.record import recovery, summary
from benchmarks.overload.rivals import Fixed, Gate, Limited
from benchmarks.overload.world import World

from ocrgate.control.limit.law import Signals
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import profile

SHAPE = profile("f-model")


def play(plan: Plan, gate: Gate) -> World:
    world = World(plan, gate, VirtualEngine(SHAPE, plan.seed), 5.0)
    world.go()
    return world


@pytest.mark.parametrize("gate", [Ours(kv_tokens=40_000), Limited(Fixed(16), 50, 1.0)])
def test_every_page_that_was_sent_has_one_row(gate: Gate) -> None:
    flows = (
        Flow("a", 20.0, retries="obedient", tries=3, leaves=4.0),
        Flow("b", 5.0, lane="interactive", deadline=3.0, pages="screenshot"),
    )
    plan = Plan("", 15.0, flows, seed=3)
    world = play(plan, gate)
    sent = sorted((at, plan.flows[number].name) for at, number in plan.sends())
    assert sorted((row.at, row.flow) for row in world.rows) == sent


def test_nobody_is_served_after_its_patience() -> None:
    plan = Plan("", 20.0, (Flow("a", 40.0, deadline=4.0),), seed=1)
    world = play(plan, Limited(Fixed(48)))
    assert max(row.last for row in world.rows if row.status == 200) <= 4.0
    assert {row.status for row in world.rows} == {0, 200, 429}


def test_an_obedient_client_comes_back_no_earlier_than_told() -> None:
    told = Flow("a", 1.0, retries="obedient", tries=3)
    assert told.pause(1, 429, 17.0, random.Random(1)) == 17.0
    impatient = Flow("a", 1.0, retries="impatient", tries=3)
    pause = impatient.pause(1, 429, 17.0, random.Random(1))
    assert pause is not None
    assert 0.5 <= pause <= 1.5
    assert told.pause(3, 429, 17.0, random.Random(1)) is None


def test_a_trace_keeps_its_rate_wherever_its_replay_begins(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    head = "TIMESTAMP,ContextTokens,GeneratedTokens"
    times = [f"2023-11-16 18:{each // 60:02}:{each % 60:02}.0,10,10" for each in range(0, 600, 3)]
    path.write_text("\n".join([head, *times]))
    flow = Flow("all", 5.0, arrivals="trace", path=str(path))
    first, second = (list(flow.times(random.Random(seed))) for seed in (1, 2))
    assert first != second
    assert len(first) == len(second) == 200
    assert [at for at in first if at < 20.0] == sorted(at for at in first if at < 20.0)
    assert 90 <= sum(at < 20.0 for at in first) <= 110


def rows(served: Iterator[bool]) -> list[Row]:
    return [
        Row("a", at / 10, 0.0, 1.0, 200 if good else 429, last=1.0)
        for at, good in zip(range(400), served, strict=False)
    ]


def test_recovery_is_when_most_are_served_and_stay_so() -> None:
    found = rows(at >= 120 for at in range(400))
    assert recovery(found, 10.0, 40.0) == 2.0
    assert recovery(rows(at % 2 == 0 for at in range(400)), 10.0, 40.0) is None


def test_goodput_counts_answers_in_the_span_and_waits_by_who_came_in_it() -> None:
    found = [
        Row("a", 4.0, 0.0, 3.0, 200, 10, last=3.0),  # came before, answered in it
        Row("a", 6.0, 0.0, 9.0, 200, 10, last=9.0),  # came in it, answered after
        Row("a", 7.0, 0.0, 12.0, 200, 10, last=12.0),  # too late
        Row("a", 8.0, 0.0, 0.5, 429, refused=0.5, last=0.5),
    ]
    result = summary(found, 5.0, 10.0)
    assert result.goodput == pytest.approx(1 / 5)
    assert result.refused == pytest.approx(1 / 3)
    assert result.shares == {"a": pytest.approx(1 / 3)}


def test_false_metrics_begin_when_they_are_told_to() -> None:
    engine = VirtualEngine(SHAPE)
    voice = Voice(((10.0, "thrashing"), (20.0, "stale"), (30.0, "missing")))
    true = voice.of(0.0, engine.snapshot(0.0))
    assert true == Signals(0.0, 0.0, 0.0, 0.0)
    first, second = (voice.of(at, engine.snapshot(at)) for at in (10.0, 11.0))
    assert first is not None
    assert second is not None
    assert (first.preemptions_total, second.preemptions_total) == (10.0, 20.0)
    assert voice.of(20.0, engine.snapshot(20.0)) == true
    assert voice.of(30.0, engine.snapshot(30.0)) is None


def test_the_page_has_a_place_for_every_record() -> None:
    page = report.DOCS.read_text()
    places = {found["name"] for found in report.MARKS.finditer(page)}
    wanted = {f"{each.name}-{form}" for each in report.EXPERIMENTS for form in each.forms}
    assert wanted | {"table"} <= places
