"""Every named engine works, and says where its figures are from."""

import random

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.simulate.drive import closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import PROFILES, profile
from ocrgate.simulate.workload import SCREENSHOTS


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_serves_and_says_where_it_is_from(name: str) -> None:
    engine = VirtualEngine(profile(name), 1)
    outcome = closed_loop(engine, SCREENSHOTS.pages(random.Random(1)), 4, 60.0, warmup=5.0)
    assert outcome.rate > 0.1
    assert outcome.failed == outcome.refused == 0
    assert profile(name).source.startswith(("Defined", "Fitted", "Derived", "Made up"))


def test_more_gpu_serves_more() -> None:
    """The data sheets rank as they should."""
    names = ("l4-24gb", "a10-24gb", "rtx4090-24gb", "a100-80gb", "h100-80gb")
    rates = [
        closed_loop(
            VirtualEngine(PROFILES[name]), SCREENSHOTS.pages(random.Random(1)), 64, 60.0, warmup=5.0
        ).rate
        for name in names
    ]
    assert rates == sorted(rates)


def test_an_unknown_profile_names_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match="f-model, founding-4090d"):
        profile("h1000")
