"""Trials of a lower limit."""

import itertools
import random
from collections.abc import Callable

import pytest

from ocrgate.control.limit.goodput import Goodput
from ocrgate.control.limit.trials import TrialParams, Trials

Engine = Callable[[float, int], float]
"""Work a second, at an instant, with so many pages in flight."""


def watched(engine: Engine, trials: Trials, limit: int, seconds: float) -> list[int]:
    """Pages in flight: a ramp from 8 to ``limit`` in ten seconds, then what the trials say."""
    goodput, pages, seen = Goodput(), 8.0, []
    for step in range(round(seconds * 2)):
        now = step / 2
        if now < 10:
            pages = 8 + (limit - 8) * now / 10
        elif trials.under_way:
            verdict = trials.judge(now, round(pages), goodput)
            pages = pages if verdict is None else verdict.limit
        else:
            pages = trials.fewer(now, pages, goodput, flat=True) or pages
        goodput.occupied(now, round(pages))
        goodput.progress(now + 0.25, engine(now, round(pages)) / 2)
        seen.append(round(pages))
    return seen


def hump(now: float, pages: int) -> float:
    return 1000.0 - 10 * abs(pages - 30)


def test_what_brings_more_beyond_any_doubt_is_kept_at_once() -> None:
    seen = watched(hump, Trials(), 80, 60)
    assert seen[-1] <= 40
    first = next(i for i, pages in enumerate(seen) if i > 20 and pages <= 40)
    assert max(seen[first:]) <= 40


def test_what_brings_a_little_more_is_compared_once_more_with_what_was() -> None:
    noise = random.Random(3)

    def engine(now: float, pages: int) -> float:
        return (1000.0 if pages > 40 else 1060.0) * (1 + 0.04 * noise.uniform(-1, 1))

    seen = watched(engine, Trials(TrialParams(hint=0.5)), 80, 60)
    stages = [seen[i] for i in range(20, len(seen)) if seen[i] != seen[i - 1]]
    assert stages[0] <= 40
    assert stages[1] == 76  # where the ramp ended
    assert stages[2] == stages[0]


@pytest.mark.parametrize("seed", range(5))
def test_an_engine_that_gets_faster_by_itself_is_not_taken_for_a_better_limit(seed: int) -> None:
    """It wanders by a third in half a minute, and less is done with fewer pages."""
    noise = random.Random(seed)

    def engine(now: float, pages: int) -> float:
        wave = 1 + 0.3 * ((now / 15) % 2 - 1 if (now / 30) % 2 < 1 else 1 - (now / 15) % 2)
        return 10.0 * min(pages, 80) * wave * (1 + 0.1 * noise.uniform(-1, 1))

    seen = watched(engine, Trials(TrialParams(hint=0.3)), 80, 240)
    assert sum(pages > 60 for pages in seen[80:]) > 0.7 * len(seen[80:])


def test_far_fewer_pages_that_brought_far_more_are_tried_whoever_keeps_more_out() -> None:
    trials, goodput = Trials(), Goodput()

    def filled(pages: int, since: float, seconds: float, work: float) -> None:
        for step in range(round(seconds * 2)):
            goodput.occupied(since + step / 2, pages)
            goodput.progress(since + step / 2 + 0.25, work / 2)

    filled(8, 0.0, 8.0, 150.0)
    filled(14, 8.0, 3.0, 60.0)
    assert trials.far_better(11.0, 18.0, 14, goodput) is None, "it is seen for too short a time"
    filled(14, 11.0, 8.0, 60.0)
    assert trials.far_better(19.0, 18.0, 9, goodput) is None, "as few are there already"
    assert trials.far_better(19.0, 18.0, 14, goodput) == pytest.approx(8, abs=0.5)
    assert trials.under_way


def test_what_a_ramp_passes_is_not_far_better_than_what_was_before_it() -> None:
    """The last seconds say less than the present pages bring, since fewer were there."""
    trials, goodput = Trials(), Goodput()
    for step in range(60):
        now = step / 4
        pages = round(8 * 1.2**now)
        goodput.occupied(now, pages)
        goodput.progress(now + 0.1, 25.0 * pages / 4)
        assert trials.far_better(now, 1000.0, pages, goodput) is None


def test_trials_that_fail_become_rare() -> None:
    def engine(now: float, pages: int) -> float:
        del now
        return 10.0 * min(pages, 78)

    seen = watched(engine, Trials(TrialParams(hint=0.5)), 80, 1200)
    begun = [i / 2 for i in range(20, len(seen)) if seen[i] < 70 <= seen[i - 1]]
    assert 2 <= len(begun) <= 8
    assert all(after - before >= 30 for before, after in itertools.pairwise(begun))


def test_pages_that_do_not_leave_end_a_trial() -> None:
    trials, goodput = Trials(), Goodput()
    for step in range(40):
        goodput.occupied(step / 2, 20 + 2 * step)
        goodput.progress(step / 2 + 0.25, 500.0)
    lower = trials.fewer(20.0, 98.0, goodput, flat=True)
    assert lower is not None
    verdicts = [trials.judge(20 + i / 2, 98, goodput) for i in range(125)]
    ended = [each for each in verdicts if each is not None]
    assert [(each.limit, each.over, each.kept) for each in ended] == [(98.0, True, False)]


def test_where_throughput_still_grows_nothing_is_tried() -> None:
    trials, goodput = Trials(), Goodput()
    for step in range(40):
        goodput.occupied(step / 2, 20 + 2 * step)
        goodput.progress(step / 2 + 0.25, 10.0 * (20 + 2 * step))
    assert trials.fewer(20.0, 98.0, goodput, flat=True) is None


@pytest.mark.parametrize(
    ("limit", "there", "few", "brings"),
    [(30.0, 18, 9, (140.0, 45.0)), (13.0, 11, 6, (140.0, 110.0))],
    ids=["far fewer bring far more", "a plateau"],
)
def test_a_limit_that_cannot_be_filled_is_not_waited_for_after_a_trial(
    limit: float, there: int, few: int, brings: tuple[float, float]
) -> None:
    """The engine or the ledger keeps pages out: the comparison begins once so many are there again
    as were before.
    """
    goodput, trials = Goodput(), Trials(TrialParams(certain=1e9))
    now = 0.0

    def spend(pages: int, seconds: float) -> None:
        nonlocal now
        for _ in range(round(2 * seconds)):
            goodput.occupied(now, pages)
            goodput.progress(now + 0.25, brings[pages == there] / 2)
            now += 0.5

    spend(few, 6.0)
    spend(there, 10.0)
    lower = trials.far_better(now, limit, there, goodput)
    if lower is None:
        lower = trials.fewer(now, limit, goodput, flat=True)
    assert lower == pytest.approx(few, abs=1)
    while (verdict := trials.judge(now, few, goodput)) is None:
        spend(few, 0.5)
    assert (verdict.limit, verdict.over) == (limit, False)
    began = now
    while (verdict := trials.judge(now, there, goodput)) is None:
        spend(there, 0.5)
    assert verdict.kept
    assert now - began < 10.0
