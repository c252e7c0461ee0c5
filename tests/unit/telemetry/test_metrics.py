"""Metrics: what is counted comes out, and labels stay bounded."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ocrgate.control.breaker import BreakerState
from ocrgate.domain.ticket import Lane
from ocrgate.errors import leaves
from ocrgate.telemetry.catalog import DECLARED, Kind
from ocrgate.telemetry.gpu import GpuReading
from ocrgate.telemetry.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.render()[0].decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[f"ocrgate_{name}", tuple(sorted(labels.items()))]


def exercise(metrics: Metrics) -> None:
    """Call everything once."""
    metrics.request("/ocr", 200, Lane.INTERACTIVE, 0.2)
    metrics.outcome("ok")
    metrics.page("low_confidence")
    metrics.queue_wait(0.1)
    metrics.prepare(0.2)
    metrics.engine(0.3, 0.1)
    metrics.gate(inflight=2, limit=4, backlog={Lane.BATCH: 3}, backlog_bytes=1000)
    metrics.limit("0", 12)
    metrics.limit_moved("slow_start")
    metrics.preempted("0", 3)
    metrics.engine_load("0", 2.0, 0.5)
    metrics.ledger(held=100, promised=200, capacity=1000)
    metrics.refused("backlog", 2.5)
    metrics.tokens(input_tokens=10, output_tokens=20)
    metrics.wasted(5)
    metrics.retried("ok")
    metrics.replica("0", breaker=BreakerState.OPEN, inflight=7)
    metrics.gpu(GpuReading(0, 2**30, 61.0, 0.5, frozenset({"heat"})))
    metrics.ladder(1)
    metrics.rung_entered("smaller_image")
    metrics.degraded("smaller_image")
    metrics.loop_lag(0.001)
    metrics.workers(2)
    metrics.worker_restarted()
    metrics.ready(True)
    metrics.connections(open_now=5, silent=3, bound=100)
    metrics.connection_displaced()
    metrics.log_lines_dropped(7)


def test_a_total_is_counted_once() -> None:
    """Lines of the log are told as the sum until now, whenever somebody looks."""
    metrics = Metrics()
    for total in (3, 3, 10):
        metrics.log_lines_dropped(total)
    assert value(metrics, "log_lines_dropped_total") == 10


def test_everything_declared_is_recorded_by_a_method() -> None:
    """No metric is promised in the docs that nothing ever sets."""
    metrics = Metrics("1.0", "cpu")
    exercise(metrics)
    seen = {name.removeprefix("ocrgate_") for name, _ in samples(metrics)}
    suffix = {Kind.HISTOGRAM: "_count", Kind.GAUGE: "", Kind.COUNTER: ""}
    assert {item.name + suffix[item.kind] for item in DECLARED} <= seen
    assert value(metrics, "build_info", version="1.0", engine="cpu") == 1


def test_values_arrive_under_their_labels() -> None:
    """A dashboard reads what the server did."""
    metrics = Metrics()
    exercise(metrics)
    assert value(metrics, "requests_total", route="/ocr", status="200", lane="interactive") == 1
    assert value(metrics, "engine_seconds_sum") == pytest.approx(0.3)
    assert value(metrics, "backlog", lane="batch") == 3
    assert value(metrics, "backlog", lane="interactive") == 0
    assert value(metrics, "places") == 4
    assert value(metrics, "gpu_throttled", gpu="0", reason="heat") == 1
    assert value(metrics, "gpu_throttled", gpu="0", reason="power_cap") == 0
    assert value(metrics, "limit", replica="0") == 12
    assert value(metrics, "limit_changes_total", reason="slow_start") == 1
    assert value(metrics, "engine_preemptions_total", replica="0") == 3
    assert value(metrics, "ledger_tokens", kind="promised") == 200
    assert value(metrics, "tokens_total", direction="output") == 20
    assert value(metrics, "retry_after_seconds_count") == 1
    assert value(metrics, "time_to_first_token_seconds_sum") == pytest.approx(0.1)
    assert value(metrics, "breaker_state", replica="0") == 2
    assert value(metrics, "replica_inflight", replica="0") == 7
    assert value(metrics, "retries_total", outcome="ok") == 1
    assert value(metrics, "wasted_tokens_total") == 5


def test_a_gauge_follows_its_state_back_to_zero() -> None:
    """A backlog that has gone is not shown for ever."""
    metrics = Metrics()
    exercise(metrics)
    metrics.gate(inflight=0, limit=4, backlog={}, backlog_bytes=0)
    assert value(metrics, "backlog", lane="batch") == 0
    assert value(metrics, "inflight") == 0


def test_gauges_are_told_when_the_page_is_asked_for() -> None:
    """What changes with every page is looked up when somebody looks, and is then true."""
    metrics = Metrics()
    running = 1
    metrics.before_render(
        lambda: metrics.gate(inflight=running, limit=4, backlog={}, backlog_bytes=0)
    )
    assert value(metrics, "inflight") == 1
    running = 3
    assert value(metrics, "inflight") == 3


def test_strange_label_values_are_counted_together() -> None:
    """No caller can make the page of metrics grow."""
    metrics = Metrics()
    for n in range(1000):
        metrics.page(f"strange-{n}")
        metrics.request(f"/path/{n}", 200, None, 0.1)
    assert value(metrics, "pages_total", outcome="other") == 1000
    assert value(metrics, "requests_total", route="other", status="200", lane="other") > 900
    assert len(samples(metrics)) < 2500


def test_every_error_has_its_own_outcome() -> None:
    """Failures can be charted by their kind."""
    metrics = Metrics()
    for error in leaves():
        metrics.outcome(error.code)
        metrics.page(error.code)
    assert all(value(metrics, "outcomes_total", outcome=e.code) == 1 for e in leaves())
    assert all(value(metrics, "pages_total", outcome=e.code) == 1 for e in leaves())


def test_two_servers_in_one_process_count_apart() -> None:
    """An embedded server does not add up with another one."""
    one, other = Metrics(), Metrics()
    one.outcome("ok")
    assert value(one, "outcomes_total", outcome="ok") == 1
    assert value(other, "outcomes_total", outcome="ok") == 0


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics"),
    ],
)
def test_the_page_comes_in_the_form_that_was_asked_for(accept: str, kind: str) -> None:
    """Old and new scrapers are served."""
    body, content_type = Metrics().render(accept)
    assert content_type.startswith(kind)
    assert b"ocrgate_inflight" in body


def test_the_process_itself_is_measured() -> None:
    """Memory and CPU of the server are on the same page."""
    assert samples(Metrics())["process_resident_memory_bytes", ()] > 1e6


def test_the_first_event_of_a_known_kind_is_a_rise() -> None:
    """Counters are there at 0: what appears at 1 has no rate, and an alert on it does not ring."""
    metrics = Metrics()
    assert value(metrics, "refusals_total", reason="wait") == 0
    assert value(metrics, "outcomes_total", outcome="overloaded") == 0
    metrics.refused("wait")
    assert value(metrics, "refusals_total", reason="wait") == 1


def test_the_page_has_no_names_but_declared_ones() -> None:
    """The library would add the birth of each series under a name of its own."""
    metrics = Metrics("1.0", "cpu")
    exercise(metrics)
    text = metrics.render()[0].decode()
    named = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    ours = {name for name in named if name.startswith("ocrgate_")}
    assert ours == {item.full_name for item in DECLARED}
