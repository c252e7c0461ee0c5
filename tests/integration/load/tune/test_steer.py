"""Engines that a command starts anew, and what is left of them afterwards."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from ocrgate.cli.report import CommandFailed
from ocrgate.cli.tuning.steer import Command, Still, with_flag
from ocrgate.errors import EngineUnavailable, OcrgateError
from ocrgate.load.probe import detect
from ocrgate.load.targets import Asking

SERVER = """
import http.server, json, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"data": [{"id": sys.argv[2]}]} if "models" in self.path else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path) -> str:
    """The words that run a small server on a port, whose model is called by a number."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


@pytest.fixture
def url(unused_tcp_port: int) -> str:
    return f"http://127.0.0.1:{unused_tcp_port}"


async def model_at(url: str) -> str | None:
    with contextlib.suppress(OcrgateError):
        return (await detect(url, Asking())).asking.model
    return None


def template(server: str, url: str) -> str:
    return f"{server} {url.rpartition(':')[2]} {{max_num_seqs}}"


async def test_a_server_is_started_with_each_setting_and_ended(server: str, url: str) -> None:
    steer = Command(template(server, url), url, patience=20)
    for at_once in (4.0, 8.0):
        assert await steer.apply({"max-num-seqs": at_once}) == url
        assert await model_at(url) == f"{at_once:g}"
    await steer.restore()
    assert await model_at(url) is None


async def test_what_it_had_before_is_brought_back_and_left_alone(server: str, url: str) -> None:
    steer = Command(template(server, url), url, before={"max-num-seqs": 16}, patience=20)
    await steer.apply({"max-num-seqs": 4})
    await steer.restore()
    assert await model_at(url) == "16"
    await steer.restore()  # a second time changes nothing
    assert await model_at(url) == "16"
    await _kill_server(url)


async def test_what_is_never_touched_is_not_restored(server: str, url: str) -> None:
    steer = Command(template(server, url), url, before={"max-num-seqs": 16})
    await steer.restore()
    assert await model_at(url) is None


async def test_a_command_that_fails_is_told(url: str) -> None:
    steer = Command(f"{shlex.quote(sys.executable)} -c 'raise SystemExit(3)'", url, patience=20)
    with pytest.raises(EngineUnavailable, match="ended with 3"):
        await steer.apply({"max-num-seqs": 4})
    await steer.restore()


async def test_a_command_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(EngineUnavailable, match="No such file"):
        await Command("/no/such/command", url).apply({"max-num-seqs": 4})


async def test_a_server_that_never_answers_is_given_up_and_ended(url: str) -> None:
    steer = Command("sleep 60", url, patience=0.5)
    with pytest.raises(EngineUnavailable, match="no engine answers"):
        await steer.apply({"max-num-seqs": 4})
    async with asyncio.timeout(5):
        await steer.restore()


async def test_an_older_engine_is_not_taken_for_the_one_that_replaces_it(
    server: str, url: str, tmp_path: Path
) -> None:
    """As `docker compose up -d` does: the old one answers until the command is nearly done."""
    port = url.rpartition(":")[2]
    older = Command(template(server, url), url, patience=20)
    await older.apply({"max-num-seqs": 1})
    script = tmp_path / "replace.sh"
    old, new = servers_on(port)[0], f"{server} {port} $1 >/dev/null 2>&1 </dev/null &"
    script.write_text(f"sleep 0.7\nkill {old}\nsleep 0.2\n{new}\n")
    steer = Command(f"sh {shlex.quote(str(script))} {{max_num_seqs}}", url, patience=20)
    await steer.apply({"max-num-seqs": 8})
    assert await model_at(url) == "8"
    await older.restore()
    await _kill_server(url)


async def test_a_command_that_finds_its_port_taken_says_who_is_there(server: str, url: str) -> None:
    older = Command(template(server, url), url, patience=20)
    await older.apply({"max-num-seqs": 1})
    fails = f"{shlex.quote(sys.executable)} -c 'raise SystemExit(1)'"
    with pytest.raises(EngineUnavailable, match="an engine that it did not start answers"):
        await Command(fails, url, patience=20).apply({"max-num-seqs": 8})
    await older.restore()


async def test_it_asks_as_trials_do(url: str) -> None:
    """Where a certificate is not to be checked, say, that holds for these questions too."""
    asked: list[str] = []

    async def ask() -> None:
        asked.append("who is there?")

    assert await Still(url, ask=ask).apply({}) == url
    await Command("true", url, ask=ask).apply({"max-num-seqs": 4})
    assert len(asked) >= 3


@pytest.mark.parametrize("text", ["", "run {nothing}", "run '", "run {0}"])
def test_a_command_that_cannot_be_filled_in_is_refused_at_once(text: str) -> None:
    with pytest.raises(CommandFailed, match="--restart-command"):
        Command(text, "http://127.0.0.1:1")


async def test_an_engine_that_is_not_touched_is_waited_for(server: str, url: str) -> None:
    """Something else starts it again after it died."""
    steer = Still(url, patience=20)
    waiting = asyncio.create_task(steer.apply({"max-num-seqs": 4}))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    other = Command(template(server, url), url, patience=20)
    await other.apply({"max-num-seqs": 1})
    assert await waiting == url
    await steer.restore()
    assert await model_at(url) == "1"
    await other.restore()


async def test_an_engine_that_does_not_come_back_is_left_to_the_trial_to_tell() -> None:
    assert await Still("http://127.0.0.1:9", patience=0.1).apply({}) == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), ("--a", "2")),
        (("--a", "1", "--b"), ("--b", "--a", "2")),
        (("--a=1",), ("--a", "2")),
        (("--ab", "1"), ("--ab", "1", "--a", "2")),
    ],
)
def test_a_flag_is_set_however_it_stood(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert with_flag(before, "--a", 2) == after


async def _kill_server(url: str) -> None:
    """End what was left running for the user: here that is us."""
    for pid in servers_on(url.rpartition(":")[2]):
        os.kill(pid, signal.SIGTERM)


def servers_on(port: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = place.read_bytes().decode(errors="replace").split("\0")
            if port in words and any("server.py" in word for word in words):
                found.append(int(place.parent.name))
    return found
