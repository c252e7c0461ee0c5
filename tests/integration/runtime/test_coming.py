"""An engine whose server is started here: what is said and done until it is there."""

import asyncio

import pytest
from tests.integration.runtime.virtual_servers import VirtualServer

from ocrgate.domain.document import Document
from ocrgate.errors import BreakerOpen, EngineUnavailable
from ocrgate.ports import Coming
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.service import Parts, Service
from ocrgate.testing import ManualClock, ScriptedRasterizer

DOCUMENT = Document(data=b"x")


class Started(VirtualServer):
    """Says how far its start is, as long as it is not there."""

    left: float | None = None

    @property
    def coming(self) -> Coming | None:
        return None if self.alive else Coming("vLLM: it loads", self.left)


async def loading(count: int = 1) -> tuple[ManualClock, Service, list[Started]]:
    """A service that has been started, and servers that load for a minute."""
    clock = ManualClock()
    servers = [Started(clock) for _ in range(count)]
    for server in servers:
        server.alive, server.loading = False, 60.0
    service = Service(Parts(servers, ScriptedRasterizer()), clock=clock)
    starting = asyncio.create_task(service.start(patience=0.5))
    await clock.run(1.0)
    await starting
    return clock, service, servers


async def test_it_starts_until_it_is_there() -> None:
    """It is asked nothing, blamed for nothing, and pages are told how far it is."""
    clock, service, (server,) = await loading()
    for _ in range(10):
        assert not await service.ready()
        await clock.run(1.0)
    state = service.readiness()
    assert (state.status, state.detail) == ("starting", "the engine starts; vLLM: it loads")
    with pytest.raises(EngineUnavailable, match="it loads") as refused:
        service.replicas.require()
    assert refused.value.retry_after == 5.0
    assert server.calls == []
    server.revive()
    await clock.run(60.0)
    assert service.readiness().status == "ok"
    service.replicas.require()
    await service.close()


async def test_when_to_come_back_is_known_once_it_was_started_before() -> None:
    clock, service, (server,) = await loading()
    server.left = 42.0
    with pytest.raises(EngineUnavailable) as refused:
        service.replicas.require()
    assert refused.value.retry_after == 42.0
    server.revive()
    await clock.run(60.0)
    server.kill()
    service.replicas.replica_down(0, "killed")
    with pytest.raises(BreakerOpen, match="the engine is started again; vLLM: it loads") as again:
        service.replicas.require()
    assert again.value.retry_after == 42.0
    assert service.readiness().status == "unready"
    await service.close()


async def test_while_it_is_started_again_only_what_was_accepted_sees_whether_it_is_there() -> None:
    """Others would be sent to a port where nobody listens, each time the breaker lets one go."""
    clock, service, (server,) = await loading()
    server.revive()
    await clock.run(60.0)
    asked = DocumentRequest(timeout=60.0)
    reading = asyncio.create_task(service.recognizer.recognize(DOCUMENT, asked))
    await clock.run(0.5)
    server.kill()
    service.replicas.replica_down(0, "killed")
    refused = 0
    for _ in range(60):
        await clock.run(0.5)
        with pytest.raises(BreakerOpen):
            service.replicas.require()
        refused += 1
    assert refused == 60
    server.revive()  # nobody says so
    await clock.run(7.0)
    assert (await reading).recognition.text == "page 1"
    service.replicas.require()
    await service.close()


async def test_of_several_the_first_to_come_is_told() -> None:
    """One that is there is enough."""
    clock, service, servers = await loading(2)
    servers[0].left, servers[1].left = 50.0, 20.0
    with pytest.raises(EngineUnavailable) as refused:
        service.replicas.require()
    assert refused.value.retry_after == 20.0
    servers[1].revive()
    await clock.run(60.0)
    assert service.replicas.coming is None
    service.replicas.require()
    await service.close()
