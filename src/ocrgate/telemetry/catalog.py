"""Every metric, declared once. The table in the docs is made from this one.

Names carry the prefix ``ocrgate_``. Labels are bounded: a value that is not in a label's set is
counted as ``other``, so that no caller can make the page of metrics grow.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from ocrgate.control.ladder import Rung
from ocrgate.control.limit.law import Reason as LimitReason
from ocrgate.domain.recognition import PageWarning
from ocrgate.domain.ticket import Lane
from ocrgate.errors import leaves
from ocrgate.telemetry.gpu import REASONS as GPU_REASONS

PREFIX = "ocrgate_"
OTHER = "other"


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"  # only rises
    GAUGE = "gauge"  # goes up and down
    HISTOGRAM = "histogram"  # a distribution in buckets


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension of a metric.

    Attributes:
        name: as it stands in a query.
        values: the closed set; None where the set is known only at run time (routes, versions),
            which is then capped in number.
    """

    name: str
    values: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """One metric: name without prefix, kind, help, labels and bucket bounds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name


CODES = frozenset(error.code for error in leaves())

ROUTE = Label("route")
STATUS = Label("status")
LANE = Label("lane", frozenset(Lane))
OUTCOME = Label("outcome", CODES | {"ok", "cancelled"})
PAGE_OUTCOME = Label("outcome", CODES | set(PageWarning) | {"ok", "cancelled"})
REASON = Label(
    "reason",
    frozenset(
        {
            "backlog",
            "bytes",
            "wait",
            "infeasible",
            "rate",
            "concurrency",
            "connections",
            "draining",
        }
    ),
)
RETRY_OUTCOME = Label("outcome", frozenset({"ok", "failed", "cancelled", "late", "budget"}))
REPLICA = Label("replica")
LIMIT_REASON = Label("reason", frozenset(get_args(LimitReason)))
TOKENS_KIND = Label("kind", frozenset({"held", "promised", "capacity"}))
CONNECTIONS_KIND = Label("kind", frozenset({"open", "silent", "bound"}))
RUNG = Label("rung", frozenset(Rung))
GPU = Label("gpu")
GPU_REASON = Label("reason", GPU_REASONS)
DIRECTION = Label("direction", frozenset({"input", "output"}))

# Pages take from tens of milliseconds (a crop) to a minute (a dense page behind a queue).
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
RETRY = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

DECLARED: tuple[Declaration, ...] = (
    Declaration(
        "requests_total", _C, "HTTP requests answered, by route template.", (ROUTE, STATUS, LANE)
    ),
    Declaration(
        "request_seconds", _H, "Time from a request's first byte to its answer.", (ROUTE,), SECONDS
    ),
    Declaration(
        "connections",
        _G,
        "Connections of clients: open now, without a request among them, and the most that may be "
        "open.",
        (CONNECTIONS_KIND,),
    ),
    Declaration(
        "connections_displaced_total",
        _C,
        "Connections without a request that were closed since others needed their place.",
    ),
    Declaration("outcomes_total", _C, "How requests for text ended.", (OUTCOME,)),
    Declaration(
        "pages_total",
        _C,
        "Pages by how they ended: ok, the first warning, or an error code.",
        (PAGE_OUTCOME,),
    ),
    Declaration(
        "queue_wait_seconds",
        _H,
        "Time a page waited at the gate before it was admitted.",
        (),
        SECONDS,
    ),
    Declaration(
        "prepare_seconds", _H, "Time to decode, resize, turn and encode a page.", (), SECONDS
    ),
    Declaration("engine_seconds", _H, "Time the engine took for a page.", (), SECONDS),
    Declaration(
        "time_to_first_token_seconds",
        _H,
        "Time from giving a page to the engine to its first output, where engines tell.",
        (),
        SECONDS,
    ),
    Declaration("inflight", _G, "Pages that hold a permit now."),
    Declaration("backlog", _G, "Pages that wait at the gate now.", (LANE,)),
    Declaration("backlog_bytes", _G, "Bytes that waiting pages hold in memory now."),
    Declaration("places", _G, "Pages that may hold a permit at the same time."),
    Declaration(
        "limit",
        _G,
        "Pages that may be at the replica at the same time, as its limit law says; 0 while it "
        "takes none.",
        (REPLICA,),
    ),
    Declaration(
        "limit_changes_total", _C, "Changes of replicas' limits, by reason.", (LIMIT_REASON,)
    ),
    Declaration(
        "engine_preemptions_total",
        _C,
        "Pages that the engine threw out of its batch, to be read again from the start.",
        (REPLICA,),
    ),
    Declaration("engine_waiting", _G, "Pages in the engine's own queue.", (REPLICA,)),
    Declaration("kv_usage_ratio", _G, "Used part of the engine's KV cache, 0 to 1.", (REPLICA,)),
    Declaration(
        "ledger_tokens",
        _G,
        "Tokens of the KV caches: held now by the pages at the engines, promised to them at the "
        "peak, and the caches' capacity where engines tell it.",
        (TOKENS_KIND,),
    ),
    Declaration(
        "refusals_total",
        _C,
        "Pages or requests refused before any work, those too that another engine then read.",
        (REASON,),
    ),
    Declaration("retry_after_seconds", _H, "The Retry-After given with refusals.", (), RETRY),
    Declaration("tokens_total", _C, "Tokens that engines took in and gave out.", (DIRECTION,)),
    Declaration(
        "wasted_tokens_total",
        _C,
        "Tokens that engines gave out and that were thrown away: the page failed, was read again, "
        "or nobody waited for it.",
    ),
    Declaration(
        "retries_total",
        _C,
        "Pages tried once more after a replica failed, by how that ended; late and budget: pages "
        "that were not, since too little time was left or too much is retried.",
        (RETRY_OUTCOME,),
    ),
    Declaration(
        "breaker_state",
        _G,
        "0 while pages go to the replica, 1 while one goes as a probe, 2 while none does. "
        "Replicas are numbered from 0 in the order of the settings.",
        (REPLICA,),
    ),
    Declaration("replica_inflight", _G, "Pages that the replica has now.", (REPLICA,)),
    Declaration("ladder_rung", _G, "Rungs of degradation in force now; 0 at rest."),
    Declaration(
        "ladder_entered_total", _C, "Times that a rung of degradation came into force.", (RUNG,)
    ),
    Declaration(
        "degraded_pages_total", _C, "Pages that got less than was asked for, by what.", (RUNG,)
    ),
    Declaration("gpu_memory_bytes", _G, "Memory in use on the GPU.", (GPU,)),
    Declaration("gpu_temperature_celsius", _G, "Temperature of the GPU.", (GPU,)),
    Declaration(
        "gpu_utilization_ratio",
        _G,
        "Part of the time, 0 to 1, in which something ran on the GPU.",
        (GPU,),
    ),
    Declaration(
        "gpu_throttled", _G, "1 while the GPU's clock is lowered for the reason.", (GPU, GPU_REASON)
    ),
    Declaration(
        "event_loop_lag_seconds", _H, "How late the event loop woke up for a timer.", (), LAG
    ),
    Declaration(
        "log_lines_dropped_total",
        _C,
        "Lines of the log that were lost, since whoever reads standard error did not keep up.",
    ),
    Declaration("engine_workers", _G, "Worker processes of the embedded engine that are alive."),
    Declaration("worker_restarts_total", _C, "Worker processes that died and were replaced."),
    Declaration("ready", _G, "1 while a real page was recognized lately, else 0."),
    Declaration(
        "build_info", _G, "Always 1; its labels say what runs.", (Label("version"), Label("engine"))
    ),
)
