"""A supervisor and real processes: started, watched, restarted, learned from, ended."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.integration.launch.conftest import Place, Supervise, wait_until

from ocrgate.engines.launch.diagnosis import Cause
from ocrgate.engines.launch.pace import Change, Hooks, State
from ocrgate.errors import EngineFailed, EngineUnavailable

ROOT = Path(__file__).resolve().parents[3]


async def happens(what: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that other processes do."""
    await asyncio.to_thread(wait_until, what, seconds)


def last(place: Place, state: State) -> Change:
    return [change for change in place.changes if change.state is state][-1]


async def test_it_is_up_once_a_page_was_read(place: Place, supervise: Supervise) -> None:
    """Not when it answers: the first page can still kill an engine."""
    seen: list[tuple[str, list[State]]] = []

    async def check(url: str) -> None:
        seen.append((url, place.states()))

    supervisor = supervise(Hooks(check=check))
    await supervisor.start()
    assert seen == [(supervisor.urls[0], [State.STARTING])]
    assert place.states() == [State.STARTING, State.UP]
    facts = last(place, State.UP).facts
    assert (facts.kv_tokens, facts.kv_gib, facts.concurrency) == (21_760, 12.5, 2.66)
    assert place.given("--max-num-seqs") == ["16"]


async def test_the_end_is_pages_first_then_sigterm(place: Place, supervise: Supervise) -> None:
    """Nothing new is sent, what is in flight is finished, and only then vLLM hears of it."""
    told: list[list[str]] = []

    async def drain(index: int) -> None:
        assert place.states()[-1] is State.DOWN
        await asyncio.sleep(0.1)
        told.append(place.story)

    supervisor = supervise(Hooks(drain=drain))
    await supervisor.start()
    await asyncio.gather(supervisor.close(), supervisor.close())
    await supervisor.close()
    assert told == [["begin", "listen"]]
    assert place.story == ["begin", "listen", "term"]
    assert place.states() == [State.STARTING, State.UP, State.DOWN, State.STOPPED]
    assert place.left() == set()


async def test_a_drain_that_never_ends_does_not_keep_it(place: Place, supervise: Supervise) -> None:
    """Pages get ``shutdown_timeout`` and no more; a server that ignores SIGTERM is killed."""

    async def drain(index: int) -> None:
        await asyncio.sleep(3600)

    place.plan({"stubborn": True, "child": True})
    supervisor = supervise(Hooks(drain=drain), shutdown_timeout=0.2)
    await supervisor.start()
    await asyncio.wait_for(supervisor.close(), 8)
    assert place.story[-1] == "term"
    assert place.left() == set()


async def test_a_crash_is_followed_by_a_restart(place: Place, supervise: Supervise) -> None:
    """The next one answers at the same place; what the first left behind is gone by then."""
    words = ["ERROR EngineCore encountered an issue. See stack trace (above)"]
    place.plan({"lives": 0.1, "words": words, "child": True}, {})
    await supervise(unanswered=1000).start()
    await happens(lambda: place.states().count(State.UP) == 2)
    down = last(place, State.DOWN).diagnosis
    assert down is not None
    assert down.cause is Cause.ENGINE_CRASH
    assert place.states()[:6] == [
        State.STARTING,
        State.UP,
        State.DOWN,
        State.RESTARTING,
        State.STARTING,
        State.UP,
    ]
    assert last(place, State.RESTARTING).wait is not None
    children = (place.folder / "children").read_text().split()
    assert not (place.left() & {int(pid) for pid in children})
    assert place.given("--max-num-seqs") == ["16", "16"]


async def test_out_of_memory_makes_the_next_start_safer(place: Place, supervise: Supervise) -> None:
    """Half the sequences, and half again, until it is borne; and the log says so."""
    place.plan({"bears": 5})
    with capture_logs() as logs:
        await supervise(Hooks(busy=lambda index: False)).start()
        await happens(lambda: place.given("--max-num-seqs")[2:] == ["4"])
    said = [log["sequences"] for log in logs if "carries less" in log["event"]]
    assert said == ["16 -> 8", "8 -> 4"]
    assert [log["log_level"] for log in logs if "OutOfMemoryError" in log["event"]] == ["error"] * 2
    await happens(lambda: place.states()[-1] is State.UP)
    assert place.given("--max-num-seqs") == ["16", "8", "4"]
    assert last(place, State.UP).load.sequences == 4


async def test_a_death_of_memory_is_known_behind_the_errors_of_all_pages(
    place: Place, supervise: Supervise
) -> None:
    """A traceback for every page in work comes after the line that names the reason."""
    page = ["ERROR 11-26 17:08:24 [serving.py:929] vllm.v1.engine.exceptions.EngineDeadError"] * 30
    words = ["(EngineCore pid=7) ERROR torch.OutOfMemoryError: CUDA out of memory.", *page * 48]
    place.plan({"lives": 0.1, "words": words}, {})
    await supervise(unanswered=1000).start()
    await happens(lambda: place.states().count(State.UP) == 2)
    down = last(place, State.DOWN).diagnosis
    assert down is not None
    assert down.cause is Cause.GPU_OUT_OF_MEMORY
    assert place.given("--max-num-seqs") == ["16", "8"]


async def test_it_creeps_back_when_nobody_is_served(place: Place, supervise: Supervise) -> None:
    """Work earns the step, a quiet moment is used for it; the restart loses no page."""
    busy, drained = [True], list[int]()

    async def drain(index: int) -> None:
        drained.append(index)

    place.plan({"bears": 8, "early": True})
    await supervise(Hooks(drain=drain, busy=lambda index: busy[0])).start()
    assert place.given("--max-num-seqs") == ["16", "8"]
    await asyncio.sleep(0.5)
    assert place.given("--max-num-seqs") == ["16", "8"], "it was at work all the time"
    busy[0] = False
    place.plan({})
    await happens(lambda: place.given("--max-num-seqs")[2:] == ["9"] and place.states()[-1] == "up")
    assert drained == [0]
    assert last(place, State.UP).load.sequences == 9


async def test_what_was_learned_outlives_us(place: Place, supervise: Supervise) -> None:
    """The next run of ocrgate does not begin with the same death."""
    place.plan({"bears": 8, "early": True})
    first = supervise(patience=3600.0)
    await first.start()
    await first.close()
    await supervise(patience=3600.0).start()
    assert place.given("--max-num-seqs") == ["16", "8", "8"]


async def test_a_context_that_does_not_fit_is_shortened(place: Place, supervise: Supervise) -> None:
    """To what vLLM says it has room for, if the largest page still fits."""
    place.plan({"context": 24_000})
    await supervise().start()
    assert place.given("--max-model-len") == ["40960", "24000"]
    assert place.given("--max-num-seqs") == ["16", "16"]


async def test_a_flag_that_vllm_does_not_know_is_left_out(
    place: Place, supervise: Supervise
) -> None:
    """Some of ours are worth having but not needed."""
    place.plan({"refuses": ["--max-num-queued-reqs"]})
    await supervise().start()
    assert place.given("--max-num-queued-reqs") == ["20", None]


async def test_a_users_flag_that_vllm_does_not_know_is_an_error(
    place: Place, supervise: Supervise
) -> None:
    """It is said, with the line that says it, and not tried again."""
    place.plan({"refuses": ["--no-such-thing"]})
    with pytest.raises(EngineUnavailable, match=r"refused an argument.*\n.*--no-such-thing"):
        await supervise(args=("--no-such-thing", "9")).start()
    assert len(place.starts) == 1
    assert place.states() == [State.STARTING, State.STOPPED]


async def test_a_server_that_prints_its_arguments_gives_no_secret_away(
    place: Place, supervise: Supervise
) -> None:
    """Neither in the log nor in what is said of its end."""
    place.plan({"refuses": ["hf_very_secret"]})
    with pytest.raises(EngineUnavailable, match=r"unrecognized arguments: \*\*\* 9") as raised:
        await supervise(args=("--hf-token", "hf_very_secret")).start()
    assert "very_secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("OSError: x/y is not a local folder and is not a valid model identifier", "not found"),
        ("RuntimeError: No CUDA GPUs are available", "--engine cpu"),
        ("Segmentation fault", "Segmentation fault"),
    ],
)
async def test_a_first_start_that_fails_says_why(
    place: Place, supervise: Supervise, words: str, said: str
) -> None:
    """The message names the cause or quotes the last lines; nothing runs afterwards."""
    place.plan({"fails": True, "words": [words]})
    with pytest.raises(EngineUnavailable, match=said):
        await supervise().start()
    assert place.left() == set()


async def test_a_taken_port_is_no_server_of_ours(place: Place, supervise: Supervise) -> None:
    """A stranger who answers there must not pass for the vLLM that we wanted to start."""
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        with pytest.raises(EngineUnavailable, match="port is taken"):
            await supervise(port=stranger.getsockname()[1]).start()
    assert place.starts == []


async def test_a_server_that_cannot_read_is_not_up(place: Place, supervise: Supervise) -> None:
    """It answers, but its first page fails each time it is tried."""

    async def check(url: str) -> None:
        raise RuntimeError("gibberish")

    with pytest.raises(EngineUnavailable, match=r"reads no page \(RuntimeError: gibberish\)"):
        await supervise(Hooks(check=check)).start()
    assert State.UP not in place.states()


async def test_a_start_that_takes_too_long_is_ended(place: Place, supervise: Supervise) -> None:
    """With the last lines, which tell how far it came."""
    place.plan({"loads": 60})
    with pytest.raises(EngineUnavailable, match=r"0\.4 s after its start(?s:.*)KV cache size"):
        await supervise(start_timeout=0.4).start()
    assert place.left() == set()


@pytest.mark.parametrize("plan", [{"answers": 3}, {"health": 503}])
async def test_a_server_that_lives_but_does_not_serve_is_replaced(
    place: Place, supervise: Supervise, plan: dict[str, int]
) -> None:
    """One that answers no more, and one that says its engine is dead."""
    place.plan(plan, {})
    await supervise(answer=0.2).start()
    await happens(lambda: place.states().count(State.UP) == 2)
    assert len(place.starts) == 2


async def test_a_server_that_answers_and_reads_nothing_is_replaced(
    place: Place, supervise: Supervise
) -> None:
    """Its scheduler is dead, or so it looks: pages fail, or never end. One alone is nothing."""
    asked: list[int] = []

    async def reads(index: int) -> None:
        asked.append(index)
        if len(asked) == 2:
            await asyncio.Event().wait()
        if len(asked) in {1, 3, 5, 6}:
            raise EngineFailed("no first token")

    await supervise(Hooks(reads=reads), page=0.02, patient=0.1, unread=3).start()
    await happens(lambda: place.states().count(State.UP) == 2)
    (trouble,) = {
        change.diagnosis.text
        for change in place.changes
        if change.state is State.DOWN
        if change.diagnosis is not None
    }
    assert "read no page 3 times in a row (EngineFailed: no first token)" in trouble
    assert len(place.starts) == 2
    await happens(lambda: len(asked) > 8)
    assert place.states()[-1] is State.UP


async def test_a_mistake_of_ours_leaves_no_server_that_nobody_watches(
    place: Place, supervise: Supervise
) -> None:
    """It would hold its GPU until we end, and answer others."""

    def busy(index: int) -> bool:
        raise ZeroDivisionError("a bug")

    await supervise(Hooks(busy=busy)).start()
    await happens(lambda: place.states()[-1] is State.STOPPED)
    await happens(lambda: place.left() == set(), 5.0)
    stopped = last(place, State.STOPPED).diagnosis
    assert stopped is not None
    assert "a bug" in stopped.text


async def test_a_flood_of_log_holds_nobody_up(place: Place, supervise: Supervise) -> None:
    """Ten megabytes and a line of one more: read, bounded, and the event loop keeps its time."""
    place.plan({"flood": 170_000})
    lags: list[float] = []

    async def measure() -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(0.005)
            lags.append(loop.time() - begun - 0.005)

    watch = asyncio.create_task(measure())
    await supervise().start()
    watch.cancel()
    assert sorted(lags)[int(0.95 * len(lags))] < 0.1
    assert last(place, State.UP).facts.kv_tokens == 21_760


async def test_it_can_be_closed_while_it_starts(place: Place, supervise: Supervise) -> None:
    """Whoever waits for the start is told; nothing is left."""
    place.plan({"loads": 60, "child": True})
    supervisor = supervise()
    starting = asyncio.create_task(supervisor.start())
    await happens(lambda: "begin" in place.story and (place.folder / "children").exists())
    await supervisor.close()
    with pytest.raises(EngineUnavailable, match="stopped while it was starting"):
        await starting
    assert place.left() == set()


async def test_a_cancelled_start_leaves_nothing(place: Place, supervise: Supervise) -> None:
    """Ctrl-C while the model loads."""
    place.plan({"loads": 60})
    starting = asyncio.create_task(supervise().start())
    await happens(lambda: "begin" in place.story)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert place.left() == set()


async def test_one_server_for_each_gpu(place: Place, supervise: Supervise) -> None:
    """On ports in a row, each with its own GPU; one that dies does not touch the other."""
    path = with_gpus(place, "0, GPU-a, NVIDIA H100, 81559", "1, GPU-b, NVIDIA H100, 81559")
    await supervise(path=path, device="auto").start()
    assert sorted(start["gpus"] for start in place.starts) == ["0", "1"]
    assert place.states(0) == place.states(1) == [State.STARTING, State.UP]
    ports = {int(port or 0) for port in place.given("--port")}
    assert max(ports) - min(ports) == 1
    os.kill(min(place.left()), signal.SIGKILL)
    await happens(lambda: len(place.starts) == 3)
    died = [index for index in (0, 1) if State.DOWN in place.states(index)]
    assert len(died) == 1
    await happens(lambda: place.states(died[0])[-1] is State.UP)
    assert place.states(1 - died[0]) == [State.STARTING, State.UP]


async def test_one_gpu_that_works_is_enough(place: Place, supervise: Supervise) -> None:
    """The other is tried again; here it works the second time."""
    path = with_gpus(place, "0, GPU-a, NVIDIA H100, 81559", "1, GPU-b, NVIDIA H100, 81559")
    place.plan({"fails": True, "words": ["RuntimeError: odd"]}, {})
    await supervise(path=path, device="auto").start()
    await happens(lambda: [place.states(n)[-1] for n in (0, 1)] == [State.UP, State.UP])
    assert len(place.starts) == 3


async def test_data_parallel_is_one_server(place: Place, supervise: Supervise) -> None:
    """All GPUs in one process, which spreads the pages itself."""
    path = with_gpus(place, "0, GPU-a, NVIDIA H100, 81559", "1, GPU-b, NVIDIA H100, 81559")
    await supervise(path=path, device="auto", parallel="data").start()
    assert [start["gpus"] for start in place.starts] == ["0,1"]
    assert place.given("--data-parallel-size") == ["2"]


async def test_without_a_gpu_it_says_what_to_do(place: Place, supervise: Supervise) -> None:
    """Nothing is started."""
    with pytest.raises(EngineUnavailable, match="--engine cpu"):
        await supervise(path=with_gpus(place), device="auto").start()
    assert place.starts == []


async def test_without_vllm_it_says_how_to_get_it(place: Place, supervise: Supervise) -> None:
    with pytest.raises(EngineUnavailable, match="pip install vllm"):
        await supervise(command="no-such-vllm").start()


def with_gpus(place: Place, *rows: str) -> str:
    """A PATH with an ``nvidia-smi`` that lists these, and nothing else."""
    folder = place.folder / "bin"
    folder.mkdir(exist_ok=True)
    tool = folder / "nvidia-smi"
    tool.write_text("#!/bin/sh\n" + "".join(f"echo '{row}'\n" for row in rows))
    tool.chmod(0o755)
    return str(folder)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.integration.launch.conftest import FAST, Place, vllm_params
from ocrgate.engines.launch.layout import layout
from ocrgate.engines.launch.served import recipe_of, served
from ocrgate.engines.launch.supervisor import Supervisor
from ocrgate.runtime.clock import LoopClock

async def main():
    params = vllm_params(Place(Path(sys.argv[1])))
    model = served(recipe_of(params), params)
    place = layout(params, model, os.environ)
    await Supervisor(params, model, place, LoopClock(), lambda change: None, pace=FAST).start()
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_nothing_outlives_us_even_when_we_are_killed(place: Place) -> None:
    """SIGKILL cannot be caught, yet the GPU must be free again: its server and its child go."""
    place.plan({"child": True, "stubborn": True})
    ours = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(place.folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    with ours:
        assert ours.stdout is not None
        up = "up\n" in iter(ours.stdout.readline, "")
        running = len(place.left())
        ours.kill()
        ours.wait()
    assert (up, running) == (True, 2)
    wait_until(lambda: place.left() == set(), 8.0)
