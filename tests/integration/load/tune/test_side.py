"""`ocrgate tune --what side`: what it says, draws and refuses."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from PIL import Image
from tests.integration.load.conftest import simulated
from tests.integration.load.tune.serving import served

from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed
from ocrgate.cli.tuning.order import Given, checked
from ocrgate.cli.tuning.pictures import _check, table
from ocrgate.errors import EngineUnavailable
from ocrgate.load.targets import Api, Asking
from ocrgate.load.tune.picture import SideTrial, choose_side
from ocrgate.load.tune.sides import SideTrials
from ocrgate.load.tune.state import StateFile, side_trial
from ocrgate.load.workload import Workload
from ocrgate.testing.pausing import PausingServer

__all__ = ["simulated"]


@pytest.fixture
async def busy() -> AsyncIterator[str]:
    """Reads every page, but refuses each the first time; the text is the page's own."""
    seen: set[bytes] = set()

    async def read(request: web.Request) -> web.Response:
        body = await request.read()
        if body not in seen:
            seen.add(body)
            return web.json_response({}, status=429, headers={"Retry-After": "0.01"})
        return web.json_response({"text": "as it stands"})

    app = web.Application(client_max_size=2**24)
    app.router.add_post("/ocr", read)
    async with served(app) as url:
        yield f"{url}/ocr"


async def test_who_is_refused_comes_back_and_is_no_error(busy: str, page: Workload) -> None:
    documents = tuple(replace(each, text="as it stands") for each in page.documents)
    trials = SideTrials(documents, Asking(), clients=1, api=Api.RAW)
    seen = await trials(256, busy)
    assert seen.unread == 0
    assert seen.errors == (0.0,)
    assert seen.goodput > 0


async def test_a_server_that_does_not_read_is_found_out(
    simulated: Callable[[], Awaitable[str]], page: Workload
) -> None:
    trials = SideTrials(page.documents, Asking(model="tencent/HunyuanOCR", max_tokens=64))
    seen = await trials(256, await simulated())
    with pytest.raises(CommandFailed, match="no text that a smaller side could lose"):
        _check(seen)


def test_nothing_read_is_told_with_the_reason() -> None:
    with pytest.raises(CommandFailed, match="no page was read at 2048 pixels: unauthenticated"):
        _check(SideTrial(2048, (None, None), 0.0, why="unauthenticated"))


def test_pages_without_a_text_are_refused_with_what_is_missing(page: Workload) -> None:
    documents = tuple(replace(each, text=None) for each in page.documents)
    with pytest.raises(Exception, match=r"scan\.txt beside it"):
        SideTrials(documents, Asking())


def test_the_table_says_what_was_not_read_and_what_may_be_missed() -> None:
    choice = choose_side(
        [
            SideTrial(2048, (*(0.0,) * 29, None), 1.0, why="timeout"),
            SideTrial(1024, (0.0,) * 30, 2.0, tokens=812.0),
            SideTrial(512, (*(0.0,) * 28, None, None), 4.0, why="engine_failed"),
        ]
    )
    text = "\n".join(table(choice, 0.0))
    assert "1024" in text.splitlines()[2]
    assert "<- recommended" in text.splitlines()[2]
    assert "(2 not read: engine_failed)" in text
    assert "1 pages were not read at 2048 pixels (timeout)" in text
    assert "one page in 9 may have been missed" in text


def test_a_side_is_searched_for_with_the_words_of_the_command_line() -> None:
    order = checked(Given(url="http://h", what="seqs", sides="512,1024"))
    assert order.url == "http://h"


async def test_a_target_that_dies_is_given_up_and_nothing_is_said_of_the_side(
    page: Workload,
) -> None:
    """Pages that nobody was there to read would else count against the side for ever."""
    told: list[str] = []
    documents = page.documents * 6
    async with PausingServer(service=0.2) as server:
        trials = SideTrials(
            documents, Asking(), clients=1, api=Api.RAW, patience=0.2, told=told.append
        )
        reading = asyncio.ensure_future(trials(256, server.url))
        while not server.answered:  # noqa: ASYNC110 - the server counts
            await asyncio.sleep(0.02)
        server.stop()
        with pytest.raises(EngineUnavailable, match="nobody has answered for"):
            await reading
    assert told == ["nobody is there: waiting up to 0.2 s for it to come back"]


async def test_a_target_that_comes_back_in_time_is_read_on(
    page: Workload, unused_tcp_port: int
) -> None:
    documents = tuple(replace(each, text="a page") for each in page.documents * 4)
    async with PausingServer(service=0.1, port=unused_tcp_port) as server:
        trials = SideTrials(documents, Asking(), clients=1, api=Api.RAW)
        reading = asyncio.ensure_future(trials(256, server.url))
        while not server.answered:  # noqa: ASYNC110 - the server counts
            await asyncio.sleep(0.02)
        server.stop()
    async with PausingServer(port=unused_tcp_port):
        seen = await reading
    assert seen.unread == 0
    assert seen.errors == (0.0,) * 4


@pytest.fixture
def scans(tmp_path: Path) -> list[str]:
    """Three pictures with their text beside them."""
    for number in range(3):
        Image.new("RGB", (300, 200), (250, 250, 240 - number)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text("a page")
    return [str(path) for path in sorted(tmp_path.glob("*.png"))]


async def tune(folder: Path, url: str, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ocrgate", "tune", url, *words),
        *("--what", "side", "--api", "raw", "-c", "1"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_search_that_is_broken_off_goes_on_with_the_sides_that_are_left(
    number: signal.Signals, tmp_path: Path, scans: list[str]
) -> None:
    state = tmp_path / "ocrgate-tune-side.json"
    async with PausingServer(service=0.2) as server:
        first = await tune(tmp_path, server.url, *scans, "--sides", "256,128,64")
        async with asyncio.timeout(60):
            while not state.exists():  # noqa: ASYNC110 - written by the other process
                await asyncio.sleep(0.02)
        first.send_signal(number)
        first.send_signal(number)  # as people do
        _, talk = await first.communicate()
        codes = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}
        assert first.returncode == codes[number], talk.decode()
        assert "the same command goes on where it was" in talk.decode()
        kept = len(json.loads(state.read_text())["trials"])
        assert 1 <= kept < 3

        before = server.answered
        second = await tune(tmp_path, server.url, *scans, "--sides", "256,128,64", "--json")
        found, talk = await second.communicate()
        assert second.returncode == Exit.OK, talk.decode()
        assert f"Going on after {kept} trials" in talk.decode()
        assert "at 256 pixels" not in talk.decode()
        assert server.answered - before == 3 * (3 - kept)
    assert [each["side"] for each in json.loads(found)["tried"]] == [256, 128, 64]
    assert not state.exists()


async def test_other_pages_are_another_search(tmp_path: Path, scans: list[str]) -> None:
    state = StateFile(tmp_path / "kept.json", {"what": "something else"}, side_trial)
    state.save([SideTrial(256, (0.0, None), 1.0)])
    assert state.load() == (SideTrial(256, (0.0, None), 1.0),)
    async with PausingServer() as server:
        words = (*scans, "--state", "kept.json")
        refused = await tune(tmp_path, server.url, *words)
        _, talk = await refused.communicate()
        assert refused.returncode == Exit.USAGE
        assert "--fresh begins a new one" in talk.decode()
        anew = await tune(tmp_path, server.url, *words, "--fresh", "--sides", "128,64")
        await anew.communicate()
        assert anew.returncode == Exit.OK


async def test_a_place_that_cannot_be_written_is_told_before_a_page_is_read(
    tmp_path: Path, scans: list[str]
) -> None:
    async with PausingServer() as server:
        asked = await tune(tmp_path, server.url, *scans, "--state", "nowhere/kept.json")
        _, talk = await asked.communicate()
        assert server.answered == 0
    assert asked.returncode == Exit.ENVIRONMENT
    assert "nowhere/kept.json: No such file" in talk.decode()
