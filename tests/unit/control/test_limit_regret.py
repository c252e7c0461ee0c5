"""Cuts that mend nothing are taken back."""

import pytest

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.goodput import Goodput
from ocrgate.control.limit.law import Signals
from ocrgate.control.limit.regret import LONGEST, Regret

ROOM = 15  # pages that the cache holds, where it is what is too small


def before_an_engine(
    seconds: float, *, others: float, small: bool = False, start: int = 40
) -> list[tuple[float, int]]:
    """A full limit before an engine on which others throw out so many pages a second, and of whose
    cache pages beyond what it has room for are thrown out too, four times a second.
    """
    law, total, seen = EngineLimit(EngineParams(start=start)), 0.0, []
    for step in range(round(seconds * 4)):
        now = step / 4
        pages = law.value(now)
        fit = min(pages, ROOM) if small else pages
        total += others / 4 + (pages - fit)
        law.occupied(now, pages)
        law.progress(now, (25.0 * fit - 10.0 * (pages - fit)) / 4)
        law.signals(now, Signals(float(fit), 0.0, 0.5 + now * 1e-6, total))
        law.tick(now)
        seen.append((now, pages))
    return seen


def test_what_others_throw_out_does_not_end_our_work() -> None:
    """Half of the places are given up for them at most, again and again more seldom."""
    seen = before_an_engine(300.0, others=10.0)
    assert min(pages for _, pages in seen) >= 14
    lately = [pages for now, pages in seen if now > 150]
    assert sum(lately) / len(lately) > 30


def test_a_cache_that_is_too_small_is_believed_to_be() -> None:
    """With the pages that do not fit gone, nothing is thrown out any more."""
    seen = before_an_engine(120.0, others=0.0, small=True)
    lately = [pages for now, pages in seen if now > 20]
    assert sum(pages > ROOM + 2 for pages in lately) <= 0.01 * len(lately), "a trial of more ends"
    assert sum(lately) / len(lately) >= ROOM - 3


def working(
    rate: float, seconds: float, since: float = 0.0, goodput: Goodput | None = None
) -> Goodput:
    """Throughput as it was watched."""
    goodput = goodput or Goodput()
    for step in range(round(seconds * 4)):
        goodput.occupied(since + step / 4, 20)
        goodput.progress(since + step / 4, rate / 4)
    return goodput


def regretted(*, lost: float = 3.0, limit: float = 20.0, rate: float = 50.0) -> float | None:
    """What is taken back 5 s after a cut from 40 places, at which 12 pages in 3 s were lost."""
    regret, goodput = Regret(30.0), working(100.0, 10.0)
    for step in range(4):
        regret.note_lost(9.0 + step / 4, 3.0)
    regret.cut(10.0, "preemption", 40.0, goodput, 0.0)
    goodput = working(rate, 5.0, 10.0, goodput)
    for step in range(4):
        regret.note_lost(14.0 + step / 4, lost)
    return regret.undone(15.0, "preemption", limit, 20, goodput, 0.0)


def test_it_takes_half_the_places_as_much_trouble_and_less_work() -> None:
    assert regretted() == 40.0
    assert regretted(lost=1.0) is None, "fewer are thrown out"
    assert regretted(limit=25.0) is None, "too little was tried"
    assert regretted(rate=99.0) is None, "nothing is lost by it"


def test_each_time_it_is_disbelieved_for_longer_until_another_engine_comes() -> None:
    regret, now, waited = Regret(30.0), 10.0, []
    for _ in range(7):
        goodput = working(100.0, 10.0, now - 10.0)
        regret.cut(now, "waiting", 40.0, goodput, 8.0)
        working(10.0, 5.0, now, goodput)
        assert regret.undone(now + 5.0, "waiting", 20.0, 20, goodput, 8.0) == 40.0
        until = next(s for s in range(1, 1000) if regret.believes(now + 5.0 + s, "waiting"))
        assert regret.believes(now + 5.0, "preemption"), "the other complaint is another matter"
        waited.append(until)
        now += 1000.0
    assert waited == [30, 60, 120, 240, 480, 480, 480]
    assert waited[-1] == pytest.approx(LONGEST)
    regret.forget()
    assert regret.believes(now, "waiting")


def test_cuts_long_apart_are_not_one_series() -> None:
    """What was before the first of them has nothing to do with now."""
    regret, goodput = Regret(30.0), working(100.0, 10.0)
    regret.note_lost(10.0, 5.0)
    regret.cut(10.0, "preemption", 400.0, goodput, 0.0)
    goodput = working(50.0, 10.0, 990.0, goodput)
    regret.note_lost(1000.0, 5.0)
    regret.cut(1000.0, "preemption", 40.0, goodput, 0.0)
    working(20.0, 5.0, 1000.0, goodput)
    regret.note_lost(1005.0, 5.0)
    assert regret.undone(1005.0, "preemption", 20.0, 20, goodput, 0.0) == 40.0
