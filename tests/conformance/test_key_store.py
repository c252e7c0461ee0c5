"""What every key store must do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocrgate.domain.ticket import Lane
from ocrgate.errors import Conflict, NotFound
from ocrgate.keys.store import SqlKeyStore
from ocrgate.ports import KeyStore
from ocrgate.testing import MemoryKeyStore

STORES: dict[str, Callable[[Path], KeyStore]] = {
    "memory": lambda _: MemoryKeyStore(),
    "sqlite": lambda folder: SqlKeyStore(folder / "keys.sqlite"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    """A store of each kind, empty."""
    made = STORES[request.param](tmp_path)
    yield made
    if isinstance(made, SqlKeyStore):
        made.close()


def create(store: KeyStore, name: str = "app") -> tuple[str, str]:
    """A key's id and secret."""
    key, secret = store.create(name, lane=Lane.BATCH, rate=60.0, concurrency=4)
    return key.id, secret


def test_a_key_is_found_by_its_secret(store: KeyStore) -> None:
    """With all that was said about it."""
    created, secret = store.create("app", lane=Lane.INTERACTIVE, rate=None, concurrency=2)
    assert store.find(secret) == created
    assert (created.name, created.lane, created.rate) == ("app", Lane.INTERACTIVE, None)
    assert created.concurrency == 2
    assert created.revoked is None


@pytest.mark.parametrize("wrong", ["", "x", "ocrgate_", "ö" * 40, "a" * 10_000, "\0"])
def test_other_strings_find_nothing(store: KeyStore, wrong: str) -> None:
    """Whatever a stranger sends."""
    _, secret = create(store)
    assert store.find(wrong) is None
    assert store.find(secret[:-1]) is None
    assert store.find(secret + "x") is None


def test_secrets_are_long_and_never_alike(store: KeyStore) -> None:
    """Nobody guesses one."""
    secrets = [create(store, f"app{number}")[1] for number in range(20)]
    assert len(set(secrets)) == 20
    assert min(map(len, secrets)) >= 32


def test_a_name_is_taken_once_at_a_time(store: KeyStore) -> None:
    """Two active keys of one name would be a riddle; a revoked one makes room."""
    create(store)
    with pytest.raises(Conflict):
        create(store)
    store.revoke("app")
    create(store)
    assert [key.revoked is None for key in store.all()] == [False, True]


def test_a_revoked_key_opens_nothing(store: KeyStore) -> None:
    """It stays in the list, with the date of its end."""
    key, secret = create(store)
    ended = store.revoke("app")
    assert ended.id == key
    assert ended.revoked is not None
    assert store.find(secret) is None
    assert [each.id for each in store.all()] == [key]


def test_only_active_keys_can_be_revoked(store: KeyStore) -> None:
    """A mistyped or ended name is told."""
    create(store)
    with pytest.raises(NotFound):
        store.revoke("other")
    store.revoke("app")
    with pytest.raises(NotFound):
        store.revoke("app")
