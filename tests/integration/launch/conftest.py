"""A folder with a stand-in for vLLM, and supervisors of it that are closed in the end."""

import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from ocrgate.control.backoff import BackoffParams
from ocrgate.engines.launch.layout import layout
from ocrgate.engines.launch.pace import Change, Hooks, Pace, State
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import recipe_of, served
from ocrgate.engines.launch.supervisor import Supervisor
from ocrgate.runtime.clock import LoopClock

STAND_IN = Path(__file__).with_name("stand_in.py")
FAST = Pace(
    poll=0.02,
    answer=0.5,
    tick=0.05,
    unanswered=2,
    quiet=0.1,
    checks=2,
    farewell=0.2,
    patience=0.2,
    backoff=BackoffParams(first=0.02, most=0.1),
)


@dataclass
class Place:
    """The folder, and what happened there."""

    folder: Path
    changes: list[Change] = field(default_factory=list)

    @property
    def vllm(self) -> Path:
        return self.folder / "vllm"

    def plan(self, *lives: dict[str, Any]) -> None:
        """What the first, second… start does; the last plan is for all further ones."""
        (self.folder / "plan.json").write_text(json.dumps(lives or [{}]))

    @property
    def starts(self) -> list[dict[str, Any]]:
        """Arguments and visible GPUs of every start."""
        file = self.folder / "starts.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def given(self, flag: str) -> list[str | None]:
        """The value of a flag in every start; None where it was left out."""
        argvs = [start["argv"] for start in self.starts]
        return [argv[argv.index(flag) + 1] if flag in argv else None for argv in argvs]

    @property
    def story(self) -> list[str]:
        """What the servers went through, in words."""
        file = self.folder / "story"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def pids(self) -> set[int]:
        """Of every server, and of what they started."""
        told = [
            line.split()[-1]
            for name in ("story", "children")
            if (self.folder / name).exists()
            for line in (self.folder / name).read_text().splitlines()
        ]
        return {int(pid) for pid in told}

    def states(self, index: int = 0) -> list[State]:
        return [change.state for change in self.changes if change.index == index]

    def left(self) -> set[int]:
        """Those that still run."""
        return {pid for pid in self.pids() if psutil.pid_exists(pid) and not _is_dead(pid)}


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.vllm.write_text(f"#!{sys.executable} -IS\n{STAND_IN.read_text()}")
    made.vllm.chmod(0o755)
    made.plan()
    return made


Supervise = Callable[..., Supervisor]


@pytest.fixture
async def supervise(place: Place) -> AsyncIterator[Supervise]:
    """Makes supervisors of the stand-in; whatever a test leaves running is ended."""
    made: list[Supervisor] = []

    def make(hooks: Hooks | None = None, path: str | None = None, **changes: Any) -> Supervisor:
        pace = replace(FAST, **{k: v for k, v in changes.items() if hasattr(FAST, k)})
        settings = {k: v for k, v in changes.items() if not hasattr(FAST, k)}
        params = replace(vllm_params(place), **settings)
        environ = os.environ | {"PATH": path or os.environ["PATH"]}
        model = served(recipe_of(params), params)
        supervisor = Supervisor(
            params,
            model,
            layout(params, model, environ),
            LoopClock(),
            place.changes.append,
            hooks=hooks,
            pace=pace,
            environ=environ,
        )
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        await supervisor.close()
    assert place.left() == set()


def vllm_params(place: Place) -> VllmParams:
    return VllmParams(
        command=str(place.vllm),
        device="cpu",
        port=two_free_ports(),
        max_sequences=16,
        start_timeout=20.0,
        shutdown_timeout=1.0,
        state=place.folder / "state",
    )


def two_free_ports() -> int:
    """A port that is free, like the next one."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no two free ports in a row")


def wait_until(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """For processes, which tell no event of ours."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
