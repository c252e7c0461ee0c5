"""API keys in a real SQLite file."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ocrgate.domain.ticket import Lane
from ocrgate.errors import Conflict, NotFound
from ocrgate.keys import SqlKeyStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "keys.sqlite"


def create(store: SqlKeyStore, name: str = "scanner") -> str:
    return store.create(name, lane=Lane.STANDARD, rate=60.0, concurrency=4)[1]


def test_a_secret_finds_its_key_with_all_it_allows(path: Path) -> None:
    """What was granted at creation is what a request later gets."""
    store = SqlKeyStore(path, now=lambda: 1000.0)
    key, secret = store.create("scanner", lane=Lane.BATCH, rate=None, concurrency=None)
    assert store.find(secret) == key
    assert (key.lane, key.rate, key.concurrency, key.created) == (Lane.BATCH, None, None, 1000.0)
    assert SqlKeyStore(path).find(secret) == key  # after a restart


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-1] + ("a" if s[-1] != "a" else "b"),
        lambda s: s + "a",
        lambda s: s.upper(),
        lambda s: "",
        lambda s: "ocrg__",
        lambda s: "Bearer " + s,
        lambda s: "ocrg_aaaaaaaa_" + s[-40:],
        lambda s: "' OR 1=1 --",
        lambda s: "\udcff\x00",
    ],
)
def test_anything_but_the_secret_finds_nothing(path: Path, change: object) -> None:
    """Close is not enough, and hostile strings are only strings."""
    assert callable(change)
    store = SqlKeyStore(path)
    assert store.find(change(create(store))) is None


def test_the_file_never_holds_a_secret_and_only_its_owner_reads_it(path: Path) -> None:
    """A stolen file gives nobody access, and other users cannot steal it."""
    store = SqlKeyStore(path)
    secret = create(store)
    files = list(path.parent.iterdir())
    held = b"".join(file.read_bytes() for file in files)
    assert b"scanner" in held
    assert secret.rpartition("_")[2].encode() not in held
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    """An old or copied file is made private when it is opened."""
    SqlKeyStore(path).close()
    path.chmod(0o644)
    SqlKeyStore(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_names_of_active_keys_are_unique_and_come_free_again(path: Path) -> None:
    """A name means one key at a time; after a revocation it may be used for a new one."""
    store = SqlKeyStore(path)
    old = create(store)
    with pytest.raises(Conflict, match="scanner"):
        create(store)
    store.revoke("scanner")
    new = create(store)
    assert store.find(old) is None
    assert store.find(new) is not None
    assert [key.revoked is None for key in store.all()] == [False, True]


def test_revoking_what_is_not_there_says_so(path: Path) -> None:
    """A typo in a name is told, not swallowed."""
    store = SqlKeyStore(path)
    with pytest.raises(NotFound, match="scaner"):
        store.revoke("scaner")
    create(store)
    store.revoke("scanner")
    with pytest.raises(NotFound):
        store.revoke("scanner")


def test_has_any_counts_active_keys_only(path: Path) -> None:
    """The rule for public addresses looks at keys that work."""
    store = SqlKeyStore(path)
    assert not store.has_any()
    create(store)
    assert store.has_any()
    store.revoke("scanner")
    assert not store.has_any()


def test_several_processes_write_at_once(path: Path) -> None:
    """A server and command lines share the file, even while none of them has made it yet."""
    code = (
        "import sys; from pathlib import Path; from ocrgate.keys import SqlKeyStore\n"
        "from ocrgate.domain.ticket import Lane\n"
        "store = SqlKeyStore(Path(sys.argv[1]))\n"
        "for n in range(10):\n"
        "    store.create(f'{sys.argv[2]}-{n}', lane=Lane.BATCH, rate=None, concurrency=None)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], stderr=subprocess.PIPE)
        for n in range(4)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in running]
    assert errors == [""] * 4
    assert len(SqlKeyStore(path).all()) == 40


def test_secrets_are_long_and_all_different(path: Path) -> None:
    """No secret repeats, and 200 bits of each are random."""
    store = SqlKeyStore(path)
    made = [create(store, f"k{n}") for n in range(50)]
    assert len({secret.rpartition("_")[2] for secret in made}) == 50
    assert all(len(secret.rpartition("_")[2]) * 5 >= 160 for secret in made)
