"""A run of the engine makes a plan surer. The runs here are of an engine whose pace is known."""

from dataclasses import replace

import pytest
from benchmarks.load.calibration import measured, record
from tests.unit.load.plan.test_wish import wish

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.calibrate import calibrated
from ocrgate.load.plan.doubt import COUNTED, doubt
from ocrgate.load.plan.outlook import outlook
from ocrgate.load.plan.wish import ASSUMED
from ocrgate.load.record import Sample, Samples
from ocrgate.simulate.gpus import Assumed


@pytest.mark.parametrize("slower", [0.7, 1.0, 1.8])
def test_the_pace_of_the_engine_is_found(slower: float) -> None:
    real = replace(wish("L4"), assumed=replace(ASSUMED, slower=slower))
    found = calibrated(record(real, (4, 16)), wish("L4"))
    assert found.assumed.slower == pytest.approx(slower, rel=0.12)
    assert found.assumed.slower * found.assumed.slower_start == pytest.approx(slower, rel=0.12)
    assert found.known.pace is not None
    assert found.known.pace < 1.25
    assert [callers for callers, _, _ in found.steps] == [4, 16]


@pytest.mark.parametrize(
    ("name", "assumed"),
    [
        ("L4", replace(ASSUMED, host=8e-3, rate=0.55, prompt_rate=0.45)),
        ("A100-80", replace(ASSUMED, bandwidth=0.9, host=1.5e-3, rate=0.25, attention=0.2)),
    ],
    ids=["slow steps, quick pages", "quick steps, slow pages"],
)
def test_a_plan_is_near_an_engine_whose_shares_are_all_others(name: str, assumed: Assumed) -> None:
    """What it says of a number of pages at once that the record has not, too."""
    base = replace(wish(name), deadline=30.0)
    real = replace(base, assumed=assumed)
    fit = calibrated(record(real), base)
    planned = outlook(fit.applied(base), fit.known, rungs=False)
    truth = measured(real, planned.at_once, base.deadline, 9)
    assert planned.at_once not in {4, 16}
    assert planned.rate.low <= truth <= planned.rate.high
    assert planned.rate.middle == pytest.approx(truth, rel=0.12)


def test_one_closed_loop_is_less_sure_than_three() -> None:
    """It cannot tell the fixed part of a step from the rest."""
    real = replace(wish("L4"), assumed=replace(ASSUMED, slower=1.5))
    one = calibrated(record(real, (16,)), wish("L4"))
    three = calibrated(record(real), wish("L4"))
    assert one.known.pace is not None
    assert three.known.pace is not None
    assert one.known.pace > three.known.pace


def test_another_gpu_is_less_sure() -> None:
    here = calibrated(record(wish("L4")), wish("L4")).known.pace
    there = calibrated(record(wish("L4")), wish("L4"), elsewhere=True).known.pace
    assert here is not None
    assert there is not None
    assert there > 1.2 * here


def test_pages_whose_tokens_were_told_are_used() -> None:
    made = record(wish("L4"), (4,))
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
    assert doubt(found.pages) == COUNTED
    assert set(found.pages.counts) == {(700, 90)}


def test_a_record_without_a_closed_loop_is_of_no_use() -> None:
    made = record(wish("L4"), (4,))
    made.steps[0].loop = "open"
    with pytest.raises(InvalidRequest, match="no closed loop"):
        calibrated(made, wish("L4"))
