"""The metrics of one server: callers say what happened, this module talks to the library."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase

from ocrgate.control.breaker import BreakerState
from ocrgate.domain.ticket import Lane
from ocrgate.telemetry.catalog import DECLARED, OTHER, Declaration, Kind, Label
from ocrgate.telemetry.gpu import REASONS, GpuReading

_KINDS: dict[Kind, type[MetricWrapperBase]] = {Kind.COUNTER: Counter, Kind.GAUGE: Gauge}
_MOST_VALUES = 64
_BREAKER = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_M = TypeVar("_M", bound=MetricWrapperBase)

# Else each series has a second one for when it began, under a name that is declared nowhere.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts for one application; two applications in a process do not mix.

    Args:
        version: of ocrgate, a label of ``build_info``.
        engine: name of the engine, the other label.
    """

    def __init__(self, version: str = "", engine: str = "") -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._made = {item.name: _build(item, self._registry) for item in DECLARED}
        self._labels = {item.name: item.labels for item in DECLARED}
        self._seen: dict[Label, set[str]] = {}
        self._children: dict[tuple[str, ...], MetricWrapperBase] = {}
        self._refresh: list[Callable[[], None]] = []
        self._log_lines = 0
        self._begin_at_zero()
        if version or engine:
            self._of(Gauge, "build_info", version, engine).set(1)

    def _begin_at_zero(self) -> None:
        """Show counters whose labels are known: a rate never sees the first event of another."""
        for item in DECLARED:
            sets = [label.values for label in item.labels if label.values is not None]
            if item.kind is Kind.COUNTER and len(sets) == len(item.labels):
                for values in product(*map(sorted, sets)):
                    self._of(Counter, item.name, *values)

    def request(self, route: str, status: int, lane: Lane | None, seconds: float) -> None:
        """An HTTP answer was sent; ``route`` is the template, never the path that was asked for."""
        self._of(Counter, "requests_total", route, str(status), lane or OTHER).inc()
        self._of(Histogram, "request_seconds", route).observe(seconds)

    def connections(self, *, open_now: int, silent: int, bound: int) -> None:
        """The connections of clients now."""
        for kind, figure in (("open", open_now), ("silent", silent), ("bound", bound)):
            self._of(Gauge, "connections", kind).set(figure)

    def connection_displaced(self) -> None:
        """A connection without a request was closed in favour of another."""
        self._of(Counter, "connections_displaced_total").inc()

    def outcome(self, outcome: str) -> None:
        """A request for text ended: ``ok``, ``cancelled`` or the code of an error."""
        self._of(Counter, "outcomes_total", outcome).inc()

    def page(self, outcome: str) -> None:
        """A page ended: ``ok``, ``cancelled``, a warning or the code of an error."""
        self._of(Counter, "pages_total", outcome).inc()

    def queue_wait(self, seconds: float) -> None:
        """A page was admitted after waiting this long."""
        self._of(Histogram, "queue_wait_seconds").observe(seconds)

    def prepare(self, seconds: float) -> None:
        """A page was decoded, resized and packed."""
        self._of(Histogram, "prepare_seconds").observe(seconds)

    def engine(self, seconds: float, first_token: float | None = None) -> None:
        """The engine was done with a page, whose first output came after ``first_token``."""
        self._of(Histogram, "engine_seconds").observe(seconds)
        if first_token is not None:
            self._of(Histogram, "time_to_first_token_seconds").observe(first_token)

    def gate(
        self, *, inflight: int, limit: int, backlog: Mapping[Lane, int], backlog_bytes: int
    ) -> None:
        """The gate's state now."""
        self._of(Gauge, "inflight").set(inflight)
        self._of(Gauge, "places").set(limit)
        self._of(Gauge, "backlog_bytes").set(backlog_bytes)
        for lane in Lane:
            self._of(Gauge, "backlog", lane).set(backlog.get(lane, 0))

    def limit(self, replica: str, limit: int) -> None:
        """So many pages may be at the replica."""
        self._of(Gauge, "limit", replica).set(limit)

    def limit_moved(self, reason: str) -> None:
        """A replica's limit changed."""
        self._of(Counter, "limit_changes_total", reason).inc()

    def preempted(self, replica: str, pages: float) -> None:
        """The replica threw so many pages out of its batch."""
        self._of(Counter, "engine_preemptions_total", replica).inc(pages)

    def engine_load(self, replica: str, waiting: float | None, kv_usage: float | None) -> None:
        """What the replica says of its load; None for what it does not show."""
        if waiting is not None:
            self._of(Gauge, "engine_waiting", replica).set(waiting)
        if kv_usage is not None:
            self._of(Gauge, "kv_usage_ratio", replica).set(kv_usage)

    def ledger(self, *, held: int, promised: int, capacity: int) -> None:
        """The tokens of all replicas."""
        self._of(Gauge, "ledger_tokens", "held").set(held)
        self._of(Gauge, "ledger_tokens", "promised").set(promised)
        self._of(Gauge, "ledger_tokens", "capacity").set(capacity)

    def refused(self, reason: str, retry_after: float | None = None) -> None:
        """Work was refused before it began; ``retry_after`` is what the caller was told (s)."""
        self._of(Counter, "refusals_total", reason).inc()
        if retry_after is not None:
            self._of(Histogram, "retry_after_seconds").observe(retry_after)

    def tokens(self, *, input_tokens: int, output_tokens: int) -> None:
        """An engine that counts tokens was done with a page."""
        self._of(Counter, "tokens_total", "input").inc(input_tokens)
        self._of(Counter, "tokens_total", "output").inc(output_tokens)

    def wasted(self, tokens: int) -> None:
        """Tokens were made and thrown away."""
        self._of(Counter, "wasted_tokens_total").inc(tokens)

    def retried(self, outcome: str) -> None:
        """A page was tried once more and ended so, or was not: ``late``, ``budget``."""
        self._of(Counter, "retries_total", outcome).inc()

    def replica(self, replica: str, *, breaker: BreakerState, inflight: int) -> None:
        """A replica's state now."""
        self._of(Gauge, "breaker_state", replica).set(_BREAKER[breaker])
        self._of(Gauge, "replica_inflight", replica).set(inflight)

    def ladder(self, rungs: int) -> None:
        """So many rungs of degradation are in force."""
        self._of(Gauge, "ladder_rung").set(rungs)

    def rung_entered(self, rung: str) -> None:
        """One more came into force."""
        self._of(Counter, "ladder_entered_total", rung).inc()

    def degraded(self, rung: str) -> None:
        """A page got less than was asked for."""
        self._of(Counter, "degraded_pages_total", rung).inc()

    def gpu(self, reading: GpuReading) -> None:
        """What a GPU says of itself."""
        name = str(reading.index)
        figures = {
            "gpu_memory_bytes": reading.memory,
            "gpu_temperature_celsius": reading.celsius,
            "gpu_utilization_ratio": reading.utilization,
        }
        for metric, figure in figures.items():
            if figure is not None:
                self._of(Gauge, metric, name).set(figure)
        if reading.reasons is not None:
            for reason in REASONS:
                self._of(Gauge, "gpu_throttled", name, reason).set(reason in reading.reasons)

    def loop_lag(self, seconds: float) -> None:
        """The event loop woke up this late."""
        self._of(Histogram, "event_loop_lag_seconds").observe(seconds)

    def log_lines_dropped(self, total: int) -> None:
        """So many lines of the log were lost since the beginning."""
        self._of(Counter, "log_lines_dropped_total").inc(total - self._log_lines)
        self._log_lines = total

    def workers(self, alive: int) -> None:
        """How many engine processes are alive."""
        self._of(Gauge, "engine_workers").set(alive)

    def worker_restarted(self) -> None:
        """An engine process died and another took its place."""
        self._of(Counter, "worker_restarts_total").inc()

    def ready(self, ready: bool) -> None:
        """Whether a real page was recognized lately."""
        self._of(Gauge, "ready").set(ready)

    def before_render(self, refresh: Callable[[], None]) -> None:
        """Call ``refresh`` each time the page is asked for: it tells the gauges how things stand.

        So that what only a reader of the page wants to know costs no request anything.
        """
        self._refresh.append(refresh)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page of metrics and its content type, as the ``Accept`` header asks for it."""
        for refresh in self._refresh:
            refresh()
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type

    def _of(self, kind: type[_M], name: str, *values: str) -> _M:
        """The metric, or its child for these label values."""
        child = self._children.get((name, *values)) or self._child(name, values)
        assert isinstance(child, kind)
        return child

    def _child(self, name: str, values: tuple[str, ...]) -> MetricWrapperBase:
        """Made at its first use. Values out of bounds are no key, or callers could add keys."""
        bounded = tuple(map(self._bounded, self._labels[name], values))
        child = self._made[name].labels(*bounded) if bounded else self._made[name]
        return self._children.setdefault((name, *bounded), child)

    def _bounded(self, label: Label, value: str) -> str:
        if label.values is not None:
            return value if value in label.values else OTHER
        seen = self._seen.setdefault(label, set())
        if value not in seen and len(seen) >= _MOST_VALUES:
            return OTHER
        seen.add(value)
        return value


def _build(item: Declaration, registry: CollectorRegistry) -> MetricWrapperBase:
    names = [label.name for label in item.labels]
    if item.kind is Kind.HISTOGRAM:
        return Histogram(item.full_name, item.help, names, buckets=item.buckets, registry=registry)
    return _KINDS[item.kind](item.full_name, item.help, names, registry=registry)
