"""The engine behind everything: simulated, or a real vLLM with a tiny model."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from benchmarks.overload.processes import NotStarted, Running, free_port, get, post, running
from benchmarks.overload.simulated import Says, Simulated, Turn, Voice
from benchmarks.overload.unseen import engine_profile

from ocrgate.simulate.changes import Kind


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine.

    Attributes:
        profile: of ``ocrgate simulate`` or :mod:`~benchmarks.overload.unseen`; ``vllm``: the real
            one of ``tests/vllm``.
        speed: times as fast as the profile says.
        seed: of its texts.
        loops: share of pages on which the model repeats itself; None: as the profile has it.
        drains: seconds that it goes on after SIGTERM.
    """

    profile: str = "f-model"
    speed: float = 1.0
    seed: int = 1
    loops: float | None = None
    drains: float = 0.0

    def simulated(self, port: int, bound: int) -> Simulated:
        """What the simulated server is asked to be."""
        found = replace(engine_profile(self.profile), max_num_queued_reqs=bound)
        if self.loops is not None:
            found = replace(found, lengths=replace(found.lengths, loops=self.loops))
        return Simulated(found, port, self.speed, self.seed, self.drains)


@dataclass(frozen=True, slots=True)
class Counters:
    """What the engine says of itself."""

    running: float
    waiting: float
    preemptions: int
    written: int

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(
            self.running + other.running,
            self.waiting + other.waiting,
            self.preemptions + other.preemptions,
            self.written + other.written,
        )


NOTHING = Counters(0.0, 0.0, 0, 0)


def counters(url: str) -> Counters:
    """Read them from where a simulated engine tells the truth, or from ``/metrics``."""
    values: dict[str, float] = {}
    status, page = get(f"{url}/bench/truth")
    for line in (page if status == 200 else get(f"{url}/metrics")[1]).splitlines():
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
    port, asked = free_port(), Path(folder / "asked.json")
    asked.write_bytes(msgspec.json.encode(choice.simulated(port, bound)))
    words = [sys.executable, "-m", "benchmarks.overload.simulated", str(asked)]
    with running(words, port, folder / "engine.log") as found:
        yield found


def change(url: str, kind: Kind, value: float = 0.0) -> None:
    """Do something to a simulated engine."""
    post(f"{url}/bench/change", msgspec.json.encode(Turn(kind, value)))


def let_say(url: str, says: Says) -> None:
    """Have a simulated engine tell this from now on."""
    post(f"{url}/bench/says", msgspec.json.encode(Voice(says)))


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
