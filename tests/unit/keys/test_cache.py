"""The cache in front of a key store."""

import asyncio
import threading
from collections import Counter

import pytest

from ocrgate.domain.ticket import Lane
from ocrgate.errors import InternalError
from ocrgate.keys import CachedKeys
from ocrgate.ports import ApiKey
from ocrgate.testing import ManualClock, MemoryKeyStore


class CountingStore(MemoryKeyStore):
    """A store that counts look-ups and can be made to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.listed = 0
        self.threads: set[int] = set()
        self.open = threading.Event()
        self.open.set()

    def find(self, secret: str) -> ApiKey | None:
        self.asked[secret] += 1
        self.threads.add(threading.get_ident())
        self.open.wait(10)
        return super().find(secret)

    def all(self) -> list[ApiKey]:
        self.listed += 1
        return super().all()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def secret_of(store: CountingStore, name: str = "scanner") -> str:
    return store.create(name, lane=Lane.STANDARD, rate=None, concurrency=None)[1]


async def test_a_key_in_use_is_looked_up_once(store: CountingStore, clock: ManualClock) -> None:
    """A busy caller costs one query per few seconds, in a thread, not one per request."""
    keys, secret = CachedKeys(store, ttl=5, now=clock.now), secret_of(store)
    found = [await keys.find(secret) for _ in range(100)]
    assert {key.name for key in found if key} == {"scanner"}
    assert store.asked[secret] == 1
    assert threading.get_ident() not in store.threads


async def test_a_revoked_key_ends_within_the_ttl(store: CountingStore, clock: ManualClock) -> None:
    """Revoking needs no restart."""
    keys, secret = CachedKeys(store, ttl=5, now=clock.now), secret_of(store)
    assert await keys.find(secret)
    store.revoke("scanner")
    clock.advance(4.9)
    assert await keys.find(secret)
    clock.advance(0.2)
    assert await keys.find(secret) is None


async def test_a_flood_of_guesses_leaves_real_keys_cached(
    store: CountingStore, clock: ManualClock
) -> None:
    """Guessing costs memory of a fixed size and evicts nobody."""
    keys, secret = CachedKeys(store, ttl=5, size=8, now=clock.now), secret_of(store)
    await keys.find(secret)
    for guess in range(50):
        assert await keys.find(f"guess{guess}") is None
    assert await keys.find("guess49") is None
    assert store.asked["guess49"] == 1
    assert await keys.find("guess0") is None
    assert store.asked["guess0"] == 2  # it had made room
    assert await keys.find(secret)
    assert store.asked[secret] == 1


async def test_requests_at_once_share_a_query_and_one_may_leave(
    store: CountingStore, clock: ManualClock
) -> None:
    """A burst of one caller is one query, and a caller that hangs up takes nobody with it."""
    keys, secret = CachedKeys(store, ttl=5, now=clock.now), secret_of(store)
    store.open.clear()
    tasks = [asyncio.create_task(keys.find(secret)) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    store.open.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(key, ApiKey) for key in found[1:])
    assert store.asked[secret] == 1


async def test_a_new_key_counts_within_the_ttl(store: CountingStore, clock: ManualClock) -> None:
    """Whether keys exist at all is asked of the store once per ttl."""
    keys = CachedKeys(store, ttl=5, now=clock.now)
    assert not await keys.has_any()
    secret_of(store)
    assert not await keys.has_any()
    clock.advance(5)
    assert await keys.has_any()
    assert await keys.has_any()
    assert store.listed == 2


class FailingStore(CountingStore):
    """A store whose disk can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def _fail(self) -> None:
        if self.fails:
            raise OSError("disk")

    def find(self, secret: str) -> ApiKey | None:
        found = super().find(secret)
        self._fail()
        return found

    def all(self) -> list[ApiKey]:
        self._fail()
        return super().all()


async def test_a_store_that_fails_is_asked_again(clock: ManualClock) -> None:
    """A failed query is an error for its caller and is not remembered."""
    broken = FailingStore()
    broken.fails = True
    keys = CachedKeys(broken, now=clock.now)
    for _ in range(2):
        with pytest.raises(InternalError, match="cannot be checked"):
            await keys.find("x")
    with pytest.raises(InternalError):
        await keys.has_any()
    assert broken.asked["x"] == 2
    broken.fails = False
    assert not await keys.has_any()


async def test_who_was_known_is_served_while_the_store_fails(clock: ManualClock) -> None:
    """For a while, with a query now and then; nobody else is."""
    store = FailingStore()
    ann, ben = (store.create(n, lane=Lane.BATCH, rate=None, concurrency=None)[1] for n in "ab")
    keys = CachedKeys(store, ttl=5, grace=60, now=clock.now)
    assert await keys.find(ann)
    assert await keys.has_any()
    store.fails = True
    for _ in range(6):
        clock.advance(9)
        assert await keys.find(ann)
        assert await keys.find(ann)
        assert await keys.has_any()
    assert store.asked[ann] == 7
    with pytest.raises(InternalError):
        await keys.find(ben)
    clock.advance(20)
    with pytest.raises(InternalError):
        await keys.find(ann)
    store.fails = False
    assert await keys.find(ben)
    store.revoke("a")
    assert await keys.find(ann) is None


async def test_a_key_of_long_ago_is_not_trusted_when_the_store_fails(clock: ManualClock) -> None:
    """It may have been revoked since."""
    store = FailingStore()
    secret = secret_of(store)
    keys = CachedKeys(store, ttl=5, grace=60, now=clock.now)
    assert await keys.find(secret)
    clock.advance(66)
    store.fails = True
    with pytest.raises(InternalError):
        await keys.find(secret)


async def test_a_failure_is_logged_once(
    clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not with every request, and neither is its end."""
    store = FailingStore()
    secret = secret_of(store)
    keys = CachedKeys(store, ttl=5, now=clock.now)
    for fails in (False, True, True, True, False, False):
        store.fails = fails
        assert await keys.find(secret)
        clock.advance(6)
    said = capsys.readouterr().out
    assert (said.count("store fails"), said.count("works again")) == (1, 1)
