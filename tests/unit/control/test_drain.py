"""How fast places become free, and when to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.drain import DrainRate, PageSpeed, Returns, ServiceTimes, retry_after


def test_the_rate_is_what_was_freed_while_full() -> None:
    """Ten pages in five full seconds are two per second, an idle hour in between or not."""
    rate = DrainRate(horizon=1e9)
    rate.elapse(0.0, full=False)
    for number in range(1, 6):
        rate.elapse(number * 0.5, full=True)
        rate.freed()
    rate.elapse(3600.0, full=False)
    for number in range(1, 6):
        rate.elapse(3600 + number * 0.5, full=True)
        rate.freed()
    assert rate.rate(3602.5, full=True, guess=None) == pytest.approx(2.0)


def test_a_stall_shows_while_it_lasts() -> None:
    """A full gate that frees nothing gets slower every second."""
    rate = DrainRate(horizon=30.0)
    rate.elapse(0.0, full=False)
    for number in range(1, 21):
        rate.elapse(number * 0.1, full=True)
        rate.freed()
    rates = [rate.rate(2.0 + wait, full=True, guess=10.0) or 0.0 for wait in (0, 2, 5, 10)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] / 4


def test_nothing_is_claimed_without_evidence() -> None:
    """Before any page has ended there is no rate; with a guess, the guess counts."""
    rate = DrainRate(horizon=30.0)
    assert rate.rate(5.0, full=True, guess=None) is None
    assert rate.rate(5.0, full=False, guess=4.0) == pytest.approx(4.0)


def test_service_times_forget() -> None:
    """A page of a minute ago does not describe the pages of now."""
    times = ServiceTimes(horizon=30.0)
    times.add(0.0, 50.0)
    times.add(40.0, 1.0)
    times.add(41.0, 3.0)
    assert times.mean(41.0) == pytest.approx(2.0)
    assert times.quantile(0.0, 41.0) == 1.0
    assert times.mean(100.0) is None


def test_callers_refused_together_do_not_return_together() -> None:
    """The same place in line is told different seconds, the same ticket always the same."""
    told = [retry_after(10, 1.0, ticket, (1.0, 30.0)) for ticket in range(100)]
    assert min(told) >= 8.0
    assert max(told) <= 12.0
    assert len({round(seconds, 1) for seconds in told}) > 20
    assert told == [retry_after(10, 1.0, ticket, (1.0, 30.0)) for ticket in range(100)]


@given(st.integers(1, 10**6), st.none() | st.floats(1e-6, 1e6), st.integers(0, 2**70))
def test_retry_after_is_never_absurd(ahead: int, rate: float | None, ticket: int) -> None:
    """However long the backlog, the answer lies between its bounds."""
    assert 1.0 <= retry_after(ahead, rate, ticket, (1.0, 30.0)) <= 30.0


def test_the_time_of_a_page_follows_from_its_tokens() -> None:
    """From pages of 0.2 ms per input and 10 ms per output token, any other can be foretold."""
    speed = PageSpeed(horizon=30.0)
    assert speed.seconds(1000, 100, 0.0) is None
    assert speed.per_token(0.0) is None
    for number, (input_tokens, output) in enumerate([(500, 100), (900, 40), (1300, 700)]):
        seconds = 2e-4 * input_tokens + 1e-2 * output
        speed.add(float(number), seconds, input_tokens, output)
    assert speed.seconds(1000, 200, 3.0) == pytest.approx(2.2)
    assert speed.seconds(1000, 200, 40.0) is None  # forgotten


@given(
    st.lists(
        st.tuples(st.floats(1e-3, 100.0), st.integers(0, 5000), st.integers(0, 5000)),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 5000),
    st.integers(0, 5000),
)
def test_no_page_is_foretold_to_take_less_than_nothing(
    pages: list[tuple[float, int, int]], input_tokens: int, output: int
) -> None:
    """Whatever was seen, more tokens never take less time, and no time is below 0 or absurd."""
    speed = PageSpeed(horizon=30.0)
    for number, (seconds, read, written) in enumerate(pages):
        speed.add(number * 0.1, seconds, read, written)
    told = speed.seconds(input_tokens, output, 2.0)
    more = speed.seconds(input_tokens + 100, output + 100, 2.0)
    assert told is not None
    assert more is not None
    assert 0 <= told <= more < 1e9


def test_those_told_to_come_back_are_part_of_the_backlog() -> None:
    """Each one more is told a later time, until the bound; asking changes nothing."""
    returns = Returns((1.0, 30.0))
    for instant in range(-80, 0):
        returns.began(instant / 2)  # new callers take all that is freed
    told = []
    for _ in range(10):
        assert returns.after(4, 2.0, 7, 0.0) == returns.after(4, 2.0, 7, 0.0)
        told.append(returns.after(4, 2.0, 7, 0.0))
        returns.told(4, 2.0, 0.0)
    assert told == sorted(told)
    assert told[-1] > told[0] + 10
    assert returns.after(4, 2.0, 7, 60.0) == told[0]


def test_those_turned_away_from_an_idle_gate_come_back_as_fast_as_it_serves() -> None:
    """Places that nobody else takes are theirs; where others take them, a quarter is."""
    idle, busy = Returns((1.0, 300.0)), Returns((1.0, 300.0))
    for instant in range(-80, 0):
        busy.began(instant / 2)
    for _ in range(40):
        idle.told(4, 2.0, 0.0)
        busy.told(4, 2.0, 0.0)
    first, last = idle.after(4, 2.0, 7, 0.0), busy.after(4, 2.0, 7, 0.0)
    assert first < 1.2 * (2 + 40 / (2 * 0.8))  # spread by a fifth either way
    assert last == pytest.approx(first * (2 + 40 / (2 * 0.25)) / (2 + 40 / (2 * 0.8)))


def test_nobody_waits_for_those_who_do_not_come_back() -> None:
    """Of a crowd that was told to come back and did not, a minute later little is left in the line;
    as long as they come as told, all of it is.
    """
    left, came = Returns((1.0, 300.0)), Returns((1.0, 300.0))
    for returns in (left, came):
        for _ in range(60):
            returns.told(10, 1.0, 0.0)
    for instant in range(1, 41):
        came.began(float(instant))
    assert left.after(1, 1.0, 7, 10.0) > 60  # too soon to tell
    assert left.after(1, 1.0, 7, 40.0) == left.after(1, 1.0, 7, 90.0)  # the least that is said
    assert came.after(1, 1.0, 7, 40.0) == pytest.approx(left.after(1, 1.0, 7, 0.0) - 40, rel=0.1)


def test_the_bounds_do_not_bring_callers_together() -> None:
    """Those told the least or the most are spread as well."""
    for ahead in (1, 10**6):
        told = {round(retry_after(ahead, 10.0, ticket, (1.0, 30.0)), 2) for ticket in range(100)}
        assert len(told) > 40
