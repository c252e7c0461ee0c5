"""One suite over all limit laws: what a gate may rely on, whatever it tells them."""

import typing
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.fixed import FixedLimit, FixedParams
from ocrgate.control.limit.latency import LatencyLimit, LatencyParams
from ocrgate.control.limit.law import Change, Limit, Reason, Sample, Signals

Event = Callable[[Limit, float], Change | None]
REASONS = set(typing.get_args(Reason))
KINDS: dict[str, Callable[[int], Limit]] = {
    "fixed": lambda start: FixedLimit(FixedParams(start)),
    "engine": lambda start: EngineLimit(EngineParams(start=start)),
    "latency": lambda start: LatencyLimit(LatencyParams(climb=EngineParams(start=start))),
}

odd = st.one_of(
    st.none(),
    st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf")]),
    st.floats(0, 1e4),
)
polls = st.one_of(st.none(), st.builds(Signals, odd, odd, odd, odd))
samples = st.builds(Sample, st.floats(0, 1e4), st.floats(0, 1e5), st.booleans())
events: st.SearchStrategy[Event] = st.one_of(
    polls.map(lambda s: lambda law, now: law.signals(now, s)),
    samples.map(lambda s: lambda law, now: law.sample(now, s)),
    st.integers(0, 5000).map(lambda n: lambda law, now: law.occupied(now, n)),
    st.tuples(st.integers(0, 500), st.integers(0, 500)).map(
        lambda p: lambda law, now: law.occupied(now, sum(p), p[0])
    ),
    st.floats(0, 1e6).map(lambda work: lambda law, now: law.progress(now, work)),
    st.just(lambda law, now: law.tick(now)),
)
gaps = st.one_of(st.just(0.0), st.floats(0, 2), st.floats(-5, 0), st.just(1e7))
histories = st.lists(st.tuples(gaps, events), max_size=60)
BOUNDED = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[int], Limit]:
    return KINDS[request.param]


def tell(law: Limit, history: list[tuple[float, Event]]) -> list[tuple[int, Change | None]]:
    """The law's value after each event, and what it said."""
    now, said = 1000.0, []
    for gap, event in history:
        now += gap
        change = event(law, now)
        said.append((law.value(now), change))
    return said


@BOUNDED
@given(kind=st.sampled_from(sorted(KINDS)), start=st.integers(1, 2000), history=histories)
def test_any_order_of_anything_leaves_a_limit_and_a_known_reason(
    kind: str, start: int, history: list[tuple[float, Event]]
) -> None:
    """Never under 1, never over the bound, and what is said is what holds."""
    for value, change in tell(KINDS[kind](start), history):
        assert 1 <= value <= EngineParams().most
        assert change is None or (change.limit == value and change.reason in REASONS)


@BOUNDED
@given(kind=st.sampled_from(sorted(KINDS)), start=st.integers(1, 2000), history=histories)
def test_the_same_history_gives_the_same_limits(
    kind: str, start: int, history: list[tuple[float, Event]]
) -> None:
    first, second = (repr(tell(KINDS[kind](start), history)) for _ in range(2))
    assert first == second


@BOUNDED
@given(kind=st.sampled_from(sorted(KINDS)), inflight=st.lists(st.integers(0, 15), min_size=100))
def test_a_limit_that_is_not_reached_does_not_grow(kind: str, inflight: list[int]) -> None:
    """The app-limited rule."""
    law, now = KINDS[kind](16), 0.0
    for pages in inflight:
        now += 0.25
        law.occupied(now, pages, pages)
        law.progress(now, pages * 20.0)
        law.signals(now, Signals(float(pages), 0.0, pages / 100, 0.0))
        assert law.tick(now).limit <= 16


def test_time_that_stands_still_changes_nothing(make: Callable[[int], Limit]) -> None:
    law = make(10)
    law.occupied(5.0, 10)
    law.tick(5.0)
    before = law.value(5.0)
    for _ in range(100):
        law.signals(5.0, Signals(10.0, 0.0, 0.5, 0.0))
        law.tick(5.0)
    assert law.value(5.0) == before


def test_a_long_pause_does_not_make_the_limit_leap(make: Callable[[int], Limit]) -> None:
    """An hour without calls is no hour of proof."""
    law, now = make(10), 0.0
    for _ in range(4):
        now += 0.25
        law.occupied(now, 10, 10)
        law.signals(now, Signals(10.0, 0.0, 0.2, 0.0))
        law.tick(now)
    before = law.value(now)
    law.signals(now + 3600, Signals(10.0, 0.0, 0.2, 0.0))
    assert law.tick(now + 3600).limit <= 1.5 * before + 1


def test_counters_that_start_anew_are_no_complaint(make: Callable[[int], Limit]) -> None:
    """An engine that was restarted counts its preemptions from 0."""
    law, now = make(10), 0.0
    seen = []
    for total in (500.0, 500.0, 0.0, 0.0, 0.0, 0.0, 0.0):
        now += 1.0
        law.occupied(now, law.value(now), law.value(now))
        law.progress(now, law.value(now) * 30.0)
        law.signals(now, Signals(float(law.value(now)), 0.0, 0.3, total))
        seen.append(law.tick(now).limit)
    assert seen == sorted(seen)


def test_a_law_is_never_silenced_by_complaints(make: Callable[[int], Limit]) -> None:
    """A minute of everything that is bad, then calm: pages flow all the time, and more after."""
    law, now, total = make(50), 0.0, 0.0
    for _ in range(240):
        now, total = now + 0.25, total + 3
        law.occupied(now, law.value(now), 0)
        law.sample(now, Sample(30.0, 0.0, dropped=True))
        law.signals(now, Signals(1.0, 40.0, 1.0, total))
        assert law.tick(now).limit >= 1
    low = law.value(now)
    for _ in range(120):
        now += 0.25
        pages = law.value(now)
        law.occupied(now, pages, pages)
        law.progress(now, pages * 10.0)
        law.signals(now, Signals(float(pages), 0.0, 0.3, total))
        law.tick(now)
    assert law.value(now) > low or isinstance(law, FixedLimit)
