"""``ocrgate config``: what is set, where it came from, and whether a file is right."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ocrgate.cli.helping import Command, Group
from ocrgate.cli.options import ConfigOption, JsonOption, load_settings
from ocrgate.cli.report import aligned, say, show

app = typer.Typer(help="Show and check settings.", cls=Group, no_args_is_help=True)


@app.command("show", cls=Command)
def show_settings(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting, its value and where the value came from."""
    loaded = load_settings(config)
    rows = [(key, _plain(value), origin) for key, value, origin in loaded.rows()]
    if as_json:
        found = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        show(json.dumps(found, indent=2, ensure_ascii=False))
        return
    texts = [(key, json.dumps(value, ensure_ascii=False), origin) for key, value, origin in rows]
    for line in aligned(texts):
        show(line)


@app.command("schema", cls=Command)
def schema() -> None:
    """Print the JSON schema of ocrgate.toml, for editors."""
    from ocrgate.settings import schema as make

    show(json.dumps(make(), indent=2))


@app.command("check", cls=Command)
def check(
    file: Annotated[Path, typer.Argument(help="The settings file to check.")],
    as_json: JsonOption = False,
) -> None:
    """Check a settings file, without looking at the environment."""
    from ocrgate.settings import SettingsError, load

    try:
        load(config=file, environ={})
    except SettingsError as error:
        if as_json:
            show(json.dumps({"ok": False, "problems": [_fields(p) for p in error.problems]}))
        raise
    if as_json:
        show(json.dumps({"ok": True, "problems": []}))
    else:
        say(f"{file} is right")


def _fields(problem: object) -> dict[str, str]:
    return {name: getattr(problem, name) for name in ("key", "origin", "message")}


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
