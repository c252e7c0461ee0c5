"""The service: started, ready, drained, closed."""

import asyncio

import pytest
from tests.integration.runtime.virtual_servers import VirtualServer

from ocrgate.control.admission import AdmissionParams
from ocrgate.domain.document import Document
from ocrgate.errors import BreakerOpen, Draining, EngineFailed, EngineUnavailable
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.service import Parts, Service, ServiceParams
from ocrgate.runtime.workers import WorkerParams, WorkerPool
from ocrgate.telemetry.metrics import Metrics
from ocrgate.testing import ManualClock, ScriptedEngine, ScriptedRasterizer

DOCUMENT = Document(data=b"x")
BROKEN = EngineFailed("broken")


def service(
    engine: ScriptedEngine, clock: ManualClock, metrics: Metrics | None = None, pages: int = 1
) -> Service:
    """A service over scripted parts."""
    return Service(Parts(engine, ScriptedRasterizer(pages)), metrics=metrics, clock=clock)


async def read(running: Service) -> str:
    """Read one document."""
    result = await running.recognizer.recognize(DOCUMENT, DocumentRequest())
    return result.recognition.text


async def test_it_is_ready_once_the_engine_has_read_a_page() -> None:
    """Before start: starting. After: ok, and it reads."""
    clock = ManualClock()
    running = service(ScriptedEngine(clock=clock), clock)
    assert running.readiness().status == "starting"
    assert not await running.ready()
    await running.start()
    assert await running.ready()
    assert await read(running) == "page 1"
    assert running.readiness().last_page_age == 0.0
    await running.close()


async def test_an_engine_that_cannot_start_is_an_error() -> None:
    """The reason reaches whoever starts the service, and everything is closed."""
    clock = ManualClock()
    engine = ScriptedEngine(start_error=EngineUnavailable("no weights"), clock=clock)
    with pytest.raises(EngineUnavailable, match="no weights"):
        await service(engine, clock).start()
    assert engine.closed


async def test_success_proves_readiness_without_a_canary() -> None:
    """While pages are read anyway, no canary takes their place."""
    clock = ManualClock()
    engine = ScriptedEngine(clock=clock)
    running = service(engine, clock)
    await running.start()
    for _ in range(5):
        await clock.run(20.0)
        await read(running)
        assert await running.ready()
    assert len(engine.calls) == 5
    await running.close()


async def test_an_idle_engine_is_checked_with_a_canary() -> None:
    """After half a minute without pages, readiness means that a known page was read now."""
    clock = ManualClock()
    engine = ScriptedEngine(clock=clock)
    running = service(engine, clock)
    await running.start()
    await clock.run(31.0)
    assert await running.ready()
    assert len(engine.calls) == 1
    await running.close()


async def test_readiness_falls_when_the_engine_dies_and_returns_with_it() -> None:
    """A page fails, the canary fails: unready. The next canary succeeds: ready."""
    clock = ManualClock()
    engine = ScriptedEngine(errors=[BROKEN, BROKEN, BROKEN, None], clock=clock)
    metrics = Metrics()
    running = service(engine, clock, metrics)
    await running.start()
    failing = asyncio.create_task(read(running))
    await clock.run(0.3)
    with pytest.raises(EngineFailed):
        await failing
    state = running.readiness()
    assert (state.status, state.detail) == ("unready", "broken")
    assert b"ocrgate_ready 0.0" in metrics.render()[0]
    assert not await running.ready()
    await clock.run(1.0)
    assert await running.ready()
    assert b"ocrgate_ready 1.0" in metrics.render()[0]
    await running.close()


async def test_one_broken_page_does_not_take_the_server_out() -> None:
    """The page fails twice, the canary is read: the server stays ready."""
    clock = ManualClock()
    engine = ScriptedEngine(errors=[BROKEN, BROKEN, None], clock=clock)
    running = service(engine, clock)
    await running.start()
    failing = asyncio.create_task(read(running))
    await clock.run(1.0)
    with pytest.raises(EngineFailed):
        await failing
    assert await running.ready()
    await running.close()


async def test_two_engines_share_the_work_and_one_is_enough_to_be_ready() -> None:
    """A dead one costs no page and no readiness; both dead, it says why, until one is back."""
    clock, metrics = ManualClock(), Metrics()
    servers = [VirtualServer(clock), VirtualServer(clock)]
    running = Service(Parts(servers, ScriptedRasterizer()), metrics=metrics, clock=clock)
    await running.start()
    assert running.description.slots == 16
    await clock.run(0.1)
    servers[0].kill()
    running.replicas.replica_down(0)
    reading = asyncio.create_task(read(running))
    await clock.run(1.1)
    assert await reading == "page 1"
    assert running.readiness().status == "ok"
    servers[1].kill()
    running.replicas.replica_down(1, "out of memory")
    await clock.run(0.1)
    state = running.readiness()
    assert (state.status, state.detail) == ("unready", "connection refused")
    with pytest.raises(BreakerOpen, match="out of memory"):
        await read(running)
    page = metrics.render()[0].decode()
    assert 'ocrgate_breaker_state{replica="1"} 2.0' in page
    assert "ocrgate_ready 0.0" in page
    servers[1].revive()
    running.replicas.replica_up(1)
    assert running.readiness().status == "ok"
    assert 'ocrgate_breaker_state{replica="1"} 0.0' in metrics.render()[0].decode()
    await running.close()


async def test_a_canary_behind_much_work_does_not_make_it_unready() -> None:
    """One page failed, the canary waits for others that are read meanwhile: there is no doubt."""
    clock = ManualClock()
    server = VirtualServer(clock, slots=1, pace=0.04)
    running = Service(Parts(server, ScriptedRasterizer()), clock=clock)
    await running.start()
    readings = [asyncio.create_task(read(running)) for _ in range(4)]
    await clock.run(0.1)
    running._readiness.failed()
    await clock.run(12.0)
    assert running.readiness().status == "ok"
    for each in readings:
        each.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
    await running.close()


async def test_a_full_server_that_reads_pages_is_ready() -> None:
    """It turns the canary away as it does pages; that is no fault while others were read."""

    class Busy(EngineFailed):
        replica_fault = False

    clock = ManualClock()
    server = VirtualServer(clock)
    running = Service(Parts(server, ScriptedRasterizer()), clock=clock)
    await running.start()
    server.turned_away = Busy("queue is full", retry_after=5.0)
    with pytest.raises(Busy):
        await read(running)
    await clock.run(1.0)
    assert await running.ready()
    await clock.run(31.0)
    assert not await running.ready()
    await running.close()


async def test_tokens_and_retries_are_counted() -> None:
    """Time to the first token, tokens thrown away, and how retries ended."""
    clock, metrics = ManualClock(), Metrics()
    servers = [VirtualServer(clock), VirtualServer(clock)]
    running = Service(Parts(servers, ScriptedRasterizer()), metrics=metrics, clock=clock)
    await running.start()
    reading = asyncio.create_task(read(running))
    await clock.run(0.5)
    for server in servers:
        server.kill()
        server.revive()
    await clock.run(2.0)
    assert await reading == "page 1"
    page = metrics.render()[0].decode()
    assert 'ocrgate_retries_total{outcome="ok"} 1.0' in page
    assert "ocrgate_wasted_tokens_total 1.0" in page
    assert "ocrgate_time_to_first_token_seconds_sum 0.01" in page
    assert 'ocrgate_replica_inflight{replica="0"} 0.0' in page
    await running.close()


async def test_an_engine_that_hangs_is_not_ready() -> None:
    """A canary that takes too long, or comes back empty, is no success."""
    clock = ManualClock()
    engine = ScriptedEngine({1: ""}, delay=100.0, clock=clock)
    running = service(engine, clock)
    await running.start()
    await clock.run(31.0)
    asked = asyncio.create_task(running.ready())
    await clock.run(11.0)
    assert not await asked
    state = running.readiness()
    assert state.detail is not None
    assert "10 seconds" in state.detail
    await running.close()


async def test_a_mistake_in_an_engine_is_no_readiness() -> None:
    """Whoever asks gets an answer, and it is no."""
    clock = ManualClock()
    engine = ScriptedEngine(errors=[ZeroDivisionError("a bug"), None], clock=clock)
    running = service(engine, clock)
    await running.start()
    await clock.run(31.0)
    assert not await running.ready()
    state = running.readiness()
    assert (state.status, state.detail) == ("unready", "the engine has a bug: ZeroDivisionError")
    await clock.run(1.0)
    assert await running.ready()
    await running.close()


async def test_many_probes_ask_one_canary() -> None:
    """A balancer that probes often does not load the engine."""
    clock = ManualClock()
    engine = ScriptedEngine(delay=1.0, clock=clock)
    running = service(engine, clock)
    await running.start()
    await clock.run(31.0)
    asked = [asyncio.create_task(running.ready()) for _ in range(20)]
    await clock.run(1.0)
    assert all(await asyncio.gather(*asked))
    assert len(engine.calls) == 1
    await running.close()


async def test_draining_finishes_what_was_accepted() -> None:
    """New documents are refused as ``draining``; old ones end; then it is over."""
    clock = ManualClock()
    running = service(ScriptedEngine(delay=2.0, clock=clock), clock, pages=4)
    await running.start()
    old = asyncio.create_task(read(running))
    await clock.run(1.0)
    drained = asyncio.create_task(running.drain(60.0))
    await clock.run(0.5)
    assert running.draining
    assert running.readiness().status == "draining"
    with pytest.raises(Draining):
        await read(running)
    await clock.run(10.0)
    assert (await old).split("\f") == [f"page {number}" for number in range(1, 5)]
    assert await drained
    await running.close()


async def test_draining_does_not_wait_for_ever() -> None:
    """After its time, draining says that not all has ended."""
    clock = ManualClock()
    running = service(ScriptedEngine(delay=1000.0, clock=clock), clock)
    await running.start()
    old = asyncio.create_task(read(running))
    await clock.run(0.1)
    drained = asyncio.create_task(running.drain(5.0))
    await clock.run(5.0)
    assert not await drained
    old.cancel()
    await running.close()


async def test_what_happens_is_counted() -> None:
    """Pages, waits, refusals and the gate's state show in the metrics."""
    clock = ManualClock()
    metrics = Metrics()
    parts = Parts(ScriptedEngine(delay=1.0, clock=clock), ScriptedRasterizer(1))
    params = ServiceParams(gate=AdmissionParams(backlog_min=4))
    running = Service(parts, params, metrics=metrics, clock=clock)
    await running.start()
    readings = [asyncio.create_task(read(running)) for _ in range(8)]
    await clock.run(0.5)
    during = metrics.render()[0].decode()
    assert "ocrgate_places 2.0" in during
    assert "ocrgate_inflight 2.0" in during
    assert 'ocrgate_backlog{lane="standard"} 4.0' in during
    assert 'ocrgate_refusals_total{reason="backlog"} 2.0' in during
    await clock.run(10.0)
    await asyncio.gather(*readings, return_exceptions=True)
    after = metrics.render()[0].decode()
    assert 'ocrgate_pages_total{outcome="ok"} 6.0' in after
    assert 'ocrgate_pages_total{outcome="overloaded"} 2.0' in after
    assert "ocrgate_queue_wait_seconds_count 6.0" in after
    assert "ocrgate_inflight 0.0" in after
    await running.close()


async def test_a_pool_that_cannot_start_stops_the_others() -> None:
    """If one of the process pools fails, no process of any remains."""
    module = "tests.integration.runtime.odd_sessions"
    good = WorkerPool(WorkerParams(f"{module}:Session"))
    bad = WorkerPool(WorkerParams(f"{module}:unavailable"))
    engine = ScriptedEngine()
    with pytest.raises(EngineUnavailable):
        await Service(Parts(engine, ScriptedRasterizer(), (good, bad))).start()
    assert good.pids == bad.pids == ()
    assert engine.closed


async def test_pages_that_are_ready_at_once_are_not_kept_in_a_line_before_the_engine() -> None:
    """At first half as many as the engine takes may be prepared ahead, and when that was seen to
    take no time, one: the others wait where they can still be refused.
    """
    assert await places(ServiceParams()) == [48, 33]


async def test_a_prefetch_that_is_given_is_kept() -> None:
    assert await places(ServiceParams(prefetch=4)) == [36, 36]


async def places(params: ServiceParams) -> list[int]:
    """At the gate of an engine of 32 slots, before and after pages that were ready at once."""
    clock = ManualClock()
    parts = Parts(ScriptedEngine(slots=32, delay=1.0, clock=clock), ScriptedRasterizer())
    running = Service(parts, params, clock=clock)
    await running.start()
    found = [running.gate.snapshot().limit]
    reading = [asyncio.create_task(read(running)) for _ in range(20)]
    await clock.run(3.0)
    await asyncio.gather(*reading)
    found.append(running.gate.snapshot().limit)
    assert running.recognizer.lookahead == found[-1]
    await running.close()
    return found
