"""Everything between a document and its text, built and owned in one place. No HTTP here."""

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.degrade import DegradeParams
from ocrgate.control.ladder import Rung
from ocrgate.control.limit.choice import AutoLaw, LimitLaw
from ocrgate.control.prefetch import Prefetch
from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.imaging.limits import ImageLimits
from ocrgate.ports import Clock, Engine, EngineDescription, Rasterizer
from ocrgate.runtime.clock import LoopClock, until
from ocrgate.runtime.counting import Counting
from ocrgate.runtime.doorstep import Doorstep
from ocrgate.runtime.engines import EngineParams, EngineParts, build_engine
from ocrgate.runtime.explain import explained
from ocrgate.runtime.gate import Gate, GateEvent
from ocrgate.runtime.governor import Governor, GovernorEvent, Polled
from ocrgate.runtime.heat import Thermometer
from ocrgate.runtime.page import PageEnded, Spans, Timings, no_spans
from ocrgate.runtime.pressure import Pressure
from ocrgate.runtime.pricing import TokenBudget
from ocrgate.runtime.rasterizer import NICE, SESSION, PoolRasterizer
from ocrgate.runtime.readiness import Readiness, ReadinessParams, State, is_engines_fault
from ocrgate.runtime.recognizer import Recognizer
from ocrgate.runtime.replica import BreakerMoved, CameUp, ReplicaEvent, ReplicaParams
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.searchable import OnDemand, SearchablePdfs, overlay_pool
from ocrgate.runtime.spare import Spare
from ocrgate.runtime.workers import PoolEvent, WorkerParams, WorkerPool
from ocrgate.telemetry.gpu import GpuSource, open_nvml
from ocrgate.telemetry.metrics import Metrics

_BLANK = PageImage(b"\xff" * 32 * 32, Encoding.RAW, 32, 32, 1, 32, 32)
_LOOK = 5.0  # seconds to open a document of 64 MiB; one with a broken index takes about one
_LAST = 19  # the lowest priority: a server's own processes prepare images on these cores too
_GRACE = 5.0  # seconds beyond the decoder's own time limit before its process is ended


@dataclass(frozen=True, slots=True)
class ServiceParams:
    """What to build.

    Attributes:
        engine: what reads the pages.
        gate: how pages queue.
        image: what a document may cost.
        limit: how the number of pages at the engine is found, where the engine leaves it open.
        degrade: what pages get less of while the gate is under pressure.
        prefetch: pages that may have a place beyond those at the engine, to be prepared while
            the engine works; None means as many as that takes, see :mod:`ocrgate.control.prefetch`.
        raster_workers: processes for PDF and other dangerous formats; None means one per core, two
            at most.
        readiness: how long a success counts.
        replicas: how several engines share the work, and when one is left alone.
    """

    engine: EngineParams = field(default_factory=CpuParams)
    gate: AdmissionParams = field(default_factory=AdmissionParams)
    image: ImageLimits = field(default_factory=ImageLimits)
    limit: LimitLaw = field(default_factory=AutoLaw)
    degrade: DegradeParams = field(default_factory=DegradeParams)
    prefetch: int | None = None
    raster_workers: int | None = None
    readiness: ReadinessParams = field(default_factory=ReadinessParams)
    replicas: ReplicaParams = field(default_factory=ReplicaParams)


def _no_gpus() -> None:
    """None of this machine's."""


def _no_other(places: int) -> EngineParts:
    """Never called, since such a spare has no places."""
    raise ValueError(f"there is no other engine for {places} pages")


def _embedded(observe: Callable[[PoolEvent], None], places: int) -> EngineParts:
    """The embedded engine beside another one, behind everybody else on this machine."""
    return build_engine(CpuParams(workers=places, nice=_LAST), observe)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of.

    ``engine`` is one, or several of the same kind: the replicas. ``pools`` are started before it
    and closed after it; ``at_end`` is called last. ``gpus`` finds the GPUs that the engine works
    on, in a thread. ``other`` puts the other engine together for so many pages at the same time,
    which may read what ``engine`` has no room for.
    """

    engine: Engine | Sequence[Engine]
    rasterizer: Rasterizer
    pools: Sequence[WorkerPool] = ()
    canary: PageImage = _BLANK
    at_end: Callable[[], None] = lambda: None
    gpus: Callable[[], GpuSource | None] = _no_gpus
    other: Callable[[int], EngineParts] | None = None


class Service:
    """Reads documents from :meth:`start` to :meth:`close`.

    Attributes:
        gate: where pages wait for a place.
        replicas: the engine as all pages reach it; whoever starts and watches servers tells it of
            their ends and returns.
        governor: finds how many pages the engine is given.
        pressure: how hard the gate is pressed, and what pages get less of meanwhile.
        spare: the other engine; it has no place where there is none.
        recognizer: reads documents.
        searchable: makes PDF files that can be searched.

    Args:
        parts: engine, rasterizer and their processes, owned from now on.
        params: how pages queue; its engine and image parameters were used to make ``parts``.
        metrics: what is counted; without it, nothing is.
        spans: where the stages of a page are traced.
        clock: tells the time.
    """

    def __init__(
        self,
        parts: Parts,
        params: ServiceParams | None = None,
        *,
        metrics: Metrics | None = None,
        spans: Spans = no_spans,
        clock: Clock | None = None,
    ) -> None:
        params = params or ServiceParams()
        self._parts = parts
        self._params = params
        self._clock = clock or LoopClock()
        self._counting = Counting(metrics or Metrics())
        self._refused = self._counting.metrics.refused
        engines = parts.engine if isinstance(parts.engine, Sequence) else (parts.engine,)
        self.replicas = Replicas(engines, self._clock, params.replicas, self._replica_event)
        self._writes = self.replicas.description.live
        self.governor = self._make_governor()
        self._heat = Thermometer(
            parts.gpus, self._clock, self.governor.cool, self._counting.metrics.gpu
        )
        self._prefetch = Prefetch()
        limit = self._places()
        self._budget = TokenBudget(len(engines), self._clock)
        admission = Admission(limit, params.gate, self._budget if self._writes else None)
        self.gate = Gate(admission, self._clock, self._gate_event)
        self.pressure = self._make_pressure()
        self.spare = self._make_spare(spans)
        self._readiness = Readiness(self.replicas, parts.canary, self._clock, params.readiness)
        self._overlay = OnDemand(lambda: overlay_pool(params.image))
        self.searchable = SearchablePdfs(
            parts.rasterizer, self._overlay, params.image, refused=self._refused
        )
        self._started = False
        self._counting.metrics.before_render(self._look)
        self.recognizer = Recognizer(
            self.gate,
            parts.rasterizer,
            self.replicas,
            self._clock,
            seats=lambda: self.governor.total,
            lookahead=limit,
            doorstep=Doorstep(max(1, raster_size(params) - 1), refused=self._refused),
            observe=self._page_event,
            spans=spans,
            pressure=self.pressure,
            budget=self._budget,
            lengths=self.governor.lengths,
            elsewhere=self.spare,
        )

    @classmethod
    def build(
        cls,
        params: ServiceParams | None = None,
        *,
        metrics: Metrics | None = None,
        spans: Spans = no_spans,
    ) -> Self:
        """A service with the engine and the decoders that ``params`` name. Nothing is started."""
        params = params or ServiceParams()
        metrics = metrics or Metrics()
        made = build_engine(params.engine, Counting(metrics).engine_workers)
        raster = WorkerPool(raster_params(params))
        rasterizer = PoolRasterizer(params.image, raster, _cores(), metrics.refused)
        pools = (*made.pools, raster)
        gpus = open_nvml if made.here else _no_gpus
        parts = Parts(
            made.engines,
            rasterizer,
            pools,
            made.canary,
            rasterizer.close,
            gpus,
            None
            if isinstance(params.engine, CpuParams)
            else partial(_embedded, Counting(metrics).engine_workers),
        )
        service = cls(parts, params, metrics=metrics, spans=spans)
        made.watch(service.replicas)
        return service

    @property
    def description(self) -> EngineDescription:
        """What the engine says of itself."""
        return self.replicas.description

    @property
    def rasterizer(self) -> Rasterizer:
        """What makes page images of documents."""
        return self._parts.rasterizer

    @property
    def draining(self) -> bool:
        """Whether new documents are refused since the service is going away."""
        return self.gate.draining

    async def start(self, patience: float | None = None) -> None:
        """Start all processes, warm up, and read a known page.

        Args:
            patience: seconds after which it goes on without an engine, whose servers may come
                later; see :meth:`.Replicas.start`.

        Raises:
            EngineUnavailable: something cannot be started; nothing is left running.
        """
        starting = [asyncio.create_task(pool.start()) for pool in self._parts.pools]
        try:
            await asyncio.gather(*starting)
            await self.replicas.start(patience)
        except BaseException:
            await asyncio.gather(*starting, return_exceptions=True)
            await self.close()
            raise
        self.governor.start()
        if self._parts.gpus is not _no_gpus:
            self._heat.start()
        self._started = True
        if self.replicas.available:
            self._readiness.succeeded()
        else:
            self.spare.want()

    async def ready(self) -> bool:
        """Whether a real page was recognized lately; reads a canary page when it is not known."""
        if self._started and not self.draining:
            await self._readiness.checked()
        return self.readiness().status == "ok"

    def readiness(self) -> State:
        """What is known now of whether a page would be read, without waiting."""
        if self.draining:
            state = State("draining", "the server is going away")
        elif not self._started:
            state = State("starting", "the engine is not started")
        else:
            state = self._readiness.state
        self._counting.metrics.ready(state.status == "ok")
        return state

    async def drain(self, seconds: float = math.inf) -> bool:
        """Refuse new documents and wait for the accepted ones.

        Args:
            seconds: how long to wait at most.

        Returns:
            Whether all of them ended in time.
        """
        self.replicas.leave()
        try:
            async with until(self._clock, self._clock.now() + seconds):
                await self.gate.drain()
                await self.spare.idle.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Stop everything. What still runs fails. Safe to call twice."""
        self._started = False
        await self._readiness.close()
        await self.governor.close()
        self.pressure.close()
        await self._heat.close()
        await self.spare.close()
        await self.replicas.close()
        await self._overlay.close()
        await asyncio.gather(*(pool.close() for pool in self._parts.pools))
        self._parts.at_end()

    def retune(self, gate: AdmissionParams, limit: LimitLaw, degrade: DegradeParams) -> None:
        """Follow other numbers and laws from now on. Pages under way are not touched."""
        self.gate.retune(gate)
        self.governor.retune(limit)
        self.pressure.retune(gate, degrade)
        self.spare.retune(self._other_places(degrade))

    def explain(self) -> str:
        """Why the gate stands where it stands, in one line; see :func:`.explain.explained`."""
        pressure, spare = self.pressure, self.spare
        states = self.governor.snapshot()
        other = (spare.busy, spare.places if spare.up else 0) if spare.places else None
        return explained(self.gate.snapshot(), states, pressure.rungs, pressure.now, other)

    def _make_governor(self) -> Governor:
        return Governor(
            self.replicas,
            self._clock,
            self._params.limit,
            changed=self._follow_limit,
            observe=self._governor_event,
        )

    def _make_pressure(self) -> Pressure:
        return Pressure(
            self._clock,
            self._params.gate,
            self._params.degrade,
            writes=self._writes,
            entered=self._entered,
        )

    def _make_spare(self, spans: Spans) -> Spare:
        return Spare(
            self._parts.other or _no_other,
            self._clock,
            self._other_places(self._params.degrade),
            pressed=lambda: Rung.OTHER_ENGINE in self.pressure.rungs,
            down=lambda: not self.replicas.available,
            freed=self.replicas.wake,
            spans=spans,
        )

    def _other_places(self, degrade: DegradeParams) -> int:
        return degrade.other_places(writes=self._writes) if self._parts.other is not None else 0

    def _entered(self, rung: Rung) -> None:
        self._counting.degraded(rung)
        if rung is Rung.OTHER_ENGINE:
            self.spare.want()

    def _look(self) -> None:
        self._counting.state(self.gate.snapshot())
        self._counting.replicas(self.replicas.snapshot())
        self._counting.limits(self.governor.snapshot())
        self._counting.metrics.ladder(len(self.pressure.rungs))
        self.readiness()

    def _gate_event(self, event: GateEvent) -> None:
        self._counting.gate(event)
        self.pressure.gate(event)

    def _governor_event(self, event: GovernorEvent) -> None:
        self._counting.governor(event)
        if isinstance(event, Polled):
            self._budget.follow(self.governor.snapshot(), self._clock.now())
            self.gate.look()

    def _page_event(self, event: PageEnded) -> None:
        self._counting.page(event)
        if event.result is not None and event.result.engine is None:
            self._readiness.succeeded()
            self._look_ahead(event.result.timings)
        elif is_engines_fault(event.error):
            self._readiness.failed()

    def _replica_event(self, event: ReplicaEvent) -> None:
        self._counting.replica(event)
        self.governor.replica(event)
        if isinstance(event, CameUp | BreakerMoved):
            self.gate.suspend(away=not self.replicas.sound)
        if isinstance(event, CameUp):
            self._readiness.succeeded()
        elif self._started and isinstance(event, BreakerMoved) and not self.replicas.sound:
            self._readiness.failed()
            self.spare.want()

    def _follow_limit(self) -> None:
        """The engine is given more pages from now on, or fewer."""
        limit = self._places()
        self.recognizer.lookahead = limit
        self.gate.set_limit(limit)
        self.recognizer.seats.refresh()

    def _look_ahead(self, timings: Timings) -> None:
        """A page took so long: perhaps more are to be prepared ahead of the engine, or fewer."""
        self._prefetch.learn(timings.prepare, timings.engine)
        if self.recognizer.lookahead != self._places():
            self._follow_limit()

    def _places(self) -> int:
        """The gate's limit: what the engine can work on, and what is prepared meanwhile."""
        slots, asked = self.governor.total, self._params.prefetch
        return slots + (self._prefetch.pages(slots) if asked is None else asked)


def raster_params(params: ServiceParams) -> WorkerParams:
    """The processes that decode dangerous formats."""
    return WorkerParams(
        factory=SESSION,
        args=(params.image,),
        size=raster_size(params),
        nice=NICE,
        timeout=params.image.timeout + _GRACE,
        timeouts={
            "probe": min(params.image.timeout, _LOOK * max(1.0, params.image.max_bytes / 2**26))
        },
        memory=params.image.memory,
    )


def raster_size(params: ServiceParams) -> int:
    """How many of them there are."""
    return params.raster_workers or min(2, _cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
