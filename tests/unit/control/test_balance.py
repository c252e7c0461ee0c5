"""Which replica gets the next page."""

import heapq
from collections import Counter
from collections.abc import Sequence

import pytest

from ocrgate.control.balance import Balance, BalanceParams, work

ALL = (0, 1, 2, 3)


def used(balance: Balance, count: int, now: float = 0.0) -> None:
    """Every replica reads a page, one a second, at one second per hundred tokens."""
    for replica in range(count):
        balance.begin(replica, now)
        balance.end(replica)
        balance.read(replica, 1.0, 100.0, now)


def give(
    balance: Balance, pages: int, now: float = 0.0, among: Sequence[int] = ALL
) -> Counter[int]:
    """Give out pages that stay; who got how many."""
    got: Counter[int] = Counter()
    for _ in range(pages):
        chosen = balance.choose(among, now)
        assert chosen is not None
        balance.begin(chosen, now)
        got[chosen] += 1
    return got


def test_headroom_comes_first() -> None:
    """A server with 24 places gets three times what one with 8 gets, as it fills."""
    balance = Balance([24, 8])
    used(balance, 2)
    assert give(balance, 32, among=(0, 1)) == {0: 24, 1: 8}


def test_among_equals_the_fastest_then_the_one_used_longest_ago() -> None:
    """A little faster is enough; no difference leaves it to the turn."""
    balance = Balance([4, 4, 4])
    used(balance, 3)
    assert balance.choose((0, 1, 2), 0.0) == 0
    balance.begin(0, 0.0)
    balance.end(0)
    assert balance.choose((0, 1, 2), 0.0) == 1
    balance.read(2, 0.9, 100.0, 5.0)
    assert balance.choose((0, 1, 2), 5.0) == 2


def test_a_new_replica_is_taken_for_an_average_one() -> None:
    """So that it is tried; and first of all, since it has nothing to do."""
    balance = Balance([8, 8, 8])
    for _ in range(5):
        used(balance, 2)
    assert balance.pace(2) == pytest.approx(0.01)
    assert balance.choose((0, 1, 2), 20.0) == 2


def test_five_times_slower_gets_a_fifth() -> None:
    """Its 20 places count as four."""
    balance = Balance([20, 20, 20, 20])
    for second in range(20):
        used(balance, 3, float(second))
        balance.read(3, 5.0, 100.0, float(second))
    assert balance.health(3) == pytest.approx(0.2, abs=0.01)
    assert give(balance, 64, 20.0)[3] in {3, 4, 5}


def test_twice_as_slow_is_no_outlier() -> None:
    """Pages differ; only what is plain counts."""
    balance = Balance([8, 8, 8, 8])
    used(balance, 3)
    balance.read(3, 1.9, 100.0, 0.0)
    assert balance.health(3) == 1.0


def test_of_two_the_slower_is_the_slow_one() -> None:
    """The norm is not halfway between them."""
    balance = Balance([8, 8])
    used(balance, 1)
    balance.read(1, 5.0, 100.0, 0.0)
    assert balance.health(0) == 1.0
    assert balance.health(1) == pytest.approx(0.2)


def test_bad_news_travels_faster_than_good() -> None:
    """Half of a slow page counts at once, a fast one after it hardly."""
    balance = Balance([8, 8, 8])
    used(balance, 3)
    balance.read(0, 3.0, 100.0, 1.0)
    assert balance.pace(0) == pytest.approx(0.02)
    balance.read(0, 1.0, 100.0, 1.5)
    assert 0.019 < (balance.pace(0) or 0.0) < 0.02
    balance.read(0, 1.0, 100.0, 31.5)
    assert balance.pace(0) == pytest.approx(0.0105, abs=0.0003)


def test_a_slow_replica_is_looked_at_again_and_found_recovered() -> None:
    """With nothing to do it gets a page from time to time, and then its share again."""
    balance = Balance([8, 8, 8, 8])
    used(balance, 4)
    for second in range(10):
        balance.read(3, 10.0, 100.0, float(second))
    slow_pages = 0
    for second in range(10, 200):
        chosen = balance.choose(ALL, float(second))
        assert chosen is not None
        balance.begin(chosen, float(second))
        balance.end(chosen)
        balance.read(chosen, 1.0, 100.0, float(second))
        slow_pages += chosen == 3
    assert slow_pages >= 3
    assert balance.health(3) == 1.0


def test_one_that_hangs_is_slow() -> None:
    """Callers who gave up after a minute say so, those who left at once say nothing."""
    balance = Balance([8, 8])
    used(balance, 2)
    balance.gave_up(1, 0.5, 0.0, 1.0)
    assert balance.pace(1) == pytest.approx(0.01)
    balance.gave_up(1, 60.0, 0.0, 2.0)
    assert balance.health(1) < 0.05


def test_giving_up_on_the_first_page_of_all_says_nothing() -> None:
    """Nothing is known of how long a page takes."""
    balance = Balance([8])
    balance.gave_up(0, 60.0, 5.0, 1.0)
    assert balance.pace(0) is None


def test_a_busy_replica_is_the_last_resort_until_its_time_has_passed() -> None:
    """Even a full one goes before it."""
    balance = Balance([2, 2])
    used(balance, 2)
    balance.busy(0, until=30.0)
    assert give(balance, 6, 29.0, (0, 1)) == {1: 6}
    assert balance.choose((0,), 29.0) == 0
    assert balance.choose((0, 1), 30.0) == 0


def test_when_all_are_full_the_least_overfull_is_next() -> None:
    """Beyond their places pages are spread in proportion to them."""
    balance = Balance([12, 4])
    used(balance, 2)
    give(balance, 16, among=(0, 1))
    assert give(balance, 16, among=(0, 1)) == {0: 12, 1: 4}


def test_a_new_server_is_not_blamed_for_the_old() -> None:
    """Pace, refusals and slots of what stood there before are forgotten."""
    balance = Balance([8, 8])
    used(balance, 1)
    balance.read(1, 50.0, 100.0, 0.0)
    balance.busy(1, 99.0)
    balance.forget(1, slots=16)
    assert balance.health(1) == 1.0
    assert balance.headroom(1, 0.0) == 16.0


def test_nobody_is_chosen_of_nobody() -> None:
    """No candidate, no answer."""
    assert Balance([8]).choose((), 0.0) is None


def test_work_counts_what_is_written_most() -> None:
    """Reading 320 tokens is as much as writing ten; without counts a page is one."""
    assert work(320, 100) == 110.0
    assert work(0, 0) == 1.0


@pytest.mark.parametrize("bad", [{"rise": 0.0}, {"memory": 0.0}, {"slow": 0.5}, {"probe": -1.0}])
def test_senseless_parameters_are_refused(bad: dict[str, float]) -> None:
    """A mean that never moves, a norm that all exceed."""
    with pytest.raises(ValueError, match=r"at least|above"):
        BalanceParams(**bad)


@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_a_slow_fourth_does_not_hold_three_back(factor: float) -> None:
    """Forty-eight callers, four servers with eight places, in virtual time.

    The three healthy ones alone read 24 pages a second; with a fourth that is five times slower
    they read more, and never less than 95 % of that.
    """
    pace = [0.01, 0.01, 0.01, 0.01 * factor]
    balance = Balance([8] * 4)
    free = [[0.0] * 8 for _ in ALL]  # when each place of each server is free again
    ends: list[tuple[float, int, int, float]] = []
    now, done = 0.0, Counter[int]()

    def start(number: int) -> None:
        chosen = balance.choose(ALL, now)
        assert chosen is not None
        balance.begin(chosen, now)
        tokens = 50 + number * 37 % 101
        end = max(now, heapq.heappop(free[chosen])) + tokens * pace[chosen]
        heapq.heappush(free[chosen], end)
        heapq.heappush(ends, (end, number, chosen, now))

    for number in range(48):
        start(number)
    number = 48
    while now < 60.0:
        now, ended, replica, begun = heapq.heappop(ends)
        balance.end(replica)
        balance.read(replica, now - begun, float(50 + ended * 37 % 101), now)
        done[replica] += 1
        start(number)
        number += 1
    assert done.total() >= 0.95 * 24 * 60 * (4 / 3 if factor == 1.0 else 1)
    assert done[3] >= 60 / 5
