"""What was promised, and whether it was kept."""

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.load.journal import count
from ocrgate.load.record import Sample, Step
from ocrgate.load.slo import Slo, goodput, measured, parse, throughput, verdicts


def sample(number: int, at: float, took: float = 1.0, **facts: object) -> Sample:
    fields = {"number": number, "step": 0, "intended": at, "sent": at, "done": at + took, **facts}
    return Sample(**fields)  # type: ignore[arg-type]


def step(samples: list[Sample], seconds: float = 10.0) -> Step:
    made = Step(index=0, loop="open", begins=0.0, ends=seconds)
    for each in samples:
        count(made.tally, each, made)
    return made


def test_limits_are_read_in_people_s_units() -> None:
    """Seconds, milliseconds, percent."""
    found = parse("e2e=5s, ttft.p95=800ms,error=1%,goodput=12.5,cer=0.02")
    assert dict(found.limits) == {
        "e2e": 5.0,
        "ttft.p95": 0.8,
        "error": 0.01,
        "goodput": 12.5,
        "cer": 0.02,
    }


@pytest.mark.parametrize(
    "text", ["", ",", "e2e", "e2e=", "e2e=fast", "error=200%", "latency=5s", "e2e.px=1s", "cer=-1"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """With the names that there are."""
    with pytest.raises(InvalidRequest):
        parse(text)


def test_times_are_held_at_the_99th_percentile_unless_told() -> None:
    """One late answer in twenty breaks the p99 and not the p95."""
    rows = [sample(n, n * 0.5, 9.0 if n == 7 else 1.0) for n in range(20)]
    found = verdicts(parse("e2e=5s,e2e.p95=5s"), step(rows), rows)
    assert [(v.name, v.value, v.held) for v in found] == [
        ("e2e", 9.0, False),
        ("e2e.p95", 1.0, True),
    ]


def test_a_promise_for_half_of_all_is_none_for_each() -> None:
    """A run that keeps all that was promised has got all of its answers as promised."""
    slo = parse("e2e.p50=1s,e2e=5s,ttft=2s")
    rows = [sample(n, n * 0.1, 0.5 if n % 3 else 3.0) for n in range(100)]
    assert all(verdict.held for verdict in verdicts(parse("e2e.p50=1s,e2e=5s"), step(rows), rows))
    assert goodput(slo, step(rows), rows) == throughput(step(rows))
    assert (slo.time("e2e"), slo.time("ttft"), slo.time("tpot")) == (5.0, 2.0, None)
    assert parse("e2e.p50=1s").time("e2e") == 1.0


def test_errors_are_a_share_of_all_requests() -> None:
    """Refusals and time-outs alike."""
    rows = [sample(n, n * 0.1, outcome="overloaded" if n < 2 else "ok") for n in range(100)]
    assert measured("error", Slo(), step(rows), rows) == pytest.approx(0.02)


def test_wrong_answers_are_counted_among_answers() -> None:
    """An empty page is no failure of the network, and no success either."""
    rows = [sample(0, 0.0, warnings=("empty",)), sample(1, 1.0), sample(2, 2.0, outcome="reset")]
    assert measured("wrong", Slo(), step(rows), rows) == 0.5
    assert not Slo().good(rows[0])
    assert Slo().good(rows[1])


def test_goodput_leaves_out_what_came_too_late() -> None:
    """Half of the answers in time is half of the throughput."""
    rows = [sample(n, n * 0.1, 0.5 if n % 2 else 3.0) for n in range(100)]
    made, promise = step(rows), parse("e2e=1s")
    assert throughput(made) is not None
    assert goodput(promise, made, rows) == pytest.approx((throughput(made) or 0) / 2)


def test_what_comes_after_the_load_has_gone_is_no_throughput() -> None:
    """A server that catches up at leisure is not fast."""
    rows = [sample(n, n * 0.1, 30.0) for n in range(100)]
    assert throughput(step(rows)) == 0.0


def test_time_per_token_needs_tokens() -> None:
    """From the first to the last of them."""
    rows = [sample(0, 0.0, 2.0, first=1.0, output_tokens=11), sample(1, 0.0, 2.0, first=1.0)]
    assert measured("tpot", Slo(), step(rows), rows) == pytest.approx(0.1)


def test_what_was_not_measured_is_not_kept() -> None:
    """A promise about text that nobody knows, or a run without an answer."""
    found = verdicts(parse("cer=1%,e2e=1s,ttft=1s,error=1%"), step([]), [])
    assert [(v.value, v.held) for v in found] == [(None, False)] * 4


def test_few_requests_keep_a_promise_without_showing_it() -> None:
    """None of 50 failed: it may still be 7 % that do. None of 381, and it is at most 1 %."""
    for many, sure in ((50, False), (380, False), (381, True)):
        rows = [sample(n, n * 0.02) for n in range(many)]
        found = verdicts(parse("error=1%,e2e=5s,goodput=1"), step(rows), rows)
        assert [(v.name, v.held, v.sure) for v in found] == [
            ("error", True, sure),
            ("e2e", True, sure),
            ("goodput", True, None),
        ]


def test_a_promise_may_be_surely_broken_by_few() -> None:
    rows = [sample(n, n * 0.1, outcome="overloaded" if n % 2 else "ok") for n in range(40)]
    (found,) = verdicts(parse("error=1%"), step(rows), rows)
    assert (found.held, found.sure) == (False, True)


def test_one_failure_in_fifty_breaks_a_promise_but_does_not_show_it_broken() -> None:
    rows = [sample(n, n * 0.1, outcome="overloaded" if n == 7 else "ok") for n in range(50)]
    (found,) = verdicts(parse("error=1%"), step(rows), rows)
    assert (found.held, found.sure) == (False, False)


def test_late_answers_do_not_count_in_a_short_window_either() -> None:
    """Sixteen callers whose requests take 1.5 s have answered 16 after two seconds, not 32."""
    rows = [sample(n, 0.0 if n < 16 else 1.5, 1.5) for n in range(32)]
    short = step(rows, seconds=2.0)
    assert throughput(short, rows) == 8.0
    assert goodput(parse("e2e=5s"), short, rows) == 8.0
    (found,) = verdicts(parse("throughput=10"), short, rows)
    assert found.value == 8.0


def test_answers_to_the_warm_up_count_in_a_short_window() -> None:
    """They took the server's time in it."""
    warm = Step(index=0, loop="closed", concurrency=4, begins=1.0, ends=3.0)
    rows = [sample(n, n * 0.5, 0.75) for n in range(6)]
    for each in rows:
        count(warm.tally, each, warm)
    assert throughput(warm, rows) == 2.0  # due at 0.5, 1, 1.5, 2: over at 1.25 to 2.75


def test_thinned_samples_stand_for_those_that_are_not_there() -> None:
    rows = [sample(n, n * 0.002, 0.5) for n in range(1000)]
    short = step(rows, seconds=2.0)
    assert throughput(short, rows[::2]) == pytest.approx(throughput(short, rows), rel=0.01)
