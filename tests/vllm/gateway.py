"""``ocrgate serve`` in front of a real vLLM, as a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from tests.vllm.pages import picture
from tests.vllm.reading import RECIPE
from tests.vllm.server import free_port, guarded, metric, until


@dataclass
class Gateway:
    """A running gateway. ``told`` is what it said of its readiness until it was, with when."""

    url: str
    pid: int
    guard: subprocess.Popen[bytes]
    log: Path
    told: list[tuple[float, str]] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a GET; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series that carry ``labels``."""
        return metric(self.get("/metrics")[1], name, **labels)

    def ready(self) -> bool:
        """Whether it says that it reads pages."""
        return self.get("/readyz")[0] == 200

    def waited_for(self) -> bool:
        """Whether it is ready, once more; what it says is noted."""
        status, text = self.get("/readyz")
        if status:
            self.told.append((time.monotonic(), text))
        return status == 200

    def signal(self, number: signal.Signals) -> None:
        """Signal its process."""
        os.kill(self.pid, number)

    def tail(self, characters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]


@contextlib.contextmanager
def gateway(
    folder: Path, *arguments: str, seconds: float = 60, **environment: str
) -> Iterator[Gateway]:
    """Start a gateway that keeps its state in ``folder``; yield it once it is ready.

    Args:
        folder: an existing directory.
        arguments: of ``ocrgate serve``.
        seconds: until it must be ready.
        environment: settings, as environment variables.
    """
    port = free_port()
    settings = {
        "XDG_STATE_HOME": str(folder),
        "OCRGATE_SERVER__PORT": str(port),
        "OCRGATE_ENGINE__RECIPE": RECIPE.name,
        "OCRGATE_TELEMETRY__LOG_FORMAT": "console",
    }
    words = (sys.executable, "-m", "ocrgate", "serve", *arguments)
    log = folder / "gateway.log"
    with guarded(words, log, settings | environment) as (process, pid):
        running = Gateway(f"http://127.0.0.1:{port}", pid, process, log)
        took = until(lambda: running.waited_for() or process.poll() is not None, seconds, pause=0.1)
        if process.poll() is not None or took > seconds:
            raise AssertionError(f"the gateway did not get ready:\n{running.tail()}")
        yield running
        if process.poll() is None:
            running.signal(signal.SIGTERM)
            process.wait(60)


async def ocr(
    session: aiohttp.ClientSession, width: int, height: int, seconds: float = 60
) -> tuple[int, dict[str, Any]]:
    """Status and decoded answer to a page of that size; the session holds the address."""
    async with session.post(
        "/ocr",
        data=picture(width, height),
        headers={"Content-Type": "image/png", "X-Request-Timeout": f"{seconds:g}"},
    ) as reply:
        return reply.status, json.loads(await reply.text())
