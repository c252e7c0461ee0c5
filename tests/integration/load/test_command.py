"""`ocrgate bench` as people run it: what it prints, what it keeps, how it ends."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit
from ocrgate.load.record import Record, read
from ocrgate.testing import FaultyEngine, PausingServer, Persona, Refuse, Talk


@dataclass
class Ended:
    """A process that is over."""

    code: int
    out: str
    err: str


async def start(*words: str, limit: int = 0) -> asyncio.subprocess.Process:
    """Start the command; with ``limit``, files may have so many blocks of 512 bytes."""
    command = [sys.executable, "-m", "ocrgate", "bench", *words]
    if limit:
        command = ["sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", *command]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def finish(process: asyncio.subprocess.Process) -> Ended:
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def bench(*words: str, limit: int = 0) -> Ended:
    return await finish(await start(*words, limit=limit))


async def reached(server: PausingServer, answers: int) -> None:
    while server.answered < answers:  # noqa: ASYNC110 - it is the server's own count
        await asyncio.sleep(0.02)


async def under_way(server: PausingServer, page: str, record: Path) -> asyncio.subprocess.Process:
    """A long run that has some answers by now."""
    words = ("-c", "2", "-d", "10m", "--warmup", "0", "--api", "raw", "-o", str(record))
    process = await start(server.url, page, *words)
    await reached(server, 30)
    return process


async def connected(server: PausingServer) -> None:
    while not server._open:  # noqa: ASYNC110 - it is the server's own set
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)


@pytest.fixture
def page(tmp_path: Path) -> str:
    file = tmp_path / "page.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    file.with_suffix(".txt").write_text("a page")
    return str(file)


async def test_a_run_is_summed_up_and_kept(page: str, tmp_path: Path) -> None:
    """For people on standard output, all of it in a file."""
    record = tmp_path / "run.json"
    async with PausingServer(0.01) as server:
        words = ("-c", "2", "-n", "40", "--api", "raw", "--slo", "e2e=20s,error=1%,cer=1%")
        ended = await bench(server.url, page, *words, "-o", str(record))
    assert ended.code == Exit.OK, ended
    for word in ("40 of 40 answered", "p50", "p99", "0 % of characters wrong", "kept"):
        assert word in ended.out, word
    assert str(record) in ended.err
    found = read(record)
    assert found.complete
    assert found.steps[0].tally.outcomes == {"ok": 40}
    assert found.run.command.startswith("ocrgate bench http")
    assert not record.with_name("run.json.partial").exists()


async def test_a_missed_slo_ends_with_1(page: str) -> None:
    """For CI; and the figures are there for programs."""
    async with PausingServer(0.05) as server:
        ended = await bench(
            server.url, page, "-n", "5", "--api", "raw", "--slo", "e2e=1ms", "--json"
        )
    assert ended.code == Exit.MISSED
    told = json.loads(ended.out)["steps"][0]
    assert told["outcomes"] == {"ok": 5}
    assert told["verdicts"][0]["held"] is False
    assert told["latency_seconds"]["p99"] >= 0.05


async def test_ctrl_c_keeps_what_was_measured(page: str, tmp_path: Path) -> None:
    """130, a summary, and a record that says it was broken off."""
    record = tmp_path / "run.json"
    async with PausingServer(0.01) as server:
        process = await under_way(server, page, record)
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert ended.code == Exit.INTERRUPTED, ended
    assert "ended early" in ended.out
    found = read(record)
    assert not found.steps[0].finished
    assert found.steps[0].tally.outcomes["ok"] >= 20
    assert "interrupted" in {event.kind for event in found.events}


async def test_ctrl_c_before_anything_was_measured() -> None:
    """One line and 130, not a traceback: here the server does not even answer the first page."""
    async with PausingServer(30.0) as server:
        process = await start(f"{server.url}read", "--mix", "up-to-1024", "--pages", "1")
        await connected(server)
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.out) == (Exit.INTERRUPTED, "")
    assert "before anything was measured" in ended.err
    assert "Traceback" not in ended.err


async def test_a_target_that_dies_is_told(page: str, tmp_path: Path) -> None:
    """7, and what was measured before."""
    record = tmp_path / "run.json"
    async with PausingServer(0.01) as server:
        process = await under_way(server, page, record)
        server.stop()
        ended = await finish(process)
    assert ended.code == Exit.ENGINE, ended
    assert "went away" in ended.err
    assert read(record).steps[0].tally.outcomes["ok"] >= 20


async def test_a_full_disk_does_not_end_the_run(page: str, tmp_path: Path) -> None:
    """The summary is printed, the lines that fitted are kept, and the code says what failed."""
    record = tmp_path / "run.json"
    async with PausingServer(0.001) as server:
        ended = await bench(
            server.url, page, "-n", "400", "--api", "raw", "-o", str(record), limit=16
        )
    assert ended.code == Exit.ENVIRONMENT, ended
    assert "400 of 400 answered" in ended.out
    assert "could not be written" in ended.err
    assert not record.exists()
    kept: Record = read(record)  # from the lines beside it
    assert not kept.complete
    assert 10 < len(kept.samples.rows) < 400


async def test_an_unreachable_target(page: str) -> None:
    """Told at once, in one line."""
    ended = await bench("http://127.0.0.1:1", page)
    assert (ended.code, ended.out) == (Exit.ENGINE, "")
    assert "Connection refused" in ended.err
    assert "Traceback" not in ended.err


async def test_a_wrong_key(page: str) -> None:
    """5, and nothing is sent."""
    async with FaultyEngine(Talk("x"), persona=Persona(key="right")) as server:
        ended = await bench(server.url, page, "--key", "sk-wrong")
        assert server.chats == []
    assert ended.code == Exit.ACCESS
    assert "sk-wrong" not in ended.out + ended.err


async def test_no_success_at_all(page: str) -> None:
    """6 where the server was only full, with what it said."""
    problem = {"code": "overloaded", "detail": "it is full"}
    async with FaultyEngine(Refuse(429, problem)) as server:
        ended = await bench(server.url, page, "-n", "6")
    assert ended.code == Exit.REFUSED, ended
    assert "no request succeeded: overloaded 6 (it is full)" in ended.err


async def test_a_sweep_shows_all_loads_side_by_side(page: str) -> None:
    """And where more gives nothing more."""
    async with PausingServer(0.02) as server:
        words = ("-c", "1,2,4", "-d", "1", "--warmup", "0", "--api", "raw", "--json")
        ended = await bench(server.url, page, *words)
    assert ended.code == Exit.OK, ended
    steps = json.loads(ended.out)["steps"]
    assert [step["load"] for step in steps] == [1, 2, 4]
    rates = [step["throughput_per_second"] for step in steps]
    assert rates[0] < rates[2]


@pytest.mark.parametrize(
    "words",
    [
        ("--concurrency", "0"),
        ("--concurrency", "two"),
        ("--rate", "5", "-c", "3"),
        ("--ramp", "5"),
        ("--slo", "speed=5"),
        ("--api", "soap"),
        ("--mix", "none"),
        ("--lanes", "vip=1"),
        ("--duration", "soon"),
        ("--header", "no colon"),
        ("--key-shares", "0.5,0.5"),
        ("--burstiness", "0.5"),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_before_anything_is_sent(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """2, with the name of the option."""
    from ocrgate.cli.app import main

    with pytest.raises(SystemExit) as ended:
        main(["bench", "http://127.0.0.1:1", *words])
    assert ended.value.code == Exit.USAGE
    assert words[0] in capsys.readouterr().err


def test_a_record_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a folder, nor a place that is not there."""
    from ocrgate.cli.app import main

    old = tmp_path / "old.json"
    old.write_text("{}")
    for out in (old, tmp_path, tmp_path / "no" / "x.json"):
        with pytest.raises(SystemExit) as ended:
            main(["bench", "http://127.0.0.1:1", "-o", str(out)])
        assert ended.value.code in {Exit.USAGE, Exit.ENVIRONMENT}
    assert old.read_text() == "{}"
    assert "--force" in capsys.readouterr().err
