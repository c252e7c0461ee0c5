"""Values written into a settings file that people have written in: comments and order stay."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

from ocrgate.errors import UnreadableDocument
from ocrgate.settings import load


def written(text: str, values: Mapping[str, object]) -> str:
    """The text of a TOML file with some keys set; all else, comments too, as it was.

    Args:
        text: of the file; empty for a new one.
        values: by dotted key, as `engine.max_sequences`.

    Raises:
        UnreadableDocument: the text is no TOML, or a key lies in what is no table.
    """
    try:
        document = tomlkit.parse(text)
        for key, value in values.items():
            *parents, name = key.split(".")
            place: tomlkit.TOMLDocument | AbstractTable = document
            for parent in parents:
                place = _table(place, parent)
            place[name] = list(value) if isinstance(value, tuple) else value
    except TOMLKitError as error:
        raise UnreadableDocument(f"the settings file cannot be read: {error}") from error
    return tomlkit.dumps(document)


def _table(place: "tomlkit.TOMLDocument | AbstractTable", name: str) -> AbstractTable:
    if name not in place:
        place[name] = tomlkit.table()
    inner = place[name]
    if not isinstance(inner, AbstractTable):
        raise UnreadableDocument(f"the settings file has something else for [{name}]")
    return inner


def write(path: Path, values: Mapping[str, object]) -> str:
    """Set keys in a settings file and check that the whole can still be read; its new text.

    The file is replaced whole; what was there is kept beside it as ``.bak``.

    Raises:
        UnreadableDocument: the file is no TOML.
        SettingsError: the values do not go with the rest of the file. Nothing is changed then.
        OSError: it cannot be written.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    text = written(before, values)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        load(config=fresh, environ={})
        if before:
            fresh.chmod(path.stat().st_mode & 0o777)
            path.with_name(path.name + ".bak").write_text(before, encoding="utf-8")
        fresh.replace(path)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return text
