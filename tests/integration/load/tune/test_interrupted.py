"""Ctrl-C in the middle of a search: the engine is what it was, and the search goes on."""

import asyncio
import json
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest
from tests.integration.load.tune.test_steer import SERVER, model_at, servers_on

from ocrgate.cli.exit import Exit

SLOW = SERVER.replace(
    "    def log_message",
    "    def do_POST(self):\n        import time; time.sleep(0.05); self.do_GET()\n"
    "    def log_message",
)


async def tune(folder: Path, url: str, *more: str) -> asyncio.subprocess.Process:
    script = folder / "server.py"
    script.write_text(SLOW)
    port = url.rpartition(":")[2].partition("/")[0]
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {port} {{max_num_seqs}}"
    words = ["tune", url, "--restart-command", command, "--now", "max-num-seqs=16"]
    words += ["--api", "raw", "--mix", "screenshots", "--pages", "2", "--trial", "1s", *more]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ocrgate", *words, cwd=folder, stdout=pipe, stderr=pipe
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_what_ran_before_runs_again(
    number: signal.Signals, tmp_path: Path, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    process = await tune(tmp_path, f"{url}/read")
    state = tmp_path / "ocrgate-tune.json"
    try:
        async with asyncio.timeout(90):
            while not state.exists():  # noqa: ASYNC110 - written by the other process
                await asyncio.sleep(0.05)
            process.send_signal(number)
            process.send_signal(number)  # as people do
            _, talk = await process.communicate()
        codes = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
        assert process.returncode == codes[number], talk.decode()
        assert "goes on where it was" in talk.decode()
        assert await model_at(url) == "16"
        assert json.loads(state.read_text())["trials"]
    finally:
        for pid in servers_on(f"{unused_tcp_port}"):
            os.kill(pid, signal.SIGTERM)
