"""The engine behind everything: simulated, or a real vLLM with a tiny model."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overload.processes import NotStarted, Running, free_port, get, running


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine.

    Attributes:
        profile: of ``ocrgate simulate``; ``vllm``: the real one of ``tests/vllm``.
        speed: times as fast as the profile says.
        seed: of its texts.
    """

    profile: str = "f-model"
    speed: float = 1.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Counters:
    """What the engine says of itself."""

    running: float
    waiting: float
    preemptions: int
    written: int


def counters(url: str) -> Counters:
    """Read them from ``/metrics``."""
    values: dict[str, float] = {}
    for line in get(f"{url}/metrics")[1].splitlines():
        name, _, value = line.rpartition(" ")
        bare = name.partition("{")[0]
        if bare.startswith(("vllm:num_", "vllm:generation_tokens")):
            values[bare] = float(value)
    return Counters(
        values.get("vllm:num_requests_running", 0.0),
        values.get("vllm:num_requests_waiting", 0.0),
        int(values.get("vllm:num_preemptions_total", 0)),
        int(values.get("vllm:generation_tokens_total", 0)),
    )


@contextlib.contextmanager
def engine(choice: EngineChoice, folder: Path, bound: int = 0) -> Iterator[Running]:
    """Start it; ``bound`` is its own ``--max-num-queued-reqs``, 0 for none.

    Raises:
        NotStarted: it cannot be had here.
    """
    if choice.profile == "vllm":
        with _vllm(folder, bound) as found:
            yield found
        return
    port = free_port()
    words = [sys.executable, "-m", "ocrgate", "simulate", "--profile", choice.profile]
    words += ["--port", str(port), "--speed", str(choice.speed), "--seed", str(choice.seed)]
    words += ["--max-num-queued-reqs", str(bound)]
    with running(words, port, folder / "engine.log") as found:
        yield found


@contextlib.contextmanager
def _vllm(folder: Path, bound: int) -> Iterator[Running]:
    from tests.vllm.script import SCRIPTED
    from tests.vllm.server import NoVllm, serve

    flags: tuple[str, ...] = ("--max-num-seqs", "16", *SCRIPTED)
    if bound:
        flags += ("--max-num-queued-reqs", str(bound))
    try:
        with serve(folder, *flags) as server:
            yield Running(server.url, server.pid)
    except NoVllm as reason:
        raise NotStarted(str(reason)) from reason
