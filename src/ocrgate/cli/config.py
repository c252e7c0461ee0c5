"""``ocrgate config``: what is set, where it came from, and whether a file is right."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ocrgate.cli.options import ConfigOption, JsonOption, load_settings
from ocrgate.cli.report import say, show

app = typer.Typer(help="Show and check settings.", no_args_is_help=True)


@app.command("show")
def show_settings(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting, its value and where the value came from."""
    loaded = load_settings(config)
    rows = [(key, _plain(value), origin) for key, value, origin in loaded.rows()]
    if as_json:
        show(json.dumps({k: {"value": v, "origin": o} for k, v, o in rows}, indent=2))
        return
    texts = [(key, json.dumps(value), origin) for key, value, origin in rows]
    widths = [max(len(row[column]) for row in texts) for column in (0, 1)]
    for key, value, origin in texts:
        show(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}")


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of ocrgate.toml, for editors."""
    from ocrgate.settings import schema as make

    show(json.dumps(make(), indent=2))


@app.command("check")
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
    return value if isinstance(value, str | int | float | bool | None) else str(value)
