"""How the law `engine` answers to each signal."""

import random
from collections.abc import Callable

import pytest

from ocrgate.control.limit.engine import EngineLimit, EngineParams
from ocrgate.control.limit.fixed import FixedLimit, FixedParams
from ocrgate.control.limit.law import Change, Sample, Signals


class Drive:
    """A law whose limit is always full, in steps of a quarter of a second.

    Throughput grows with the pages in flight up to ``knee``.
    """

    def __init__(self, start: int = 10, knee: int = 10**6) -> None:
        self.law = EngineLimit(EngineParams(start=start))
        self.knee = knee
        self.now = 0.0
        self.total = 0.0
        self.reasons: list[str] = []

    def step(self, seconds: float, *, full: bool = True, **shown: float | None) -> Change:
        change = self.law.tick(self.now)
        for _ in range(round(seconds * 4)):
            self.now += 0.25
            pages = self.law.value(self.now) if full else 3
            self.law.occupied(self.now, pages)
            self.law.progress(self.now, 25.0 * min(pages, self.knee))
            self.total += shown.get("preempted") or 0.0
            self.law.signals(
                self.now,
                Signals(
                    shown.get("running", float(pages)),
                    shown.get("waiting", 0.0),
                    (shown.get("kv") or 0.3) + self.now * 1e-6,
                    self.total,
                ),
            )
            change = self.law.tick(self.now)
            self.reasons.append(change.reason)
        return change

    @property
    def limit(self) -> int:
        return self.law.value(self.now)


def calmed(start: int) -> Drive:
    """A law out of slow start, at ``start`` or a little under it, all holds over."""
    drive = Drive(start)
    drive.step(0.25)
    drive.step(0.25, preempted=1)
    drive.step(2.0, full=False)
    return drive


def test_slow_start_grows_by_half_each_second() -> None:
    drive = Drive(start=10)
    assert drive.step(4.0).reason == "slow_start"
    assert 10 * 1.5**3 <= drive.limit <= 10 * 1.5**4 + 1


def test_a_preemption_ends_slow_start_with_a_deep_cut() -> None:
    drive = Drive(start=20)
    drive.step(0.25)
    assert drive.step(0.25, preempted=1) == Change(14, "preemption")


@pytest.mark.parametrize("before", [0, 8], ids=["never a page", "once"])
def test_trouble_without_a_page_of_ours_is_somebody_elses(before: int) -> None:
    """A limit that fell to 1 would mend nothing, and be in the way of our next pages."""
    law = EngineLimit(EngineParams(start=8))
    law.occupied(0.0, before)
    law.occupied(0.1, 0)
    for number in range(12, 100):
        now = number / 4
        law.signals(now, Signals(130.0, 40.0, 0.99 + now * 1e-6, float(number)))
        law.tick(now)
    assert law.value(25.0) == 8


def test_trouble_in_the_moment_after_our_pages_is_ours() -> None:
    """A poll tells of what was before it."""
    law = EngineLimit(EngineParams(start=8))
    law.signals(0.0, Signals(8.0, 0.0, 0.5, 0.0))
    law.occupied(0.1, 8)
    law.occupied(0.9, 0)
    law.signals(1.0, Signals(0.0, 0.0, 0.0, 3.0))
    assert law.value(1.0) < 8


def test_later_a_preempted_page_costs_one_place() -> None:
    drive = calmed(30)
    drive.step(2.0)
    before = drive.limit
    assert drive.step(0.25, preempted=1) == Change(before - 1, "preemption")


def test_a_halved_cache_costs_the_half_at_once() -> None:
    drive = calmed(40)
    drive.step(2.0)
    before = drive.limit
    change = drive.step(
        0.25, preempted=before // 2, running=before / 2, waiting=before / 2, kv=0.99
    )
    assert change.limit == pytest.approx(before / 2, abs=1)


def test_preemptions_of_pages_from_before_a_cut_do_not_cut_again() -> None:
    """The engine goes on throwing out pages until those above the new limit have ended."""
    drive = calmed(40)
    drive.step(2.0)
    halved = drive.limit // 2
    drive.step(0.25, preempted=halved, running=20.0, waiting=20.0)

    def polled(seconds: float, inflight: int) -> int:
        until = drive.now + seconds
        while drive.now < until:
            drive.now += 0.25
            drive.total += 0.5
            drive.law.occupied(drive.now, inflight)
            drive.law.signals(drive.now, Signals(20.0, 0.0, 0.5 + drive.now * 1e-6, drive.total))
        return drive.limit

    cut = drive.limit
    assert polled(5.0, cut + 1) == cut
    assert polled(2.0, cut + 1) < cut, "they stay for too long: there is more to it"
    cut = drive.limit
    assert polled(2.5, 1) < cut, "no page of before is left"


def test_a_queue_in_the_engine_is_cut_off() -> None:
    """What runs is what the engine takes."""
    drive = Drive(start=60)
    assert drive.step(1.0, running=48.0, waiting=12.0).reason == "slow_start"
    assert drive.step(0.5, running=48.0, waiting=12.0) == Change(48, "waiting")


def test_a_queue_that_passes_is_none() -> None:
    """Prompts are read in chunks: now and then some wait for a moment."""
    drive = Drive(start=20)
    for _ in range(8):
        drive.step(0.75, waiting=6.0)
        drive.step(0.25)
    assert drive.limit > 60


def test_others_queue_costs_us_nothing() -> None:
    """A hundred pages wait that the gate did not send."""
    drive = Drive(start=10)
    drive.step(3.0, waiting=100.0)
    assert drive.limit > 10


def test_a_nearly_full_cache_ends_slow_start_and_later_only_growth() -> None:
    drive = Drive(start=20)
    assert drive.step(0.25, kv=0.95) == Change(17, "kv")
    drive.step(3.0, kv=0.95)
    before = drive.limit
    drive.step(10.0, kv=0.95)
    assert drive.limit == before


def test_after_a_cut_nothing_grows_for_a_while_then_it_returns_and_rests() -> None:
    drive = calmed(30)
    drive.step(3.0)
    before = drive.limit
    drive.step(0.25, preempted=1)
    drive.step(1.0)
    assert drive.limit == before - 1
    drive.step(1.5)
    assert drive.limit == before
    drive.step(2.0)
    assert drive.limit == before
    drive.step(6.0)
    assert drive.limit > before


def test_growth_that_brings_nothing_ends() -> None:
    """An engine that shows no trouble, but does no more with thirty pages than with twenty."""
    drive = Drive(start=8, knee=20)
    drive.step(20.0)
    assert "no_gain" in drive.reasons
    assert drive.limit < 30


def test_an_unused_limit_does_not_grow() -> None:
    drive = Drive(start=10)
    assert drive.step(5.0, full=False).reason == "app_limited"
    assert drive.limit == 10


def test_a_limit_is_never_far_over_what_is_in_flight() -> None:
    drive = Drive(start=10)
    drive.step(8.0)
    grown = drive.limit
    drive.step(120.0, full=False)
    assert drive.limit < min(grown, 5 * grown * 0.98**100)


def test_missed_polls_are_waited_for_then_lower_the_limit_to_what_was_safe() -> None:
    drive = calmed(30)
    drive.step(6.0)
    safe = drive.limit
    law, now = drive.law, drive.now
    said = [law.signals(now + i, None) for i in range(1, 60)]
    assert [each.reason for each in said[:4]] == ["stale"] * 3 + ["decay"]
    assert said[2].limit == safe
    assert said[-1].limit >= safe - 1


def test_an_engine_that_is_never_polled_keeps_its_start() -> None:
    law = EngineLimit(EngineParams(start=12))
    for i in range(400):
        law.occupied(i / 4, 12)
        law.progress(i / 4, 100.0)
        law.tick(i / 4)
    assert law.value(100.0) == 12


def test_refusals_by_the_engine_cut_once_for_all_that_were_sent_together() -> None:
    drive = calmed(30)
    drive.step(3.0)
    before = drive.limit
    said = [drive.law.sample(drive.now, Sample(0.1, 0.0, dropped=True)) for _ in range(20)]
    assert {each.reason for each in said} == {"drop"}
    assert drive.limit == round(0.9 * before)


def test_a_queue_that_cuts_do_not_shorten_is_not_believed() -> None:
    """Thirty pages always seem to wait, and less is done with each cut."""
    drive = calmed(40)
    drive.step(20.0, running=None, waiting=30.0)
    assert "no_harm" in drive.reasons
    assert drive.limit >= 26  # as before the cuts


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 0},
        {"growth": 1.0},
        {"backoff": 1.0},
        {"kv": 1.5},
        {"headroom": 0.5},
        {"hold": -1.0},
    ],
)
def test_parameters_out_of_range_are_named(wrong: dict[str, float]) -> None:
    name = "seconds" if "hold" in wrong else next(iter(wrong))
    with pytest.raises(ValueError, match=name):
        EngineParams(**wrong)  # type: ignore[arg-type]


def test_the_fixed_law_is_a_number_of_at_least_one() -> None:
    assert FixedLimit().value(0.0) == 16
    with pytest.raises(ValueError, match="at least 1"):
        FixedParams(0)


def test_pages_that_stand_before_the_engines_queue_are_cut_off_and_as_many_as_half_its_batch() -> (
    None
):
    """Its one thread for pictures keeps 20 of them running, whatever is sent."""
    drive = Drive(start=20, knee=20)
    drive.step(6.0, running=20.0)
    assert "preparing" in drive.reasons
    assert drive.limit <= 35
    assert drive.step(10.0, running=20.0).limit <= 33


def test_pages_on_a_long_way_to_the_engine_are_no_queue() -> None:
    """Half of them are always on the way; more of them bring more."""
    drive = Drive(start=8)
    for _ in range(6):
        drive.step(1.0, running=max(1.0, 0.3 * drive.limit))
    assert "preparing" not in drive.reasons
    assert drive.limit > 60


def stepwise(pages: int) -> float:
    """Work a second of an engine that is at its best with up to thirty pages at once."""
    return 25.0 * pages if pages <= 30 else 10.0 * min(pages, 60)


def driven(
    law: EngineLimit, seconds: float, engine: Callable[[int], float] = stepwise
) -> list[tuple[float, int]]:
    """A full limit before that engine, which never complains."""
    seen = []
    for step in range(round(seconds * 4)):
        now = step / 4
        pages = law.value(now)
        law.occupied(now, pages)
        law.progress(now, engine(pages) / 4)
        law.signals(now, Signals(float(pages), 0.0, 0.05 + now * 1e-6, 0.0))
        law.tick(now)
        seen.append((now, pages))
    return seen


def test_behind_a_step_the_better_point_before_it_is_found_again_and_kept() -> None:
    """Slow start runs past it, since what many pages bring takes time to be seen."""
    law = EngineLimit(EngineParams(start=8))
    seen = driven(law, 90.0)
    assert max(pages for _, pages in seen) > 33
    lately = [pages for now, pages in seen if now > 40]
    assert sum(24 <= pages <= 30 for pages in lately) > 0.8 * len(lately)


def test_after_a_trial_that_was_kept_growth_is_no_slow_start_any_more() -> None:
    """Where the ledger keeps pages out, nobody has complained by then; growth would leap past the
    better point, as it did at first.
    """
    law, reasons = EngineLimit(EngineParams(start=8)), []
    for step in range(4 * 120):
        now = step / 4
        pages = min(45, law.value(now))
        law.occupied(now, pages)
        law.progress(now, stepwise(pages) / 4)
        law.signals(now, Signals(float(pages), 0.0, 0.05 + now * 1e-6, 0.0))
        reasons.append(law.tick(now).reason)
    assert law.value(120.0) <= 30
    assert "slow_start" in reasons[:40]
    assert "slow_start" not in reasons[40:]


def test_a_trial_ends_where_signals_end() -> None:
    law = EngineLimit(EngineParams(start=8))
    seen = driven(law, 90.0)
    found = next(now for now, pages in seen if now > 8 and pages < 30)
    law = EngineLimit(EngineParams(start=8))
    driven(law, found + 0.5)
    assert law.value(found + 0.5) < 30
    later = [law.signals(found + 0.5 + i, None).limit for i in range(20)]
    assert max(later) < 30


def trap(pages: int) -> float:
    """Work a second: a plateau from ten pages on, beyond which much more is to be had."""
    return 25.0 * pages if pages <= 10 else max(250.0, 5.0 * min(pages, 120))


def test_a_step_that_keeps_growth_below_it_is_passed_by_trying_many_more() -> None:
    law = EngineLimit(EngineParams(start=8))
    seen = driven(law, 240.0, trap)
    assert [pages for now, pages in seen if 10 < now < 15] == [
        pytest.approx(9, abs=3) for _ in range(19)
    ]
    assert seen[-1][1] >= 50


def raised() -> tuple[EngineLimit, float, int]:
    """A law on a plateau that has just begun to try more; when, and the limit before."""
    probe = driven(EngineLimit(EngineParams(start=8)), 240.0, trap)
    before = next(i for i, (now, pages) in enumerate(probe) if now > 20 and pages > 16) - 1
    law = EngineLimit(EngineParams(start=8))
    driven(law, probe[before + 4][0], trap)
    assert law.value(0.0) > 16
    return law, probe[before + 4][0], probe[before][1]


def test_trying_more_ends_with_the_first_preemption_at_less_than_what_was() -> None:
    law, now, before = raised()
    law.signals(now, Signals(16.0, 0.0, 0.5, 3.0))
    assert law.value(now) < before


def test_trying_more_ends_at_once_where_the_engine_takes_no_more_into_its_batch() -> None:
    """What stands in its queue would wait there for long, and nobody be read sooner."""
    law, now, before = raised()
    since = now
    while law.value(now) > before:
        now += 0.25
        pages = law.value(now)
        law.occupied(now, pages)
        law.progress(now, trap(before) / 4)
        law.signals(now, Signals(float(before), float(pages - before), 0.05 + now * 1e-6, 0.0))
        law.tick(now)
    assert now - since <= 2.0


def test_chance_where_the_limit_hardly_moves_is_no_reason_to_cut() -> None:
    """Half an hour of pages that come and go, as many as the ledger has room for; each brings its
    share, and the work of half a second is off by a fifth.
    """
    chance = random.Random(7)
    law = EngineLimit(EngineParams(start=27))
    least = 27
    for step in range(4 * 1800):
        now = step / 4
        pages = min(law.value(now), 23 + chance.randint(-1, 1))
        law.occupied(now, pages)
        law.progress(now, 25.0 * pages / 4 * chance.gauss(1.0, 0.2))
        law.signals(now, Signals(float(pages), 0.0, 0.83 + now * 1e-7, 0.0))
        law.tick(now)
        least = min(least, law.value(now))
    assert least == 27


def test_trying_more_ends_where_the_engine_is_gone() -> None:
    law, now, before = raised()
    law.signals(now, None)
    assert law.value(now) <= before
