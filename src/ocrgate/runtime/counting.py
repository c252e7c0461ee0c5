"""From events to metrics: the runtime counts what its parts report."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocrgate.control.decision import Admitted, Refused, Snapshot
from ocrgate.control.ladder import Rung
from ocrgate.runtime.gate import GateEvent
from ocrgate.runtime.governor import GovernorEvent, LimitMoved, Preempted
from ocrgate.runtime.page import PageEnded
from ocrgate.runtime.replica import ReplicaEvent, ReplicaState, Retried, Wasted
from ocrgate.runtime.station import StationState
from ocrgate.runtime.workers import PoolEvent
from ocrgate.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Counting:
    """Feeds one set of metrics."""

    metrics: Metrics

    def gate(self, event: GateEvent) -> None:
        """Something happened at the gate."""
        if isinstance(event, Admitted):
            self.metrics.queue_wait(event.waited)
        elif isinstance(event, Refused):
            self.metrics.refused(event.reason, event.retry_after)

    def state(self, now: Snapshot) -> None:
        """What the gate is like, for whoever looks at the metrics."""
        self.metrics.gate(
            inflight=sum(now.inflight.values()),
            limit=now.limit,
            backlog=now.backlog,
            backlog_bytes=now.bytes,
        )

    def page(self, event: PageEnded) -> None:
        """A page ended."""
        self.metrics.page(event.outcome)
        if event.result is not None:
            for rung in event.result.reading.degraded:
                self.metrics.degraded(rung)
            self.metrics.prepare(event.result.timings.prepare)
            self.metrics.engine(event.result.timings.engine, event.result.timings.first_token)
            usage = event.result.usage
            self.metrics.tokens(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
            self.metrics.wasted(usage.wasted_tokens)

    def replica(self, event: ReplicaEvent) -> None:
        """Something happened to a replica, or between it and a page."""
        if isinstance(event, Retried):
            self.metrics.retried(event.outcome)
        elif isinstance(event, Wasted):
            self.metrics.wasted(event.tokens)

    def replicas(self, states: Sequence[ReplicaState]) -> None:
        """What each replica is like, for whoever looks at the metrics."""
        for index, state in enumerate(states):
            self.metrics.replica(str(index), breaker=state.breaker, inflight=state.inflight)

    def governor(self, event: GovernorEvent) -> None:
        """A limit moved, or pages were thrown out."""
        if isinstance(event, LimitMoved):
            self.metrics.limit_moved(event.reason)
        elif isinstance(event, Preempted):
            self.metrics.preempted(str(event.replica), event.pages)

    def limits(self, states: Sequence[StationState]) -> None:
        """What each replica is given and says, for whoever looks at the metrics."""
        for index, state in enumerate(states):
            limit, load = state.limit if state.usable else 0, state.load
            self.metrics.limit(str(index), limit)
            if load is not None:
                self.metrics.engine_load(str(index), load.waiting, load.kv_usage)
        self.metrics.ledger(
            held=sum(state.held for state in states),
            promised=sum(state.promised for state in states),
            capacity=sum(state.capacity or 0 for state in states),
        )

    def degraded(self, rung: Rung) -> None:
        """From now on pages get less of something."""
        self.metrics.rung_entered(rung.value)

    def engine_workers(self, event: PoolEvent) -> None:
        """A process of the engine came or went."""
        self.metrics.workers(event.alive)
        if event.replaced:
            self.metrics.worker_restarted()
