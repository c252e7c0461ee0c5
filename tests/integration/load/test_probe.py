"""What answers at a URL is found out, and whether it answers a page."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ocrgate.errors import (
    EngineFailed,
    EngineUnavailable,
    Forbidden,
    InvalidRequest,
    OcrgateError,
    Unauthenticated,
    UnreadableDocument,
)
from ocrgate.load.link import parse_url
from ocrgate.load.probe import detect, try_out
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.workload import Callers, Workload
from ocrgate.testing import FaultyEngine, PausingServer, Persona, Refuse, Talk

Chat = Callable[[str], Endpoint]


async def test_a_vllm_is_known_by_its_list_of_models(
    simulated: Callable[[], Awaitable[str]],
) -> None:
    """By its root, by its /v1, by its very route."""
    url = await simulated()
    for place in ("", "/", "/v1", "/v1/chat/completions"):
        found = await detect(url + place, Asking())
        assert (found.api, found.kind) == (Api.OPENAI, "vllm")
        assert found.address.path == "/v1/chat/completions"
        assert found.asking.model == "tencent/HunyuanOCR"
        assert found.version


async def test_a_route_of_its_own_is_posted_to_as_it_is() -> None:
    """Nothing is asked of it beforehand but whether it is there."""
    async with PausingServer() as server:
        found = await detect(f"{server.url}predict/ocr_system?x=1", Asking())
        assert (found.api, found.address.path) == (Api.RAW, "/predict/ocr_system?x=1")
        named = await detect(server.url, Asking(), api=Api.RAW)
        assert (named.api, named.address.path) == (Api.RAW, "/")


async def test_routes_behind_a_prefix() -> None:
    """A proxy may serve a whole tree below a path."""
    async with PausingServer() as server:
        found = await detect(f"{server.url}team/v1/ocr", Asking())
        assert (found.api, found.address.path) == (Api.MISTRAL, "/team/v1/ocr")


async def test_a_model_that_was_named_stays() -> None:
    async with FaultyEngine(Talk("x")) as server:
        found = await detect(server.url, Asking(model="mine"))
        assert found.asking.model == "mine"


async def test_what_speaks_no_contract_is_told() -> None:
    async with PausingServer() as server:
        with pytest.raises(InvalidRequest, match="--api"):
            await detect(server.url, Asking())


async def test_a_server_that_wants_a_key_says_so() -> None:
    """Before any load is put on it."""
    async with FaultyEngine(persona=Persona(key="right")) as server:
        with pytest.raises(Unauthenticated):
            await detect(server.url, Asking(), key="wrong")
        assert (await detect(server.url, Asking(), key="right")).api is Api.OPENAI


async def test_each_key_is_tried(chat: Chat, work: Workload) -> None:
    """The one that is wrong is named by its place, never by its secret."""
    async with FaultyEngine(Talk("x"), persona=Persona(key="right")) as server:
        callers = Callers(("right", "wrong"))
        with pytest.raises(Unauthenticated, match="key 2 of 2") as caught:
            await try_out(chat(server.url), work.documents[0], callers, 5)
        assert "wrong" not in str(caught.value).replace("key 2", "")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (403, Forbidden),
        (404, InvalidRequest),
        (422, UnreadableDocument),
        (500, EngineFailed),
    ],
)
async def test_a_page_that_is_not_read_says_why(
    chat: Chat, work: Workload, status: int, error: type[OcrgateError]
) -> None:
    """In the server's words."""
    async with FaultyEngine(Refuse(status, {"error": {"message": "because"}})) as server:
        with pytest.raises(error, match="because"):
            await try_out(chat(server.url), work.documents[0], Callers(), 5)


async def test_a_full_server_may_be_tested(chat: Chat, work: Workload) -> None:
    """That is what load tests are for."""
    async with FaultyEngine(Refuse(429, "")) as server:
        found = await try_out(chat(server.url), work.documents[0], Callers(), 5)
    assert [each.outcome for each in found] == ["http_429"]


async def test_another_contract_is_noticed(chat: Chat, work: Workload) -> None:
    """A good status alone is no answer."""
    async with PausingServer() as server:
        wrong = replace(chat(server.url.rstrip("/")), asking=Asking(stream=False))
        with pytest.raises(InvalidRequest, match="not as openai"):
            await try_out(wrong, work.documents[0], Callers(), 5)


async def test_nobody_there(work: Workload) -> None:
    gone = Endpoint(parse_url("http://127.0.0.1:1/ocr"), Api.OCR)
    with pytest.raises(EngineUnavailable):
        await try_out(gone, work.documents[0], Callers(), 5)
