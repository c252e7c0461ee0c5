"""The plan against a run of a real vLLM on an H100 (``benchmarks/engines/gpu_managed.py``)."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from ocrgate.cli.plan import _model
from ocrgate.load.plan.calibrate import Calibration, calibrated, counted
from ocrgate.load.plan.doubt import COUNTED, doubt
from ocrgate.load.plan.outlook import expected
from ocrgate.load.plan.pages import named
from ocrgate.load.plan.uncertain import Known
from ocrgate.load.plan.wish import ASSUMED, Wish, gpu
from ocrgate.load.record import read
from ocrgate.simulate.gpus import Assumed

RECORD = Path(__file__).parents[4] / "benchmarks" / "engines" / "records" / "h100_vllm.json"


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    model = _model("hunyuanocr", 700)
    assumed = Assumed(utilization=0.85)
    wish = Wish(gpu("h100-80gb"), model, named("mix"), 1024, 10.0, 0.1, assumed=assumed)
    return calibrated(read(RECORD), wish)


def test_all_loops_of_the_run_are_used_with_the_tokens_of_its_pages(
    calibration: Calibration,
) -> None:
    assert [callers for callers, _, _ in calibration.steps] == [8, 32, 128]
    assert calibration.pages is not None
    assert len(calibration.pages.counts) == 456  # those before and after what was measured, too


def test_a_calibrated_plan_is_as_near_as_it_says(calibration: Calibration) -> None:
    """At each number of callers, as pages a second."""
    assert calibration.known.pace is not None
    for _, real, planned in calibration.steps:
        assert abs(math.log(planned / real)) <= math.log(calibration.known.pace)


def test_the_run_lies_in_the_interval_of_a_plan_that_knows_its_pages_only() -> None:
    """At each number of callers; nothing of the engine's pace was told to it."""
    run = read(RECORD)
    assumed = replace(ASSUMED, utilization=0.85)
    model = _model("hunyuanocr", 700)
    wish = Wish(gpu("h100-80gb"), model, counted(run), assumed=assumed)
    assert doubt(wish.pages) == COUNTED
    for callers, real in ((8, 4.6), (32, 9.1)):  # 128 too, but that takes its time
        found = expected(wish, Known(), callers)
        assert found.low < real < found.high


def test_a_real_engine_is_slower_than_the_data_sheet_says(calibration: Calibration) -> None:
    """It was started without a compiler, and its text is made in Python: two times, not ten."""
    assert 1.2 < calibration.assumed.slower < 4.0
