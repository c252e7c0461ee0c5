"""Starting without an engine that may come later."""

import asyncio

import pytest
from tests.integration.runtime.virtual_servers import PAGE, VirtualServer

from ocrgate.domain.recognition import PageRequest
from ocrgate.errors import EngineUnavailable
from ocrgate.runtime.replicas import Replicas
from ocrgate.runtime.service import Parts, Service
from ocrgate.testing import ManualClock, ScriptedRasterizer


class Away(EngineUnavailable):
    """Nobody answers there."""

    replica_fault = True


WRONG_KEY = EngineUnavailable("wrong key")


def absent(clock: ManualClock, *absences: EngineUnavailable) -> list[VirtualServer]:
    servers = []
    for absence in absences:
        server = VirtualServer(clock)
        server.alive, server.absence = False, absence
        servers.append(server)
    return servers


async def test_pages_fail_by_name_until_the_server_is_there() -> None:
    """The start succeeds at once, and the server is found within five seconds of its coming."""
    clock = ManualClock()
    (server,) = absent(clock, Away("nobody there"))
    replicas = Replicas([server], clock)
    await replicas.start(patience=5.0)
    assert clock.now() == 0.0
    await clock.run(30.0)
    with pytest.raises(EngineUnavailable, match="no engine is up: nobody there") as raised:
        await replicas.recognize(PAGE, PageRequest())
    assert raised.value.retry_after == 5.0
    server.revive()
    await clock.run(5.0)
    reading = asyncio.create_task(replicas.recognize(PAGE, PageRequest()))
    await clock.run(2.0)
    assert (await reading)[0].text == "page 1"
    await replicas.close()


@pytest.mark.parametrize("absences", [(WRONG_KEY,), (Away("x"), WRONG_KEY)])
async def test_what_no_patience_mends_is_said_at_once(absences: tuple[EngineUnavailable]) -> None:
    """A wrong key, also beside a server that may still come."""
    clock = ManualClock()
    replicas = Replicas(absent(clock, *absences), clock)
    with pytest.raises(EngineUnavailable, match="wrong key"):
        await replicas.start(patience=5.0)
    await clock.run(60.0)
    assert not replicas.available
    await replicas.close()


async def test_patience_has_an_end() -> None:
    """A server that takes long to say whether it is there does not hold us up."""
    clock = ManualClock()
    server = VirtualServer(clock)
    server.loading = 60.0
    replicas = Replicas([server], clock)
    starting = asyncio.create_task(replicas.start(patience=5.0))
    await clock.run(4.9)
    assert not starting.done()
    await clock.run(0.2)
    await starting
    up = [replicas.available]
    await clock.run(60.0)
    assert [*up, replicas.available] == [False, True]
    await replicas.close()


async def test_a_service_without_an_engine_is_unready_and_says_why() -> None:
    """It is ready as soon as the engine has come."""
    clock = ManualClock()
    (server,) = absent(clock, Away("nobody there"))
    service = Service(Parts(server, ScriptedRasterizer(1)), clock=clock)
    await service.start(patience=5.0)
    assert not await service.ready()
    state = service.readiness()
    assert (state.status, state.detail) == ("unready", "no engine is up: nobody there")
    server.revive()
    await clock.run(5.0)
    assert service.readiness().status == "ok"
    await service.close()
