"""The ledger of promised tokens, case by case."""

import math
import random

import pytest

from ocrgate.control.ledger import Ledger, LedgerParams, Promise

EXACT = LedgerParams(reserve=0.0)


def promise(prompt: int, expected: int, high: int | None = None, cap: int = 4096) -> Promise:
    return Promise(prompt, expected, expected if high is None else high, cap)


def test_the_peak_is_when_the_shortest_ends_not_when_all_are_longest() -> None:
    """Two pages of 100 + 50 and 100 + 10: at the end of the short one 2 * 110 are held, of the
    long one 150; never 260.
    """
    ledger = Ledger(EXACT, capacity=1000)
    ledger.hold(1, promise(100, 50))
    ledger.hold(2, promise(100, 10))
    assert ledger.held == 200
    assert ledger.promised == 220
    assert ledger.headroom(0.0) == 780


def test_a_page_fits_up_to_the_capacity_and_no_further() -> None:
    ledger = Ledger(EXACT, capacity=220)
    ledger.hold(1, promise(100, 50))
    assert ledger.judge(promise(100, 10), 0.0) == "fits"
    assert ledger.judge(promise(100, 11), 0.0) == "full"
    assert ledger.judge(promise(121, 0), 0.0) == "full"


def test_the_stream_makes_room_only_at_the_end() -> None:
    """What is written moves from to-come to held: the peak stays, until the page is gone."""
    ledger = Ledger(EXACT, capacity=1000)
    ledger.hold(1, promise(100, 50))
    ledger.advance(1, 30)
    assert (ledger.held, ledger.promised) == (130, 150)
    ledger.release(1)
    ledger.release(1)
    assert (ledger.held, ledger.promised, ledger.pages) == (0, 0, 0)


def test_a_page_that_is_alone_always_goes() -> None:
    """Refusing it would never end."""
    assert Ledger(EXACT, capacity=10).judge(promise(100, 10), 0.0) == "alone"


def test_without_a_capacity_all_fits_and_it_says_so() -> None:
    ledger = Ledger()
    ledger.hold(1, promise(10**9, 10))
    assert ledger.judge(promise(10**9, 10), 0.0) == "unknown"
    assert ledger.headroom(0.0) == math.inf
    ledger.resize(1000)
    assert ledger.judge(promise(1, 1), 0.0) == "full"
    assert ledger.headroom(0.0) == 0.0


def test_a_page_that_outgrows_its_estimate_is_expected_to_reach_the_high_one() -> None:
    ledger = Ledger(LedgerParams(runaway=1024), capacity=10_000)
    ledger.hold(1, promise(100, 50, high=80, cap=2000))
    ledger.advance(1, 50)
    assert ledger.promised == 180
    ledger.advance(1, 80)
    assert ledger.promised == 100 + 1024
    ledger.advance(1, 1500)
    assert ledger.promised == 100 + 1650
    ledger.advance(1, 1999)
    assert ledger.promised == 100 + 2000


def test_a_page_may_even_outgrow_its_cap() -> None:
    """An engine that does not keep to it holds what it holds."""
    ledger = Ledger(EXACT, capacity=10_000)
    ledger.hold(1, promise(100, 50, cap=60))
    ledger.advance(1, 500)
    assert ledger.held == ledger.promised == 600


def test_tokens_are_held_in_whole_blocks() -> None:
    ledger = Ledger(EXACT, capacity=10_000, block=128)
    ledger.hold(1, promise(129, 1))
    assert ledger.held == ledger.promised == 256
    ledger.resize(10_000, block=16)
    assert ledger.held == ledger.promised == 144


def test_of_many_pages_the_peak_is_told_nearly_exactly_with_large_blocks() -> None:
    """Blocks that pages have just begun and those that they have nearly filled make up for each
    other; rounded up twice for each it would be a fifth too much.
    """
    chance, ledger = random.Random(1), Ledger(EXACT, capacity=100_000, block=128)
    pages = [(chance.randint(300, 900), chance.randint(1, 600)) for _ in range(40)]
    for number, (held, left) in enumerate(pages):
        ledger.hold(number, promise(held, left))

    def there(written: int) -> int:
        """Tokens in whole blocks when each page that is not over has written so many."""
        return sum(-(-(held + written) // 128) * 128 for held, left in pages if left >= written)

    exact = max(there(left) for _, left in pages)
    assert ledger.promised == pytest.approx(exact, rel=0.02)


def test_a_part_is_kept_free() -> None:
    ledger = Ledger(LedgerParams(reserve=0.1), capacity=1000)
    assert ledger.available(0.0) == 900


def test_what_others_hold_is_learned_from_the_usage_and_fades() -> None:
    ledger = Ledger(EXACT, capacity=1000)
    ledger.hold(1, promise(100, 0))
    for i in range(20):
        ledger.usage(0.5, float(i))
    assert ledger.outside(19.0) == pytest.approx(400, rel=0.1)
    assert ledger.available(19.0) == pytest.approx(600, rel=0.1)
    assert ledger.outside(19.0 + 60.0) < 2


def test_a_usage_below_ours_is_not_credited() -> None:
    """Pages that the engine has not let in yet will want their part."""
    ledger = Ledger(EXACT, capacity=1000)
    ledger.hold(1, promise(500, 0))
    ledger.usage(0.1, 0.0)
    assert ledger.available(0.0) == 1000


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_usage_that_cannot_be_is_passed_over(share: float) -> None:
    ledger = Ledger(EXACT, capacity=1000)
    ledger.usage(share, 0.0)
    assert ledger.outside(0.0) == 0.0


def test_a_smaller_cache_holds_new_pages_back_and_keeps_old_ones() -> None:
    ledger = Ledger(EXACT, capacity=1000)
    ledger.hold(1, promise(600, 10))
    ledger.resize(500)
    assert ledger.judge(promise(1, 1), 0.0) == "full"
    assert ledger.held == 600


def test_progress_of_the_unknown_and_steps_back_change_nothing() -> None:
    ledger = Ledger(EXACT, capacity=1000)
    ledger.advance(7, 100)
    ledger.hold(1, promise(100, 50))
    ledger.advance(1, 20)
    ledger.advance(1, 10)
    assert ledger.held == 120


def test_a_page_is_held_once() -> None:
    ledger = Ledger()
    ledger.hold(1, promise(1, 1))
    with pytest.raises(ValueError, match="already"):
        ledger.hold(1, promise(1, 1))


@pytest.mark.parametrize("wrong", [(-1, 1, 1, 1), (1, 5, 4, 9), (1, 1, 9, 8), (1, -1, 1, 1)])
def test_promises_are_ordered(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Promise(*wrong)


def test_parameters_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="reserve"):
        LedgerParams(reserve=1.0)
    with pytest.raises(ValueError, match="block"):
        Ledger(block=0)
