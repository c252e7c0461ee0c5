"""How much speed counts where pages come too late, and what follows for the laws."""

import math
import random

import pytest

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.goodput import Goodput
from ocrgate.control.limit.lateness import Lateness, LatenessParams
from ocrgate.control.limit.law import Sample, Signals
from ocrgate.control.limit.trials import Trials


def seen(timely: int, late: int, seconds: float = 4.0) -> Lateness:
    """So many pages in time, of so many seconds each, and late ones after ten, at second 1."""
    lateness = Lateness()
    for _ in range(timely):
        lateness.add(1.0, seconds, late=False)
    for _ in range(late):
        lateness.add(1.0, 10.0, late=True)
    return lateness


@pytest.mark.parametrize("count", [0, 1, 100])
def test_where_nobody_is_late_work_counts(count: int) -> None:
    """And there is nothing to be waited for."""
    lateness = seen(count, 0)
    assert (lateness.urgency(1.0), lateness.period(1.0)) == (1.0, 0.0)


def test_one_late_page_of_few_says_nothing() -> None:
    """A page whose model repeats itself is late however fast the others are."""
    assert seen(15, 1).urgency(1.0) == 1.0


def test_the_more_are_late_the_more_speed_counts() -> None:
    """Up to the spread, where hardly any is in time."""
    found = [seen(100 - late, late).urgency(1.0) for late in (0, 20, 40, 60, 80, 100)]
    assert found[1:] == sorted(found[1:])
    assert found[0] < found[2] < found[4] < found[5] < LatenessParams().spread + 0.1


def test_what_is_long_past_is_forgotten() -> None:
    """After ten seconds, or twice the time of a page if that is longer."""
    lateness = seen(10, 30)
    assert lateness.period(10.0) > 4.0
    assert lateness.urgency(40.0) == 1.0
    lateness = seen(10, 30)
    lateness.forget()
    assert lateness.urgency(1.0) == 1.0


@pytest.mark.parametrize("power", [0.0, 0.3, 0.6])
def test_the_urgency_predicts_pages_in_time(power: float) -> None:
    """Places that read log-normal pages, step time by a power of them: the slope of pages in
    time is about what the formula says, with one late of fifteen to four of five.
    """
    chance = random.Random(7)
    lengths = [math.exp(chance.gauss(0.0, 0.8)) for _ in range(20_000)]

    def useful(places: float) -> tuple[float, Lateness]:
        lateness = Lateness(LatenessParams(doubt=0.0))
        step, whole, timely = places ** (1 - power), 0.0, 0
        for length in lengths:
            took = min(step * length, 10.0)
            whole, timely = whole + took, timely + (took < 10.0)
            lateness.add(0.0, took, late=took >= 10.0)
        return places * timely / whole, lateness

    for places in (3.0, 6.0, 10.0, 20.0):
        (less, _), (_, lateness), (more, _) = map(useful, (places / 1.05, places, places * 1.05))
        slope = math.log(more / less) / math.log(1.05**2)
        said = 1 - lateness.urgency(0.0) * (1 - power)
        assert abs(said - slope) < 0.35


def steady(goodput: Goodput, begin: float, pages: int, work: float, seconds: float) -> float:
    """So much is done with so many pages; the instant after it."""
    now = begin
    while now < begin + seconds:
        goodput.occupied(now, pages)
        goodput.progress(now + 0.25, work / 2)
        now += 0.5
    goodput.occupied(now, pages)
    return now


def test_fewer_pages_that_bring_less_work_are_tried_where_most_come_too_late() -> None:
    """And are kept, as each is read faster; not where all are in time."""
    kept: list[bool] = []
    for lateness in (Lateness(), Lateness()):
        goodput, trials = Goodput(), Trials(lateness=lateness)
        steady(goodput, 0.0, 20, 900.0, 8.0)
        now = steady(goodput, 8.0, 40, 1000.0, 10.0)
        if kept:
            for _ in range(40):
                lateness.add(now, 10.0, late=True)
        tried = trials.fewer(now, 40.0, goodput, flat=True)
        if tried is None:
            kept.append(False)
            continue
        verdict = None
        for _ in range(40):
            now = steady(goodput, now, 20, 900.0, 0.5)
            verdict = trials.judge(now, 20, goodput)
            if verdict is not None:
                break
        kept.append(verdict is not None and verdict.kept)
    assert kept == [False, True]


def test_after_a_trial_of_more_the_next_waits_ten_page_times_where_pages_are_late() -> None:
    """A trial of more makes all later still for as long as a page takes."""
    begins: list[float] = []
    for lateness in (Lateness(), Lateness(LatenessParams(seconds=1e4))):
        goodput, trials = Goodput(), Trials(lateness=lateness)
        if begins:
            for _ in range(40):
                lateness.add(0.0, 10.0, late=True)
        now = 0.0
        while now < 200.0 and trials.more(now, 20.0, 100.0, goodput) is None:
            now = steady(goodput, now, 20, 1000.0, 0.5)
        begins.append(now)
    assert begins[0] == pytest.approx(20.0, abs=2.0)
    assert begins[1] == pytest.approx(100.0, abs=2.0)


def probed(*, late: bool) -> int:
    """The limit after 20 s before an engine that takes 6 s for a page, cut once at the start."""
    law = EngineLimit(EngineParams(start=20))
    now = 0.0
    for step in range(4 * 20):
        now = step / 4
        pages = law.value(now)
        law.occupied(now, pages)
        law.progress(now, 25.0 * pages)
        law.signals(now, Signals(float(pages), 0.0, 0.3 + now * 1e-6, float(step >= 2)))
        law.sample(now, Sample(6.0, 100.0, late=late))
        law.tick(now)
    return law.value(now)


def test_a_probe_is_slower_where_pages_come_too_late() -> None:
    """It doubles its steps after the time of a page, as no harm is felt before."""
    assert probed(late=True) < 0.75 * probed(late=False)


def test_a_page_whose_time_was_up_neither_cuts_nor_drops() -> None:
    """It is a fact to weigh, and no complaint of the engine."""
    law = EngineLimit()
    before = law.value(0.0)
    for number in range(50):
        law.sample(0.1 * number, Sample(10.0, 1.0, late=True))
    assert law.value(5.0) == before
