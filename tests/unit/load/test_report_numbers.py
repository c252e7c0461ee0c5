"""Figures of a record: by load, with how sure they are, and what changed between two."""

import msgspec
import pytest
from tests.load_records import Server, a_run, sweep

from ocrgate.load import slo
from ocrgate.load.journal import Journal
from ocrgate.load.record import Point, Record, Run, Sample, Step, Target
from ocrgate.load.report import meters
from ocrgate.load.report.blocks import resample
from ocrgate.load.report.comparison import Change, compare, threshold
from ocrgate.load.report.digest import Digest, StepDigest, digest
from ocrgate.load.report.plots.figure import quantile_points
from ocrgate.load.report.plots.surface import Window, ribbon, windows


@pytest.fixture(scope="module")
def record() -> Record:
    return sweep()


def test_figures_of_a_step_are_those_of_its_samples(record: Record) -> None:
    """Nothing is counted twice and the warm-up not at all."""
    found = digest(record)
    step = found.steps[2]
    rows = record.of(step.step)
    answered = [sample for sample in rows if sample.outcome == "ok"]
    assert step.total == len(rows)
    assert step.latency is not None
    assert step.latency.largest == max(sample.latency for sample in answered)
    assert step.throughput == slo.throughput(step.step)
    assert step.in_flight == 16
    assert step.tokens == pytest.approx(step.throughput * 225, rel=0.1)


def test_steps_stand_by_rising_load() -> None:
    """However the sweep went through them."""
    found = digest(sweep((32, 4, 16), seconds=10))
    assert [each.load for each in found.steps] == [4, 16, 32]


def test_the_knee_is_where_more_load_gets_nothing_more(record: Record) -> None:
    """24 slots: 16 at once is too little, 64 is no better than 32."""
    found = digest(record)
    assert found.knee is not None
    assert found.knee.load == 32
    assert not found.knee_is_last
    assert found.best_held is found.knee
    below = digest(sweep((2, 4, 8), seconds=10))
    assert below.knee_is_last


def test_a_sharp_peak_is_a_knee() -> None:
    """A server that is best at one load and falls apart beyond is not praised for less."""
    base = sweep((4, 16, 64), seconds=10, promise={})
    steps = []
    for step, answers in zip(base.steps, (2, 9, 4), strict=True):
        line = dict.fromkeys(range(int(step.begins), int(step.ends) + 1), answers)
        tally = msgspec.structs.replace(step.tally, seconds={"done:ok": line})
        steps.append(msgspec.structs.replace(step, tally=tally))
    found = digest(msgspec.structs.replace(base, steps=steps))
    assert [each.goodput for each in found.steps] == pytest.approx([2, 9, 4], rel=0.05)
    assert found.knee is not None
    assert found.knee.load == 16


def test_one_load_has_no_knee() -> None:
    """A point is no curve, nor are loads held in two ways."""
    assert digest(sweep((8,), seconds=10)).knee is None


def test_waits_before_sending_are_seen() -> None:
    """A client that is late counts from when requests were due, and the difference is told."""
    journal = Journal(None, a_run())
    step = journal.begin(Step(index=0, loop="open", rate=10.0, begins=0.0, ends=10.0))
    for number in range(100):
        due = number / 10
        late = Sample(number=number, step=0, intended=due, sent=due + 2, done=due + 2.1)
        journal.add(late)
    journal.end(step)
    each = digest(journal.close()).steps[0]
    assert each.waits_hidden
    assert each.latency is not None
    assert each.latency.p99 == pytest.approx(2.1)
    assert each.as_sent == pytest.approx(0.1)


def test_intervals_cover_what_they_promise() -> None:
    """Of twenty runs of one server, nearly all intervals of the median hold the true median."""
    truth = digest(sweep((16,), seconds=4000, seed=999)).steps[0].latency
    assert truth is not None
    held = 0
    for seed in range(20):
        found = resample(digest(sweep((16,), seconds=60, seed=seed)).steps[0])
        assert found is not None
        low, high = found.interval("p50") or (0.0, 0.0)
        held += low <= truth.p50 <= high
    assert held >= 17


def test_no_interval_of_a_slow_tail_is_made_of_one_bad_moment() -> None:
    """Near its limit a server's slowest answers are all of one long queue, or of none.

    Two of three intervals of the p99 were wrong when their draws were of what was seen alone.
    """
    nearly_full = Server(slots=4, backlog=10_000, page=0.1, slowdown=0.0)
    truth = digest(sweep((34,), loop="open", seconds=3000, server=nearly_full, seed=999)).steps[0]
    assert truth.latency is not None
    wrong = 0
    for seed in range(20):
        run = sweep((34,), loop="open", seconds=30, server=nearly_full, seed=seed)
        found = resample(digest(run).steps[0])
        assert found is not None
        for name, value in (("p95", truth.latency.p95), ("p99", truth.latency.p99)):
            if (bounds := found.interval(name)) is not None:
                wrong += not bounds[0] <= value <= bounds[1]
    assert wrong <= 2


def test_a_tail_that_is_not_of_one_moment_has_its_interval() -> None:
    """Callers who wait never make a long queue: two minutes of eight of them tell of the p99."""
    server = Server(slots=4, backlog=10_000, page=0.1, slowdown=0.0)
    truth = digest(sweep((8,), seconds=3000, server=server, seed=999)).steps[0].latency
    assert truth is not None
    held = 0
    for seed in range(10):
        found = resample(digest(sweep((8,), seconds=120, server=server, seed=seed)).steps[0])
        assert found is not None
        low, high = found.interval("p99") or (0.0, 0.0)
        held += low <= truth.p99 <= high
    assert held >= 8


def test_intervals_are_repeatable(record: Record) -> None:
    """The same record says the same, on every machine and every time."""
    first, second = (resample(digest(record).steps[2]) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.interval("p95") == second.interval("p95")


def test_too_little_gives_no_interval() -> None:
    """Ten requests, or a p99 with five slow pages behind it, are no ground for an interval."""
    assert resample(digest(sweep((1,), seconds=8)).steps[0]) is None
    found = resample(digest(sweep((8,), seconds=30)).steps[0])
    assert found is not None
    assert found.interval("p50") is not None
    assert found.interval("p99") is None


def test_a_faster_server_is_found() -> None:
    """A tenth less per page is beyond the noise of a minute, and in the right direction."""
    before, after = (
        sweep((16, 64), seconds=60),
        sweep((16, 64), seconds=60, server=Server(page=0.7), seed=2),
    )
    (found,) = compare(digest(before), [("after", digest(after))])
    verdicts = {(c.load.load, c.measure): c.verdict for c in found.changed}
    assert verdicts[16, "p50"] == "better"
    assert verdicts[64, "throughput"] == "better"
    assert "worse" not in verdicts.values()
    (back,) = compare(digest(after), [("before", digest(before))])
    assert {c.measure for c in back.changed} == {c.measure for c in found.changed}
    assert {c.verdict for c in back.changed} == {"worse"}


def test_noise_is_not_called_a_change() -> None:
    """The same server twice, five times over: at most one pair differs."""
    pairs = 0
    for seed in range(5):
        one, two = (sweep((8, 32), seconds=45, seed=seed + shift) for shift in (100, 500))
        (found,) = compare(digest(one), [("again", digest(two))])
        pairs += bool(found.changed)
    assert pairs <= 1


def test_a_queue_that_stays_long_is_no_change() -> None:
    """Near its limit a server remembers for longer than any block, and is still the same."""
    nearly_full = Server(slots=4, backlog=10_000, page=0.1, slowdown=0.0)
    pairs = 0
    for seed in range(12):
        one, two = (
            sweep((36,), loop="open", seconds=30, server=nearly_full, seed=seed + shift, promise={})
            for shift in (100, 500)
        )
        (found,) = compare(digest(one), [("again", digest(two))])
        pairs += bool(found.changed)
    assert pairs <= 2


def test_a_run_shorter_than_a_server_s_memory_says_so() -> None:
    """A queue that only grows is one long event: there is no interval to be had from it."""
    journal = Journal(None, a_run({}))
    step = journal.begin(Step(index=0, loop="open", rate=20.0, begins=0.0, ends=30.0))
    for number in range(600):
        due = number / 20
        journal.add(Sample(number=number, step=0, intended=due, sent=due, done=2 * due + 0.1))
    journal.end(step)
    found = resample(digest(journal.close()).steps[0])
    assert found is not None
    assert found.interval("p50") is None
    assert found.interval("throughput") is not None


def test_loads_without_a_partner_are_named() -> None:
    """What one run did not hold cannot be compared, and is not passed over."""
    (found,) = compare(
        digest(sweep((4, 8), seconds=10)), [("other", digest(sweep((8, 16), seconds=10)))]
    )
    assert {change.load.load for change in found.changes} == {8}
    assert [each.load for each in found.alone] == [16]


def test_many_questions_find_no_answer_by_chance() -> None:
    """Benjamini and Hochberg's own example: of fifteen, four are discoveries."""
    chances = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    chances += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert threshold(chances) == 0.0095
    assert threshold([0.9, 0.8]) < 0
    assert threshold([]) < 0


def test_counters_survive_a_restart() -> None:
    """What a counter had before it fell to nothing is not lost, and the fall is no progress."""
    values = [5.0, 9.0, 2.0, 4.0]
    found = meters.lines([Point(float(at), "preemptions", v) for at, v in enumerate(values)])
    assert meters.grown(found, "preemptions") == 4 + 2 + 2
    assert meters.restarts(found) == 1
    assert meters.grown(found, "kv_usage") is None


def test_windows_of_a_step_add_up(record: Record) -> None:
    """The surface's windows hold every answer of the measured seconds."""
    step = digest(record).steps[-1]
    found = windows(step)
    width = step.step.seconds / len(found)
    answered = sum(round(window.throughput * width) for window in found)
    assert answered == pytest.approx(step.throughput * step.step.seconds, abs=2)
    assert sum(w.failed for w in found) / sum(w.ended for w in found) == pytest.approx(
        step.errors, abs=0.03
    )


def test_ribbons_run_from_bad_to_good_seconds() -> None:
    """Sorted by throughput, errors averaged over neighbours, ends included."""
    found = [Window(float(n), 10, 10 - n) for n in range(10)]
    along = ribbon(found)
    assert along[0][0] == 0.0
    assert along[-1][0] == 9.0
    assert [rate for rate, _ in along] == sorted(rate for rate, _ in along)
    assert along[0][1] > along[-1][1]
    assert ribbon([Window(1.0, 4, 0)])[0] == (1.0, 0.0)


@pytest.mark.parametrize("size", [1, 2, 7, 5000])
def test_distributions_keep_their_ends(size: int) -> None:
    """However thinned: least, most, and shares that rise to one."""
    values = [float((n * 7919) % size) for n in range(size)]
    x, y = quantile_points(values)
    assert (x[0], x[-1]) == (min(values), max(values))
    assert y[-1] == 1.0
    assert x == sorted(x)
    assert y == sorted(y)
    assert len(x) <= 200


def test_a_record_in_which_nothing_happened_has_no_steps() -> None:
    """A run that was broken off before its first answer is empty, not an error."""
    empty = msgspec.structs.replace(
        sweep((2,), seconds=5), steps=[Step(index=0, loop="closed", concurrency=2)]
    )
    found = digest(empty)
    assert (found.steps, found.total, found.knee) == ((), 0, None)


def _failing(marks: list[bool], seconds: float = 60.0) -> StepDigest:
    """One load with a request at even distances, each of 0.2 s, which failed or did not."""
    journal = Journal(None, _RUN)
    made = journal.begin(Step(index=0, loop="open", rate=len(marks) / seconds, ends=seconds))
    for number, failed in enumerate(marks):
        due = number * seconds / len(marks)
        outcome = "http_500" if failed else "ok"
        journal.add(
            Sample(number=number, step=0, intended=due, sent=due, done=due + 0.2, outcome=outcome),
            "",
        )
    journal.end(made)
    return digest(journal.close()).steps[0]


def test_no_failure_in_a_hundred_requests_leaves_room_for_some() -> None:
    doubt = resample(_failing([False] * 100))
    assert doubt is not None
    assert doubt.interval("errors") == pytest.approx((0.0, 0.037), abs=0.001)


def test_three_failures_against_none_in_fifty_are_no_change() -> None:
    """Fisher's exact test: 0.24. Draws of what was seen alone know no other side."""
    none, three = _failing([False] * 50), _failing([n in {11, 23, 37} for n in range(50)])
    change = _errors_of(none, three)
    assert change.verdict == "same"
    assert change.interval is not None
    assert change.interval[0] < 0 < change.interval[1]


def test_thirty_failures_against_none_are_a_change() -> None:
    many = _errors_of(_failing([False] * 300), _failing([n % 10 == 0 for n in range(300)]))
    assert many.verdict == "worse"
    none = _errors_of(_failing([False] * 300), _failing([False] * 300))
    assert none.verdict == "same"
    assert none.interval is not None
    assert none.interval[0] < 0 < none.interval[1]


def test_failures_that_come_together_tell_less_than_as_many_apart() -> None:
    """A server that stood still once is not one that fails one in ten."""
    apart = resample(_failing([n % 10 == 0 for n in range(300)]))
    together = resample(_failing([100 <= n < 130 for n in range(300)]))
    assert apart is not None
    assert together is not None
    one, other = apart.interval("errors"), together.interval("errors")
    assert one is not None
    assert other is None or other[1] - other[0] > 1.5 * (one[1] - one[0])


def _errors_of(before: StepDigest, after: StepDigest) -> Change:
    one, two = (Digest(Record(run=_RUN), (each,)) for each in (before, after))
    (found,) = compare(one, [("after", two)])
    return next(change for change in found.changes if change.measure == "errors")


_RUN = Run(started="2026-01-01T00:00:00+00:00", target=Target(url="http://x"))
