"""How likely a setting is to kill the engine."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.load.tune.curves import BOX, VALUES, seen

from ocrgate.load.tune.evidence import sites
from ocrgate.load.tune.peril import Peril
from ocrgate.load.tune.trial import Axis, Purpose, Setting, Space, Stop, Trial


def peril(dead: list[Setting], alive: list[Setting], stop: Stop = Stop.DIED) -> Peril:
    died = [seen(Trial(key, Purpose.EXPLORE), stop) for key in dead]
    history = [*died, *(seen(Trial(key, Purpose.EXPLORE), 1.0) for key in alive)]
    return Peril(sites(history).values(), BOX)


def test_nothing_is_believed_before_anything_has_died() -> None:
    assert peril([], [(64, 4096, 0.9)]).of((256, 8192, 0.95)) == 0


def test_what_killed_it_is_likely_to_kill_it_again_and_what_lived_is_not() -> None:
    found = peril([(64, 4096, 0.9)], [(each, 4096, 0.9) for each in (8, 16, 32)])
    assert found.of((64, 4096, 0.9)) > 0.8
    assert found.of((16, 4096, 0.9)) < 0.1
    assert 0.3 < found.of((48, 4096, 0.9)) < 0.7


@given(st.sampled_from(VALUES), st.sampled_from(BOX.axes[2].values))
def test_more_work_and_more_memory_are_never_less_likely_to_kill(at: float, share: float) -> None:
    found = peril([(64, 4096, 0.9)], [(32, 4096, 0.9)])
    here = found.of((at, 4096, share))
    assert all(found.of((more, 4096, share)) >= here for more in VALUES if more > at)
    assert all(found.of((at, 4096, more)) >= here for more in BOX.axes[2].values if more > share)


def test_an_axis_that_is_not_risky_makes_no_difference() -> None:
    found = peril([(64, 4096, 0.9)], [(32, 4096, 0.9)])
    assert found.of((48, 2048, 0.9)) == found.of((48, 8192, 0.9))


def test_a_step_back_that_helped_once_is_expected_to_help_again() -> None:
    """With 0.8 it took twice as much as killed it with 0.9: 0.7 takes more than that, too."""
    died = (64, 4096, 0.9)
    helped = peril([died], [(32, 4096, 0.9), (128, 4096, 0.8)])
    untried = peril([died], [(32, 4096, 0.9)])
    assert helped.of((192, 4096, 0.7)) < 0.3 < untried.of((192, 4096, 0.7))


def test_one_that_lived_by_chance_is_not_believed_against_two_deaths() -> None:
    found = peril([(64, 4096, 0.9), (64, 8192, 0.9)], [(64, 2048, 0.9), (32, 4096, 0.9)])
    assert found.of((64, 4096, 0.9)) > 0.5


def test_an_engine_that_did_not_start_says_nothing_of_one_that_runs() -> None:
    found = peril([(64, 8192, 0.7)], [(32, 4096, 0.9)], Stop.UNSTARTED)
    assert found.of((64, 8192, 0.9)) == 0


def test_without_an_axis_of_work_at_once_nothing_is_believed() -> None:
    space = Space((Axis("memory", (0.7, 0.8), 0.7, risky=True),))
    history = (seen(Trial((0.8,), Purpose.EXPLORE), Stop.DIED),)
    assert Peril(sites(history).values(), space).of((0.8,)) == 0
