"""``ocrgate keys``: who may use the server."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.helping import Command, Group
from ocrgate.cli.options import ConfigOption, JsonOption, load_settings
from ocrgate.cli.report import CommandFailed, aligned, say, show
from ocrgate.domain.ticket import Lane
from ocrgate.errors import InvalidRequest

if TYPE_CHECKING:
    from ocrgate.keys import SqlKeyStore
    from ocrgate.ports import ApiKey
    from ocrgate.settings import Settings

app = typer.Typer(help="Make, list and revoke API keys.", cls=Group, no_args_is_help=True)

_PER_MINUTE = {"s": 60.0, "min": 1.0, "h": 1 / 60, "d": 1 / 1440}
_MOST_PAGES = 1e9  # a minute; more is a slip of the finger
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min|h|d))?")
_NAME = re.compile(r"[\w.@:+-]{1,64}")


@app.command("create", cls=Command)
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; shown in logs and lists.")],
    lane: Annotated[
        Lane, typer.Option(help="The most urgent lane it may ask for, and its default.")
    ] = Lane.STANDARD,
    rate: Annotated[
        str | None, typer.Option(help="Pages it may send, such as 60/min, 2/s or 5000/d.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Documents it may have under way at the same time.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and print its secret, this one time."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "letters, digits and . @ : + - _ (64 at most) make a name", field="NAME"
        )
    allowed = parse_rate(rate) if rate is not None else None
    with _store(config) as store:
        key, secret = store.create(name, lane=lane, rate=allowed, concurrency=concurrency)
    if as_json:
        show(json.dumps(asdict(key) | {"secret": secret}))
        return
    show(secret)
    say("This is the only time the secret is shown. Send it with each request:")
    say(f"  curl -H 'Authorization: Bearer {secret}' -F file=@page.png http://HOST:7860/ocr")


@app.command("list", cls=Command)
def list_keys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all keys, revoked ones too. Secrets are not known here."""
    with _store(config) as store:
        keys = store.all()
    if as_json:
        show(json.dumps([asdict(key) for key in keys], indent=2, ensure_ascii=False))
        return
    if not keys:
        say("There are no keys. Make one with: ocrgate keys create NAME")
    rows: list[tuple[str, ...]] = (
        [("ID", "NAME", "LANE", "PAGES/MIN", "AT ONCE", "CREATED", "REVOKED")] if keys else []
    )
    rows += [_row(key) for key in keys]
    for line in aligned(rows):
        show(line)


@app.command("revoke", cls=Command)
def revoke(
    name: Annotated[str, typer.Argument(help="The key to end.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key. A running server follows within seconds (auth.cache_seconds)."""
    with _store(config) as store:
        key = store.revoke(name)
    if as_json:
        show(json.dumps(asdict(key), ensure_ascii=False))
    else:
        say(f"{key.name} ({key.id}) is revoked")


def parse_rate(text: str) -> float:
    """Pages per minute of a rate such as ``60/min``, ``2/s``, ``100/h``; per minute without unit.

    Raises:
        InvalidRequest: it is not of that form, zero, or absurd.
    """
    found = _RATE.fullmatch(text.strip())
    pages = float(found[1]) * _PER_MINUTE[found[2] or "min"] if found else 0.0
    if not 0 < pages <= _MOST_PAGES:
        raise InvalidRequest(f"{text!r} is no rate such as 60/min, 2/s or 5000/d", field="--rate")
    return pages


def open_store(settings: "Settings") -> "SqlKeyStore":
    """The database of keys.

    Raises:
        CommandFailed: it cannot be made or is none.
    """
    from ocrgate.keys import SqlKeyStore

    with usable(settings.auth.database):
        return SqlKeyStore(settings.auth.database)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Say of a database of keys that fails what is wrong with it.

    Raises:
        CommandFailed: it cannot be read or written.
    """
    from sqlalchemy.exc import DatabaseError

    try:
        yield
    except (OSError, DatabaseError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "orig", error)
        message = f"{path} cannot be used as the database of keys: {reason}"
        hint = "set auth.database (OCRGATE_AUTH__DATABASE) to a place that can be written"
        raise CommandFailed(message, Exit.ENVIRONMENT, hint) from error


@contextmanager
def _store(config: ConfigOption) -> "Iterator[SqlKeyStore]":
    settings = load_settings(config).settings
    with usable(settings.auth.database):
        yield open_store(settings)


def _row(key: "ApiKey") -> tuple[str, ...]:
    rate = "-" if key.rate is None else f"{key.rate:g}"
    at_once = "-" if key.concurrency is None else str(key.concurrency)
    revoked = "-" if key.revoked is None else _day(key.revoked)
    return key.id, key.name, key.lane.value, rate, at_once, _day(key.created), revoked


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
