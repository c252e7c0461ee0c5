"""How the law `latency` reads the answers."""

from ocrgate.control.limit.engine import EngineParams
from ocrgate.control.limit.latency import LatencyLimit, LatencyParams
from ocrgate.control.limit.law import Change, Sample, Signals


def full(law: LatencyLimit, since: float, seconds: float, silent: float = 0.0) -> Change:
    """The limit is full; a part ``silent`` of the pages streams nothing, the others 25 tokens/s."""
    change = law.tick(since)
    for step in range(1, round(seconds * 4) + 1):
        now = since + step / 4
        pages = law.value(now)
        started = pages - round(silent * pages)
        law.occupied(now, pages, started)
        law.progress(now, started * 25.0)
        change = law.tick(now)
    return change


def limit(start: int) -> LatencyLimit:
    return LatencyLimit(LatencyParams(climb=EngineParams(start=start, standing=0.5)))


def test_while_every_page_streams_it_grows() -> None:
    assert full(limit(8), 0.0, 3.0).reason == "slow_start"
    law = limit(8)
    full(law, 0.0, 4.0)
    assert law.value(4.0) > 16


def test_pages_that_stay_silent_are_a_queue() -> None:
    law = limit(40)
    change = full(law, 0.0, 1.0, silent=0.4)
    assert change.reason == "waiting"
    assert change.limit <= 36  # of the 48 that slow start had come to, 29 stream


def test_a_few_pages_whose_prompts_are_read_are_none() -> None:
    law = limit(40)
    assert full(law, 0.0, 2.0, silent=0.04).limit > 40


def test_pages_much_slower_than_the_mean_lower_the_limit() -> None:
    law = limit(16)
    law.occupied(0.0, 16)
    for i in range(100):
        law.sample(i * 0.5, Sample(2.0, 200.0))
    before = law.value(50.0)
    said = [law.sample(50.0 + i * 0.5, Sample(9.0, 200.0)) for i in range(12)]
    assert "latency" in {each.reason for each in said}
    assert law.value(56.0) < before


def test_slowness_that_our_own_growth_explains_does_not() -> None:
    """Three times as many pages at once, each a little more than one and a half times as slow."""
    law = limit(48)
    law.occupied(0.0, 16)
    for i in range(100):
        law.sample(i * 0.5, Sample(2.0, 200.0))
    law.occupied(50.0, 48)
    said = [law.sample(50.0 + i * 0.5, Sample(3.4, 200.0)) for i in range(12)]
    assert "latency" not in {each.reason for each in said}


def test_a_refusal_lowers_it_at_once() -> None:
    law = limit(20)
    law.occupied(0.0, 20)
    assert law.sample(0.1, Sample(0.0, 0.0, dropped=True)) == Change(14, "drop")


def test_engine_signals_are_not_listened_to() -> None:
    law = limit(20)
    law.occupied(0.0, 20)
    assert law.signals(0.1, Signals(1.0, 19.0, 1.0, 50.0)).limit == 20
