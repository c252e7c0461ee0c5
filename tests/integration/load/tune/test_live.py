"""Trials on a simulated vLLM over HTTP: what is measured, and when a trial is ended early."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web
from tests.integration.load.tune.serving import served

from ocrgate.errors import EngineUnavailable, InvalidRequest
from ocrgate.load.probe import detect
from ocrgate.load.sampling import own_page
from ocrgate.load.slo import parse
from ocrgate.load.targets import Api, Asking
from ocrgate.load.tune.live import LiveTrials
from ocrgate.load.tune.trial import Purpose, Trial
from ocrgate.load.workload import Workload

Begin = Callable[[], Awaitable[str]]


def trials(work: Workload, slo: str = "e2e=20s", seconds: float = 2.0) -> LiveTrials:
    asking = Asking(model="tencent/HunyuanOCR", max_tokens=2048)
    return LiveTrials(work, asking, parse(slo), seconds=seconds, warmup=0.5, pages=10)


def trial(at_once: int) -> Trial:
    return Trial((at_once,), Purpose.CLIMB)


async def test_more_at_once_gives_more_pages(simulated: Begin, page: Workload) -> None:
    url = await simulated()
    few = await trials(page)(trial(2), url)
    many = await trials(page)(trial(12), url)
    assert few.stop is many.stop is None
    assert few.failed == many.failed == 0
    assert many.goodput > 1.3 * few.goodput
    assert few.seconds == pytest.approx(2.0, abs=1.5)
    for seen in (few, many):  # short as they are, what chance does to them is known
        assert seen.error > 0.02 * seen.goodput


async def test_late_pages_do_not_count(simulated: Begin, page: Workload) -> None:
    seen = await trials(page, "e2e=1ms")(trial(2), await simulated())
    assert seen.goodput == 0
    assert seen.late == 1


async def test_a_text_that_begins_too_late_does_not_count(simulated: Begin, page: Workload) -> None:
    seen = await trials(page, "e2e=20s,ttft=1ms")(trial(2), await simulated())
    assert seen.goodput == 0
    assert seen.late == 1


async def test_a_trial_goes_on_until_it_has_seen_enough(simulated: Begin, page: Workload) -> None:
    made = replace(trials(page, seconds=0.5), pages=10**6)
    seen = await made(trial(2), await simulated())
    assert seen.seconds == pytest.approx(2.0, abs=0.8)


async def test_wrong_answers_do_not_count_and_are_not_late(
    simulated: Begin, page: Workload
) -> None:
    """Every text is cut after two tokens."""
    made = trials(page)
    made = replace(made, asking=replace(made.asking, max_tokens=2))
    seen = await made(trial(2), await simulated())
    assert seen.served > 0
    assert seen.goodput == seen.late == 0
    assert seen.stop is None


async def test_a_server_that_is_not_there_is_an_error(page: Workload) -> None:
    with pytest.raises(EngineUnavailable):
        await trials(page)(trial(2), "http://127.0.0.1:9")


@pytest.fixture
async def locked() -> AsyncIterator[str]:
    """Tells of its models, and wants another key for pages."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    async def refused(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "bad key"}}, status=401)

    app = web.Application(client_max_size=2**24)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", refused)
    async with served(app) as url:
        yield url


async def test_a_key_that_no_page_is_read_with_is_no_matter_of_load(
    locked: str, page: Workload
) -> None:
    made = replace(trials(page), asking=Asking(model="m"), api=Api.OPENAI)
    with pytest.raises(InvalidRequest, match="no setting of the engine mends that"):
        await made(trial(2), locked)


@pytest.fixture
async def below() -> AsyncIterator[str]:
    """An engine below a path, and beside it at the root another server that shows metrics, too."""

    def page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text)

        return answer

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m", "object": "model"}]})

    app = web.Application()
    app.router.add_get("/metrics", page("vllm:num_preemptions_total 100\n"))
    app.router.add_get("/vllm/metrics", page("vllm:num_preemptions_total 7\n"))
    app.router.add_get("/vllm/v1/models", models)
    app.router.add_get("/bare/v1/models", models)
    async with served(app) as url:
        yield url


@pytest.mark.parametrize("path", ["/vllm", "/vllm/v1", "/vllm/v1/chat/completions"])
async def test_an_engine_below_a_path_has_its_metrics_there(below: str, path: str) -> None:
    found = await own_page(await detect(f"{below}{path}", Asking(), api=Api.OPENAI))
    assert found is not None
    page, readings = found
    page.close()
    assert page.url == f"{below}/vllm/metrics"
    assert readings == [("preemptions", "", 7.0)]


async def test_a_base_that_ends_in_v1_is_an_engines_as_its_clients_have_it(below: str) -> None:
    found = await detect(f"{below}/vllm/v1", Asking())
    assert (found.api, found.address.path) == (Api.OPENAI, "/vllm/v1/chat/completions")


async def test_what_stands_at_the_root_is_not_taken_for_an_engine_below_it(below: str) -> None:
    assert await own_page(await detect(f"{below}/bare/v1", Asking(), api=Api.OPENAI)) is None
