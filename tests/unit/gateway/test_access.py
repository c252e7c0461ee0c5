"""What the headers of a request say."""

import pytest
from starlette.datastructures import Headers

from ocrgate.domain.ticket import Lane
from ocrgate.errors import Forbidden, InvalidRequest, Unauthenticated
from ocrgate.gateway.access import Access, time_given
from ocrgate.keys.cache import CachedKeys
from ocrgate.settings import AuthSettings, ServerSettings, Settings
from ocrgate.testing import MemoryKeyStore


def access(
    store: MemoryKeyStore | None = None, *, host: str = "127.0.0.1", required: bool = False
) -> Access:
    """Access as a server with that address and those keys has it."""
    settings = Settings(server=ServerSettings(host=host), auth=AuthSettings(required=required))
    return Access(settings, CachedKeys(store, ttl=0) if store else None)


def store_with(lane: Lane = Lane.STANDARD) -> tuple[MemoryKeyStore, str]:
    """A store with one key, and its secret."""
    store = MemoryKeyStore()
    _, secret = store.create("ann", lane=lane, rate=None, concurrency=None)
    return store, secret


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk-anything"}])
async def test_this_machine_may_use_a_server_without_keys(headers: dict[str, str]) -> None:
    """Clients that always send some key work as well."""
    caller = await access(MemoryKeyStore()).caller(Headers(headers))
    assert (caller.name, caller.lane, caller.key) == ("anonymous", Lane.STANDARD, None)


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "AUTHORIZATION"])
async def test_a_key_is_taken_from_either_header(name: str) -> None:
    """OpenAI's clients send Bearer, others X-API-Key."""
    store, secret = store_with(Lane.INTERACTIVE)
    value = secret if name == "x-api-key" else f"bearer {secret}"
    caller = await access(store).caller(Headers({name: value}))
    assert (caller.name, caller.lane) == ("ann", Lane.INTERACTIVE)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"x-api-key": "wrong"},
        {"x-api-key": "x" * 100_000},
    ],
)
async def test_once_a_key_exists_it_is_asked_for(headers: dict[str, str]) -> None:
    """Making the first key closes the door to everybody else."""
    store, _ = store_with()
    with pytest.raises(Unauthenticated) as caught:
        await access(store).caller(Headers(headers))
    assert caught.value.field == "Authorization"


async def test_a_public_or_strict_server_asks_although_no_key_exists() -> None:
    """Ending the last key of a public server does not open it."""
    for strict in (access(host="0.0.0.0"), access(MemoryKeyStore(), required=True)):
        with pytest.raises(Unauthenticated):
            await strict.caller(Headers({}))


async def test_a_revoked_key_is_unknown() -> None:
    """Revoking a key ends its use."""
    store, secret = store_with()
    store.create("other", lane=Lane.BATCH, rate=None, concurrency=None)
    store.revoke("ann")
    with pytest.raises(Unauthenticated):
        await access(store).caller(Headers({"x-api-key": secret}))


@pytest.mark.parametrize(
    ("own", "asked", "lane"),
    [
        (Lane.INTERACTIVE, "batch", Lane.BATCH),
        (Lane.STANDARD, "standard", Lane.STANDARD),
        (Lane.BATCH, None, Lane.BATCH),
        (Lane.STANDARD, " Batch ", Lane.BATCH),
    ],
)
async def test_a_caller_may_step_back(own: Lane, asked: str | None, lane: Lane) -> None:
    """X-Priority lowers a request's lane."""
    store, secret = store_with(own)
    headers = {"x-api-key": secret} | ({"x-priority": asked} if asked else {})
    assert (await access(store).caller(Headers(headers))).lane is lane


async def test_a_caller_may_not_push_ahead() -> None:
    """A lane above the key's own is refused, so that nobody believes to have it."""
    store, secret = store_with(Lane.BATCH)
    with pytest.raises(Forbidden) as caught:
        await access(store).caller(Headers({"x-api-key": secret, "x-priority": "standard"}))
    assert (caught.value.field, caught.value.limit) == ("X-Priority", "batch")


async def test_a_lane_that_does_not_exist_is_named() -> None:
    """A misspelled lane is an error, not the usual lane."""
    with pytest.raises(InvalidRequest) as caught:
        await access().caller(Headers({"x-priority": "urgent"}))
    assert caught.value.field == "X-Priority"


def test_the_time_given_is_taken_from_the_header() -> None:
    """Without the header the server's own timeout holds."""
    server = ServerSettings(timeout=20, max_timeout=100)
    assert time_given(Headers({}), server) == 20
    assert time_given(Headers({"x-request-timeout": "2.5"}), server) == 2.5
    assert time_given(Headers({"x-request-timeout": "100"}), server) == 100


@pytest.mark.parametrize(
    "text", ["", "soon", "0", "0.09", "-1", "nan", "inf", "1e9", "101", "0x10", "1_0"]
)
def test_a_time_out_of_bounds_is_refused(text: str) -> None:
    """The caller learns the bound instead of getting another time than it asked for."""
    with pytest.raises(InvalidRequest) as caught:
        time_given(Headers({"x-request-timeout": text}), ServerSettings(max_timeout=100))
    assert (caught.value.field, caught.value.limit) == ("X-Request-Timeout", "100 s")
