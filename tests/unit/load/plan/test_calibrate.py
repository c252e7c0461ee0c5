"""A run of the engine makes a plan surer. The runs here are of an engine whose pace is known."""

from dataclasses import replace

import pytest
from tests.unit.load.plan.test_wish import wish

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.calibrate import calibrated
from ocrgate.load.record import OK, Record, Run, Sample, Samples, Step, Target
from ocrgate.load.tally import Tally
from ocrgate.load.tune.trial import Purpose, Trial
from ocrgate.load.tune.virtual import Stand, slots, unlimited
from ocrgate.simulate.gpus import Assumed


def record(slower: float, callers: tuple[int, ...] = (4, 16)) -> Record:
    """What ``ocrgate bench`` would have written of an L4 that is so many times slower."""
    real = replace(wish("L4"), assumed=Assumed(slower=slower))
    steps = []
    for number, count in enumerate(callers):
        stand = Stand(slots(real.profile()), real.prepared, 1e9, 100.0, seed=3, pages=0)
        seen = unlimited(stand).measure(Trial((count,), Purpose.CONFIRM))
        done = round(seen.goodput * 100)
        line = dict.fromkeys(range(100), done // 100)
        line[0] += done - sum(line.values())
        tally = Tally(outcomes={OK: done}, seconds={f"done:{OK}": line})
        steps.append(
            Step(index=number, loop="closed", concurrency=count, begins=0, ends=100, tally=tally)
        )
    run = Run(started="2026-11-26T14:00:00+00:00", target=Target(url="http://engine"))
    return Record(run=run, steps=steps)


@pytest.mark.parametrize("slower", [0.7, 1.0, 1.8])
def test_the_pace_of_the_engine_is_found(slower: float) -> None:
    found = calibrated(record(slower), wish("L4"))
    assert found.slower == pytest.approx(slower, rel=0.08)
    assert found.known.pace is not None
    assert found.known.pace < 1.25
    assert [callers for callers, _, _ in found.steps] == [4, 16]


def test_another_gpu_is_less_sure() -> None:
    here = calibrated(record(1.0), wish("L4")).known.pace
    there = calibrated(record(1.0), wish("L4"), elsewhere=True).known.pace
    assert here is not None
    assert there is not None
    assert there > 1.2 * here


def test_pages_whose_tokens_were_told_are_used() -> None:
    made = record(1.0, (4,))
    made.samples = Samples(
        rows=[
            Sample(
                number=n,
                step=0,
                intended=n,
                sent=n,
                done=n + 1,
                input_tokens=700,
                output_tokens=90,
            )
            for n in range(30)
        ]
    )
    found = calibrated(made, wish("L4"))
    assert found.pages is not None
    assert found.known.lengths
    assert set(found.pages.counts) == {(700, 90)}


def test_a_record_without_a_closed_loop_is_of_no_use() -> None:
    made = record(1.0, (4,))
    made.steps[0].loop = "open"
    with pytest.raises(InvalidRequest, match="no closed loop"):
        calibrated(made, wish("L4"))
