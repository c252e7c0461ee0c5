"""``ocrgate bench --compare``: several servers under one load, a table, records to report on."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit
from ocrgate.load.record import read
from ocrgate.testing import PausingServer


async def ocrgate(*words: str) -> tuple[int, str, str]:
    """Run a command: its code and what it wrote."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ocrgate", *words, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def closed_port() -> int:
    """A port on which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def page(tmp_path: Path) -> str:
    """A file that a bare route takes."""
    file = tmp_path / "page.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return str(file)


LOAD = ("-c", "2", "-n", "60", "--api", "raw", "--slo", "e2e=20s")


async def test_servers_are_compared_in_turn(page: str, tmp_path: Path) -> None:
    """A row for each, a record for each, and the records make a report."""
    out = tmp_path / "run.json"
    async with PausingServer(0.005) as fast, PausingServer(0.03) as slow:
        words = (fast.url, page, "--compare", slow.url, *LOAD, "-o", str(out))
        code, table, talk = await ocrgate("bench", *words)
    assert code == Exit.OK, talk
    rows = table.splitlines()
    assert [fast.url in rows[1], slow.url in rows[2], len(rows)] == [True, True, 3]
    assert rows[1].endswith("steady")
    second = tmp_path / "run.2.json"
    assert str(second) in talk
    runs = [read(path) for path in (out, second)]
    assert [run.steps[0].tally.outcomes for run in runs] == [{"ok": 60}, {"ok": 60}]
    assert runs[0].run.seed == runs[1].run.seed
    code, report, _ = await ocrgate("report", str(out), str(second), "-f", "text")
    assert code == Exit.OK
    assert "run.2, at concurrency 2" in report
    assert "Answered per second worse" in report  # the p50 of 60 quick answers may drift instead


async def test_a_record_that_cannot_be_begun_spoils_nothing(page: str, tmp_path: Path) -> None:
    """What the first server came to is told all the same."""
    (tmp_path / "run.2.json.partial").mkdir()
    out = str(tmp_path / "run.json")
    async with PausingServer(0.005) as one, PausingServer(0.005) as two:
        words = (one.url, page, "--compare", two.url, *LOAD, "-o", out)
        code, table, talk = await ocrgate("bench", *words)
    assert code == Exit.ENVIRONMENT
    assert table.splitlines()[1].endswith("steady")
    assert "run.2.json.partial" in talk
    assert read(Path(out)).steps[0].tally.outcomes == {"ok": 60}


async def test_a_server_that_is_not_there_spoils_nothing(page: str) -> None:
    """The others are tested all the same; the code says that one was missing."""
    missing = f"http://127.0.0.1:{closed_port()}"
    async with PausingServer(0.005) as there:
        code, out, _ = await ocrgate(
            "bench", missing, page, "--compare", there.url, *LOAD, "--json"
        )
    assert code == Exit.ENGINE
    servers = json.loads(out)["servers"]
    assert servers[0]["run"] is None
    assert "cannot be reached" in servers[0]["trouble"]
    assert servers[1]["run"]["steps"][0]["outcomes"] == {"ok": 60}


async def test_mistakes_are_told_before_anything_is_sent(page: str, tmp_path: Path) -> None:
    """A record that exists, and pages of metrics for some of the servers only."""
    (tmp_path / "run.2.json").write_text("dear")
    async with PausingServer(0.005) as one, PausingServer(0.005) as two:
        words = ("bench", one.url, page, "--compare", two.url, *LOAD)
        code, _, talk = await ocrgate(*words, "-o", str(tmp_path / "run.json"))
        assert (code, "run.2.json exists" in talk) == (Exit.USAGE, True)
        code, _, talk = await ocrgate(*words, "--metrics", f"{one.url}/metrics")
        assert (code, "once for each server" in talk) == (Exit.USAGE, True)
        assert (one.answered, two.answered) == (0, 0)
