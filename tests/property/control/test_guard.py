"""Laws of the learning guard, in worlds that it knows nothing about."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.guard import (
    Death,
    GuardParams,
    GuardState,
    Healthy,
    Load,
    OutOfMemory,
    begin,
    ladder,
    learn,
)

HOUR = 3600.0
RESTART = 60.0  # seconds from a death to the next page
LOOK = 300.0  # seconds between two reports of health

loads = st.builds(Load, st.integers(1, 300), st.integers(1, 20_000_000))


@st.composite
def ranges(draw: st.DrawFn) -> GuardParams:
    """A range of loads, with the pace of the product."""
    low, high = draw(loads), draw(loads)
    least = Load(min(low.sequences, high.sequences), min(low.pixels, high.pixels))
    most = Load(max(low.sequences, high.sequences), max(low.pixels, high.pixels))
    return GuardParams(least, most)


@dataclass(frozen=True)
class World:
    """Who carries more than the machine bears dies, ``after`` seconds of work.

    The machine bears a number of sequences and of pixels, and a number of pixels in work.
    """

    params: GuardParams
    sequences: int
    pixels: int
    mass: float
    after: float

    def bears(self, load: Load) -> bool:
        return (
            load.sequences <= self.sequences
            and load.pixels <= self.pixels
            and load.mass <= self.mass
        )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A range and a machine that bears some or none of it."""
    params = draw(ranges())
    return World(
        params,
        draw(st.integers(0, params.most.sequences + 1)),
        draw(st.integers(0, params.most.pixels + 1)),
        draw(st.floats(0, 1.1)) * params.most.mass,
        draw(st.sampled_from([0.0, 5.0, LOOK - 1])),
    )


def lived(
    world: World, seconds: float, each: Callable[[GuardState], None] | None = None
) -> tuple[GuardState, list[float]]:
    """Start, die, be restarted and work for a while: the last state, and when deaths came."""
    state, now, deaths = begin(world.params, None, 0.0), 0.0, list[float]()
    while now < seconds:
        running = state.load
        if world.bears(running):
            now += LOOK
            state = learn(world.params, state, Healthy(now, running, LOOK))
        else:
            now += world.after
            deaths.append(now)
            state = learn(world.params, state, OutOfMemory(now, running, world.after))
            now += RESTART
        if each is not None:
            each(state)
    return state, deaths


def boldest_borne(world: World) -> int:
    """The highest rung that does not die; -1 if even the lowest does."""
    return max((n for n, load in enumerate(ladder(world.params)) if world.bears(load)), default=-1)


def log2_of_range(params: GuardParams) -> int:
    """How often the load can be halved from the most to the least."""
    return math.ceil(math.log2(params.most.mass / params.least.mass))


@settings(max_examples=70, deadline=None)
@given(worlds())
def test_it_settles_within_a_step_of_what_the_machine_bears(world: World) -> None:
    """After two days of work it carries what is borne, one step less, or tries one step more."""
    state, _ = lived(world, 48 * HOUR)
    rungs, best = ladder(world.params), boldest_borne(world)
    if best < 0:
        assert state.load == rungs[0]
    else:
        assert abs(rungs.index(state.load) - best) <= 1


@settings(max_examples=70, deadline=None)
@given(worlds())
def test_deaths_are_logarithmic_and_end(world: World) -> None:
    """Halvings at first, then at most two a day, if there is a load that is borne at all."""
    if boldest_borne(world) < 0:
        return
    _, deaths = lived(world, 49 * HOUR)
    for begun in deaths:
        assert sum(begun <= at < begun + HOUR for at in deaths) <= log2_of_range(world.params) + 2
    late = [at for at in deaths if at > 24 * HOUR]
    assert len(late) <= 4


@given(ranges())
def test_a_ladder_rises_in_small_steps(params: GuardParams) -> None:
    """From least to most, no part ever falling, at least one rising."""
    rungs = ladder(params)
    assert (rungs[0], rungs[-1]) == (params.least, params.most)
    for lower, higher in itertools.pairwise(rungs):
        assert lower.sequences <= higher.sequences
        assert lower.pixels <= higher.pixels
        assert lower.mass < higher.mass
    assert len(rungs) <= 80  # 50 of pixels in this range, and 30 of sequences, at the most


times = st.floats(-1e10, 1e10)
events = st.one_of(
    st.builds(OutOfMemory, times, loads, st.floats(-10, 1e7)),
    st.builds(Healthy, times, loads, st.floats(-1e6, 1e7)),
)


@settings(deadline=None)
@given(ranges(), st.lists(st.one_of(events, times), max_size=40))
def test_it_stays_in_range_whatever_comes(
    params: GuardParams, story: list[OutOfMemory | Healthy | float]
) -> None:
    """Events of loads that were never given, clocks set back, healthy spells of no length.

    A bare number is the length of a healthy spell at the load that is carried, so that creeping is
    part of the story.
    """
    state, now = begin(params, None, 0.0), 0.0
    rungs = ladder(params)
    for item in story:
        event = Healthy(now, state.load, item) if isinstance(item, float) else item
        now = event.at
        before = state
        state = learn(params, state, event)
        assert state.load in rungs
        assert state.healthy >= 0
        assert state.proven is None or state.proven in rungs
        assert len(state.deaths) <= 64
        step = rungs.index(state.load) - rungs.index(before.load)
        assert step <= (0 if isinstance(event, OutOfMemory) else 1)


@settings(deadline=None)
@given(ranges(), loads, st.lists(st.builds(Death, times, loads), max_size=5), times)
def test_any_memory_can_be_begun_from(
    params: GuardParams, load: Load, deaths: list[Death], now: float
) -> None:
    """A memory from another range, or another clock, gives a load of this range."""
    state = begin(params, GuardState(load, -1.0, load, tuple(deaths)), now)
    assert state.load in ladder(params)
    assert state.proven is None or state.proven in ladder(params)
