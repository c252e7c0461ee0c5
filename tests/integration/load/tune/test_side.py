"""`ocrgate tune --what side`: what it says, draws and refuses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web
from tests.integration.load.conftest import simulated

from ocrgate.cli.report import CommandFailed
from ocrgate.cli.tuning.order import Given, checked
from ocrgate.cli.tuning.pictures import _check, table
from ocrgate.load.targets import Api, Asking
from ocrgate.load.tune.picture import SideTrial, choose_side
from ocrgate.load.tune.sides import SideTrials
from ocrgate.load.workload import Workload

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
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/ocr"
    await runner.cleanup()


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
