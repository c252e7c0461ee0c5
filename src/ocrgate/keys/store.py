"""API keys in SQLite: one small file, no service, shared by the server and the command line."""

import hmac
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable

from ocrgate.domain.ticket import Lane
from ocrgate.errors import Conflict, NotFound
from ocrgate.keys.secret import digest, id_of, new_id, new_secret
from ocrgate.ports import ApiKey

_BUSY_MS = 5000
_METADATA = sa.MetaData()
_KEYS = sa.Table(
    "api_keys",
    _METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("lane", sa.String, nullable=False),
    sa.Column("rate", sa.Float),
    sa.Column("concurrency", sa.Integer),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("revoked", sa.Float),
)
# Two processes that create the same name at once: the database lets one through.
_ONE_ACTIVE = sa.Index(
    "one_active_name", _KEYS.c.name, unique=True, sqlite_where=_KEYS.c.revoked.is_(None)
)


class SqlKeyStore:
    """API keys in a SQLite file (a :class:`~ocrgate.ports.KeyStore`).

    Safe for several threads and processes at once (write-ahead log, waits up to 5 s for a lock).
    The file and its folder are made when needed, for their owner only (0600, 0700).

    Args:
        path: the file.
        now: seconds since the epoch, for the dates of keys.

    Raises:
        OSError: the file or its folder cannot be made.
        sqlalchemy.exc.DatabaseError: the file is no database of ours.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        _make_private(path)
        self._now = now
        url = sa.URL.create("sqlite", database=str(path))
        self._engine = sa.create_engine(url, connect_args={"timeout": _BUSY_MS / 1000})
        sa.event.listen(self._engine, "connect", _prepare)
        with self._engine.begin() as connection:
            connection.execute(CreateTable(_KEYS, if_not_exists=True))
            connection.execute(CreateIndex(_ONE_ACTIVE, if_not_exists=True))

    def create(
        self, name: str, *, lane: Lane, rate: float | None, concurrency: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second item is the secret, which is stored nowhere.

        Raises:
            Conflict: an active key has that name.
        """
        key = ApiKey(new_id(), name, lane, rate, concurrency, self._now())
        secret = new_secret(key.id)
        row = asdict(key) | {"digest": digest(secret)}
        try:
            with self._engine.begin() as connection:
                connection.execute(_KEYS.insert().values(row))
        except IntegrityError as error:
            raise Conflict(f"there is an active key named {name!r}", field="name") from error
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret; None if there is none.

        The row is found by the public id and the digests are compared in constant time, so the
        time taken tells nothing about the secret.
        """
        key_id = id_of(secret)
        if key_id is None:
            return None
        wanted = _KEYS.select().where(_KEYS.c.id == key_id, _KEYS.c.revoked.is_(None))
        with self._engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        stored = row.digest if row is not None else bytes(32)
        matches = hmac.compare_digest(stored, digest(secret))
        return _key(row) if row is not None and matches else None

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones too, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(_KEYS.select().order_by(_KEYS.c.created, _KEYS.c.id))
            return [_key(row) for row in rows]

    def revoke(self, name: str) -> ApiKey:
        """End the active key of that name.

        Raises:
            NotFound: no active key has that name.
        """
        ended = (
            _KEYS.update()
            .where(_KEYS.c.name == name, _KEYS.c.revoked.is_(None))
            .values(revoked=self._now())
            .returning(*_KEYS.c)
        )
        with self._engine.begin() as connection:
            row = connection.execute(ended).one_or_none()
        if row is None:
            raise NotFound(f"no active key is named {name!r}", field="name")
        return _key(row)

    def has_any(self) -> bool:
        """Whether an active key exists."""
        active = sa.select(_KEYS.c.id).where(_KEYS.c.revoked.is_(None)).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(active).first() is not None

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, which would leave it readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)  # also when it was there, and whatever the umask


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        lane=Lane(row.lane),
        rate=row.rate,
        concurrency=row.concurrency,
        created=row.created,
        revoked=row.revoked,
    )
