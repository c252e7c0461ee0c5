"""The ladder and the ceiling, whatever is told of them."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.ladder import Ladder, LadderParams, Rung
from ocrgate.control.thermal import Heat, Thermal, ThermalParams

LAWS = settings(max_examples=200, deadline=None, derandomize=True, database=None)

pressures = st.lists(
    st.tuples(st.floats(0, 3), st.one_of(st.floats(0, 3), st.floats(allow_nan=True))), max_size=200
)


@LAWS
@given(pressures, st.floats(0.1, 10), st.floats(0, 5))
def test_it_changes_at_most_once_per_dwell_and_by_one_rung(
    history: list[tuple[float, float]], dwell: float, sustain: float
) -> None:
    """No input makes it flap."""
    ladder, now = Ladder(LadderParams(dwell=dwell, sustain=sustain)), 0.0
    changes, before = [], 0
    for gap, pressure in history:
        now += gap
        state = ladder.press(pressure, now)
        assert state.rungs == tuple(Rung)[: len(state.rungs)]
        if len(state.rungs) != before:
            assert abs(len(state.rungs) - before) == 1
            assert state.why == ("entered" if len(state.rungs) > before else "left")
            changes.append(now)
        before = len(state.rungs)
    assert all(later - earlier >= dwell for earlier, later in itertools.pairwise(changes))


@LAWS
@given(pressures)
def test_calm_that_lasts_clears_every_rung(history: list[tuple[float, float]]) -> None:
    ladder, now = Ladder(), 0.0
    for gap, pressure in history:
        now += gap
        ladder.press(pressure, now)
    for _ in range(400):
        now += 0.1
        ladder.press(0.0, now)
    assert ladder.state() == ()


readings = st.lists(
    st.tuples(
        st.floats(-5, 100),
        st.one_of(st.none(), st.floats(0, 120)),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=60,
)


@LAWS
@given(readings)
def test_a_ceiling_moves_slowly_and_within_its_bounds(
    history: list[tuple[float, float | None, bool | None]],
) -> None:
    """At most two steps at once, but all the way up where nothing is known any more."""
    thermal, now, before = Thermal(), 1000.0, 1.0
    params = ThermalParams()
    for gap, celsius, throttled in history:
        now += gap
        ceiling = thermal.read(Heat(celsius, throttled), now)
        assert params.least <= ceiling.factor <= 1.0
        assert ceiling.factor >= before * params.cool**2 * 0.999 or ceiling.factor == params.least
        if ceiling.reason != "unknown":
            assert ceiling.factor <= before * params.warm**2 * 1.001
        before = ceiling.factor
