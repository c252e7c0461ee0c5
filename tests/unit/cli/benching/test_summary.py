"""What a run came to, in lines and as JSON."""

import json

import pytest

from ocrgate.cli.benching.summary import as_json, lines, why_nothing
from ocrgate.load.journal import Journal
from ocrgate.load.record import Record, Run, Sample, Step, Target
from ocrgate.load.slo import parse, verdicts


def record(samples: list[Sample], slo: str = "", **step: object) -> Record:
    run = Run(
        started="2026-01-01T00:00:00+00:00",
        target=Target(url="http://x/ocr", kind="ocrgate"),
        work={"source": "one file", "documents": 1},
        slo=dict(parse(slo).limits) if slo else {},
    )
    journal = Journal(None, run)
    fields: dict[str, object] = {"loop": "closed", "concurrency": 4, "ends": 10.0} | step
    made = journal.begin(Step(index=0, **fields))  # type: ignore[arg-type]
    for sample in samples:
        journal.add(sample, "it is full" if sample.outcome != "ok" else "")
    journal.end(made, verdicts=verdicts(parse(slo), made, samples) if slo else [])
    return journal.close()


def sample(number: int, at: float, took: float = 0.5, **facts: object) -> Sample:
    fields: dict[str, object] = {"number": number, "step": 0, "intended": at, "sent": at}
    return Sample(**(fields | {"done": at + took} | facts))  # type: ignore[arg-type]


def test_lanes_keys_and_classes_are_told_apart() -> None:
    """Each with its share answered and its latency; a single one is not worth a line."""
    rows = [
        sample(n, n * 0.1, 0.2 if n % 2 else 2.0, lane="interactive" if n % 2 else "batch", key=0)
        for n in range(80)
    ]
    text = "\n".join(lines(record(rows)))
    assert "lane batch" in text
    assert "lane interactive" in text
    assert "key 1" not in text


def test_a_missed_promise_stands_out() -> None:
    text = "\n".join(lines(record([sample(n, n * 0.1, 3.0) for n in range(50)], "e2e=1s,error=1%")))
    assert "e2e ≤ 1 s: 3 s, MISSED" in text
    assert "error ≤ 1 %: 0 %, kept" in text


def test_a_client_that_was_the_limit_stands_out() -> None:
    found = record([sample(n, n * 0.1) for n in range(50)])
    found.steps[0].client.saturated = "it was late"
    assert "THE LIMIT IS THE CLIENT" in "\n".join(lines(found))


def test_first_text_is_shown_where_it_comes_before_the_end() -> None:
    whole = record([sample(n, n * 0.1, 0.5, first=n * 0.1 + 0.5) for n in range(50)])
    streamed = record([sample(n, n * 0.1, 0.5, first=n * 0.1 + 0.1) for n in range(50)])
    assert "first text" not in "\n".join(lines(whole))
    assert "first text         p50 100 ms" in "\n".join(lines(streamed))


def test_a_ramp_says_how_far_answers_followed() -> None:
    """Ten a second is all that is answered of what comes faster and faster."""
    rows: list[Sample] = []
    for second in range(20):
        for place in range(second + 1):
            at = second + place / (second + 1)
            fine = place < 10
            rows.append(sample(len(rows), at, 0.001, outcome="ok" if fine else "overloaded"))
    found = record(rows, loop="open", concurrency=None, ends=20.0)
    text = "\n".join(lines(found))
    assert "kept up            to about 12/s; beyond it answers fell behind" in text
    slow = record(rows[:30], loop="open", concurrency=None, ends=7.0)
    assert "kept up            to the end" in "\n".join(lines(slow))


def test_nothing_measured_is_told() -> None:
    assert "nothing was measured" in "\n".join(lines(record([])))
    assert why_nothing(record([])) is None


def test_no_success_says_what_came_instead() -> None:
    """Refusals alone mean that it was full; anything else means that it is broken."""
    refused = why_nothing(record([sample(n, n, outcome="overloaded") for n in range(3)]))
    assert refused is not None
    assert refused.refused
    assert refused.text == "overloaded 3 (it is full)"
    broken = why_nothing(record([sample(0, 0, outcome="reset"), sample(1, 1, outcome="http_503")]))
    assert broken is not None
    assert not broken.refused
    assert why_nothing(record([sample(0, 0)])) is None


def test_json_holds_every_figure_that_lines_hold() -> None:
    """And is JSON, without figures that JSON does not know."""
    lanes = ("batch", "interactive")
    rows = [sample(n, n * 0.1, cer=0.1, output_tokens=5, lane=lanes[n % 2]) for n in range(50)]
    found = json.loads(json.dumps(as_json(record(rows, "e2e=1s")), allow_nan=False))
    step = found["steps"][0]
    assert step["requests"] == 50
    assert step["latency_seconds"]["p99"] == pytest.approx(0.5)
    assert step["character_error_rate"]["mean"] == 0.1
    assert step["groups"]["key=0"]["outcomes"] == {"ok": 50}
    assert step["groups"]["key=0"]["as_promised"] == 1.0
    assert step["groups"]["lane=batch"]["latency_seconds"]["count"] == 25
    assert step["verdicts"] == [
        {"name": "e2e", "limit": 1.0, "value": pytest.approx(0.5), "held": True, "sure": False}
    ]


def test_a_promise_that_so_few_requests_cannot_settle_says_so() -> None:
    rows = [sample(n, n * 0.1) for n in range(90)]
    text = "\n".join(lines(record(rows, "error=1%,e2e=5s")))
    assert "90 of 90 answered; 0 % (0 to 4.1 %) failed" in text
    assert (
        "error ≤ 1 %: 0 %, kept; not sure: of 90 requests 0 % (0 to 4.1 %) broke it, "
        "it takes 381 of which none does" in text
    )
    many = "\n".join(lines(record([sample(n, n * 0.01) for n in range(900)], "error=1%,e2e=5s")))
    assert "not sure" not in many


def test_a_window_hardly_longer_than_a_request_is_called_too_short() -> None:
    rows = [sample(n, 0.0, 1.5) for n in range(16)]
    text = "\n".join(lines(record(rows, ends=2.0)))
    assert "TOO SHORT          2 s for requests of 1.5 s" in text
    assert "throughput         8/s" in text
    assert "p50 1.5 s  p90 1.5 s  max 1.5 s" in text  # of 16 answers there is no p95
    assert "TOO SHORT" not in "\n".join(lines(record([sample(n, n * 0.1) for n in range(90)])))
