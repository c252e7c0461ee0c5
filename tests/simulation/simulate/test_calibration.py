"""The simulated engines against what they stand for. Virtual time; seconds of wall time."""

import random
from dataclasses import replace

import pytest
from benchmarks.simulate.calibration import FOUNDING, KNEE, TINY, founding, knee, tiny

from ocrgate.simulate.arrivals import poisson
from ocrgate.simulate.drive import open_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import PROFILES
from ocrgate.simulate.workload import PlainMix

SEEDS = {8: 2, 16: 4, 32: 12, 64: 12}  # of the founding case: what never dies needs few


@pytest.mark.parametrize("clients", [4, 8, 16, 24, 32, 48])
def test_the_reference_engine_has_its_knee(clients: int) -> None:
    """Pages/s by clients, mean of three seeds, within 6 %."""
    rates = [knee(clients, seed).rate for seed in (1, 2, 3)]
    assert sum(rates) / 3 == pytest.approx(KNEE[clients], rel=0.06)


def test_the_reference_engine_is_overrun_without_a_bound() -> None:
    """At four times its knee hardly a page is in time: what a gate is for."""
    source = random.Random(1)
    pages = PlainMix().pages(random.Random(2))
    engine = VirtualEngine(PROFILES["f-model"])
    bare = open_loop(engine, pages, poisson(4 * 9.2, source))
    bounded = VirtualEngine(replace(PROFILES["f-model"], max_num_queued_reqs=64))
    held = open_loop(bounded, pages, poisson(4 * 9.2, random.Random(1)))
    assert bare.rate < 1.0
    assert held.rate == pytest.approx(9.38, rel=0.06)


def test_the_founding_case_comes_out() -> None:
    """Throughput at 16, 32 and 64 slots within 5 %; who dies how often; 8 slots use under half."""
    runs = {slots: [founding(slots, seed) for seed in range(SEEDS[slots])] for slots in FOUNDING}
    died = {
        slots: sum(r.died_at is not None for r in each) / len(each) for slots, each in runs.items()
    }
    alive = {slots: [r.rate for r in each if r.seconds > 20] for slots, each in runs.items()}
    rate = {slots: sum(each) / len(each) for slots, each in alive.items()}
    assert rate[16] == pytest.approx(22, rel=0.05)
    assert rate[32] == pytest.approx(26, rel=0.05)
    assert rate[64] == pytest.approx(38, rel=0.05)
    assert rate[8] < 0.5 * rate[64]
    assert (died[8], died[16]) == (0.0, 0.0)
    assert 0.12 <= died[32] <= 0.5
    assert died[64] > 0.6


def test_the_tiny_server_keeps_its_shape() -> None:
    """Against thirteen measured runs of a real vLLM: pages/s within 25 % each and 12 % on average,
    preemptions within two of each count, none where there were none.
    """
    errors = []
    for slots, clients, requests, measured, preempted in TINY:
        run = tiny(slots, clients, requests)
        errors.append(abs(run.rate / measured - 1))
        assert abs(run.preemptions - preempted) <= 2, (slots, clients)
        assert (run.preemptions > 0) == (preempted > 0), (slots, clients)
    assert max(errors) < 0.25
    assert sum(errors) / len(errors) < 0.12
