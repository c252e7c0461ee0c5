"""What SIGHUP changes in a running server, and what it does not."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ocrgate.cli.reloading import Reload
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.runtime.service import Parts, Service, ServiceParams
from ocrgate.settings import Loaded, load
from ocrgate.testing import ManualClock, ScriptedRasterizer

URL = "http://127.0.0.1:1"


@dataclass
class Running:
    """A service and the file with its settings."""

    folder: Path
    service: Service
    reload: Reload

    def write(self, text: str) -> list[dict[str, object]]:
        """Change the file and reload; what was logged."""
        (self.folder / "ocrgate.toml").write_text(text)
        with capture_logs() as logs:
            self.reload()
        return [dict(entry) for entry in logs if "settings" in str(entry["event"])]


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    def read() -> Loaded:
        return load(environ={}, folder=tmp_path)

    clock = ManualClock()
    engine = OpenAIEngine(OpenAIParams(url=(URL,)), URL, clock)
    service = Service(Parts(engine, ScriptedRasterizer()), ServiceParams(), clock=clock)
    yield Running(tmp_path, service, Reload(read(), read, service))
    await service.close()


async def test_laws_are_followed_at_once(running: Running) -> None:
    """The limit moves, and with it the places at the gate."""
    assert running.service.governor.total == 8
    (told,) = running.write('[gate.limit]\nkind = "fixed"\nlimit = 5\n')
    assert running.service.governor.total == 5
    assert running.service.gate.snapshot().limit == 8  # half of it ahead, at first
    assert set(told["applied"]) == {"gate.limit.kind", "gate.limit.limit"}  # type: ignore[call-overload]
    (told,) = running.write("")
    assert running.service.governor.total == 8


async def test_what_cannot_change_is_said_to_need_a_restart(running: Running) -> None:
    """Each time, as long as the file differs from what the server was started with."""
    for _ in range(2):
        done, waiting = running.write("[server]\nport = 9000\n")
        assert done["applied"] == []
        assert waiting["keys"] == ["server.port"]


async def test_wrong_settings_change_nothing(running: Running) -> None:
    """They are named, and the server goes on with what it had."""
    running.write('[gate.limit]\nkind = "fixed"\nlimit = 5\n')
    (told,) = running.write('[gate.limit]\nkind = "fixed"\nlimit = 0\n')
    assert told["log_level"] == "error"
    assert "gate.limit" in str(told["problems"])
    assert running.service.governor.total == 5


async def test_it_listens_to_the_signal(running: Running) -> None:
    """As administrators expect of a server."""
    loop = asyncio.get_running_loop()
    running.reload.listen(loop)
    try:
        file = running.folder / "ocrgate.toml"
        file.write_text('[gate.limit]\nkind = "fixed"\nlimit = 3\n')
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(100):
            if running.service.governor.total == 3:
                break
            await asyncio.sleep(0.01)
        assert running.service.governor.total == 3
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
