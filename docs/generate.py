# ruff: noqa: INP001 - a script, no package
"""Writes docs/reference and docs/problems from what the code declares.

    python docs/generate.py

A test fails when a file differs from what this writes.
"""

import inspect
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import typer

from ocrgate.cli.app import app as commands
from ocrgate.cli.exit import MEANING, code_of
from ocrgate.engines.openai.servers import SERVERS, Server
from ocrgate.engines.recipes import Recipe, Unsupported, recipes
from ocrgate.engines.recipes.catalogue import UNSUPPORTED
from ocrgate.errors import OcrgateError, leaves
from ocrgate.gateway.app import create_app
from ocrgate.gateway.problem import STATUS
from ocrgate.gateway.reference import api_markdown
from ocrgate.load.record import (
    VERSION,
    Client,
    Event,
    Failure,
    Machine,
    Point,
    Record,
    Run,
    Sample,
    Samples,
    Step,
    Target,
    Verdict,
)
from ocrgate.load.tally import Histogram, Tally
from ocrgate.runtime.service import Service
from ocrgate.settings import Setting, Settings, rows
from ocrgate.telemetry.catalog import DECLARED, Declaration, Label
from ocrgate.telemetry.metrics import Metrics

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/generate.py; edit what it is made from. -->\n\n"


def documents() -> dict[Path, str]:
    """Every generated file and its text."""
    pages = {HERE / "problems" / f"{error.code}.md": problem(error) for error in leaves()}
    reference = {
        "settings.md": settings(),
        "metrics.md": metrics(),
        "errors.md": errors(),
        "cli.md": command_line(),
        "api.md": api(),
        "models.md": models(),
        "record.md": record(),
    }
    named = {HERE / "reference" / name: text for name, text in reference.items()}
    return {path: MADE + text for path, text in (pages | named).items()}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


# ------------------------------------------------------------------ settings


def settings() -> str:
    """The settings, one table per section."""
    by_title: dict[str, list[Setting]] = {}
    for setting in rows():
        section = setting.key.partition(".")[0]
        title = f"{section}, kind `{setting.kind}`" if setting.kind else section
        by_title.setdefault(title, []).append(setting)
    parts = [_SETTINGS]
    for title, members in by_title.items():
        cells = [_setting_row(setting) for setting in members]
        parts.append(f"## {title}\n\n{table(['key', 'type', 'default', 'meaning'], cells)}")
    return "\n\n".join(parts) + "\n"


_SETTINGS = """# Settings

A setting is taken from, strongest first: a flag of the command line, an environment variable, the
file `ocrgate.toml`, its default. The variable of `server.port` is `OCRGATE_SERVER__PORT`: prefix,
section, two underscores, name. In the file it is `port = 7860` under `[server]`.

The file is the one named by `--config`, else by `OCRGATE_CONFIG`, else `ocrgate.toml` in the
current folder. Unknown names and values out of range are refused when the server starts, all of
them at once. `ocrgate config show` prints every value and where it came from, `ocrgate config
check FILE` checks a file, `ocrgate config schema` prints a JSON schema for editors. A list of
texts is written with commas in a variable, and as an array in the file. What goes with one kind
of engine only is refused with another. `OTEL_EXPORTER_OTLP_ENDPOINT` is read as well.
`OCRGATE_URL` and `OCRGATE_API_KEY` are the server and the key of `ocrgate read`."""


def _setting_row(setting: Setting) -> tuple[str, ...]:
    kind = ", ".join(f"`{one}`" for one in _choices(setting.annotation)) or _kind(setting)
    bounds = setting.bounds
    allowed = f", {bounds[0]:,g} to {_number(bounds[1])}" if bounds else ""
    default = "none" if setting.default is None else f"`{_plain(setting.default)}`"
    meaning = setting.help.replace("``", "`")
    return f"`{setting.key}`", kind + allowed, default, meaning[0].upper() + meaning[1:]


def _kind(setting: Setting) -> str:
    return "list of str" if setting.type == "tuple[str, ...]" else setting.type


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, or of several in a union."""
    members = get_args(annotation)
    if get_origin(annotation) is Literal:
        return members
    nested = [_choices(member) for member in members]
    return tuple(one for choices in nested for one in choices) if all(nested) else ()


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "[]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return f"{value:,.0f}"


# -------------------------------------------------------------------- models


def models() -> str:
    """The recipes, the servers and what is known not to work."""
    known = table(_RECIPE_HEAD, map(_recipe_row, recipes()))
    servers = table(_SERVER_HEAD, map(_server_row, SERVERS.values()))
    refused = table(["models", "why not"], map(_refused_row, UNSUPPORTED))
    parts = [_MODELS, known, "## Servers", _SERVERS, servers, "## Not served", refused]
    return "\n\n".join(parts) + "\n"


_MODELS = """# Models and servers

A recipe holds what a model must be told, how its answers are read, what an image costs it, and how
a server is started for it. It is chosen by the name of the served model, or named with
`engine.recipe`. Tokens of an image are exact where the model's own rule is known; elsewhere they
are an estimate. Boxes come with the task `spotting`. [How to use them](../engines.md)."""

_SERVERS = """Fields that a server does not know are not sent to it. A version is the first that has
something."""

_RECIPE_HEAD = ("recipe", "served names", "tasks", "boxes", "image tokens", "least vLLM")
_SERVER_HEAD = ("server", "loop stop", "JSON schema", "load at", "exact prompt tokens")


def _recipe_row(recipe: Recipe) -> tuple[str, ...]:
    return (
        f"`{recipe.name}`",
        ", ".join(f"`{name}`" for name in recipe.models) or "any other",
        ", ".join(sorted(recipe.tasks())),
        "yes" if recipe.boxes else "no",
        "exact" if recipe.cost.exact else "estimate",
        recipe.serving.min_vllm or "",
    )


def _server_row(server: Server) -> tuple[str, ...]:
    since = server.repetition_detection
    return (
        f"`{server.kind}`",
        "ours" if since is None else f"its own since {'.'.join(map(str, since))}, else ours",
        "yes" if server.structured else "no",
        f"`{server.metrics.path}`" if server.metrics else "",
        "yes" if server.tokenize else "no",
    )


def _refused_row(unsupported: Unsupported) -> tuple[str, ...]:
    return ", ".join(f"`{name}`" for name in unsupported.models), unsupported.reason


# ------------------------------------------------------------------- metrics


def metrics() -> str:
    """The metrics, in one table."""
    rows = [_metric_row(item) for item in DECLARED]
    return f"{_METRICS}\n\n{table(['name', 'kind', 'labels', 'meaning'], rows)}\n\n{_LABELS}\n"


_METRICS = """# Metrics

`GET /metrics` answers in the text formats of Prometheus and OpenMetrics. Times are seconds, sizes
bytes. The usual `process_*` metrics (memory, CPU, descriptors) are on the same page."""

_LABELS = """Labels are bounded: a value that is not listed is counted as `other`, and `route` is
the template of a route, never the path that was asked for. Outcomes of requests are `ok`,
`cancelled` (the client went away) or the code of an [error](errors.md); pages have their first
warning (`low_confidence`, `empty`, `truncated`, `repetition`) as well."""


def _metric_row(item: Declaration) -> tuple[str, ...]:
    labels = ", ".join(_label(label) for label in item.labels)
    return f"`{item.full_name}`", str(item.kind), labels, item.help


def _label(label: Label) -> str:
    few = label.values is not None and len(label.values) <= 8
    return f"`{label.name}` ({', '.join(sorted(label.values or ()))})" if few else f"`{label.name}`"


# -------------------------------------------------------------------- errors


def errors() -> str:
    """Every error with its status and exit code."""
    rows = [
        (
            f"[`{error.code}`](../problems/{error.code}.md)",
            str(STATUS[error]),
            str(int(code_of(error))),
            "yes" if error.retryable else "no",
            _says(error),
        )
        for error in leaves()
    ]
    head = ["code", "HTTP", "exit code", "retry", "meaning"]
    return f"{_ERRORS}\n\n{table(head, rows)}\n"


_ERRORS = """# Errors

Every failure is one of these, over HTTP, on the command line and in Python. Over HTTP the body is
`application/problem+json` with `code`, `detail`, `retryable`, and where they apply `field`, `limit`
and `retry_after`; the routes of OpenAI and Mistral use their own envelopes with the same codes. In
Python it is the class of the same name in `ocrgate.errors`."""


def problem(error: type[OcrgateError]) -> str:
    """The page of one error."""
    advice = tomllib.loads((HERE / "problems.toml").read_text(encoding="utf-8"))[error.code]
    retry = "worth a retry" if error.retryable else "not worth a retry"
    facts = f"HTTP {STATUS[error]}, exit code {int(code_of(error))}, {retry}."
    when, remedy = advice["when"].strip(), advice["do"].strip()
    parts = [f"# {error.code}", _says(error), facts, "## When", when, "## What to do", remedy]
    return "\n\n".join(parts) + "\n"


def _says(error: type[OcrgateError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]


# ---------------------------------------------------------------------- HTTP


def api() -> str:
    """The HTTP contract, from the OpenAPI document that a server publishes."""
    app = create_app(Settings(), Service.build(), metrics=Metrics())
    return api_markdown(app.openapi())


# -------------------------------------------------------------- command line


def command_line() -> str:
    """Every command with its arguments and options, and the exit codes."""
    rows = [(str(int(code)), text) for code, text in MEANING.items()]
    parts = [_COMMANDS, *_commands(typer.main.get_command(commands), "ocrgate")]
    parts += ["## Exit codes", table(["code", "meaning"], rows)]
    return "\n\n".join(parts) + "\n"


_COMMANDS = """# Command line

`-h` explains every command. Results go to standard output, talk to standard error. `--debug`
before the command shows the traceback of an error."""


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield f"## {name}\n\n{command.help}"
        rows = [_option(item) for item in command.params if not item.hidden]
        if rows:
            yield table(["argument or option", "default", "meaning"], rows)
        return
    for key, member in inner.items():
        yield from _commands(member, f"{name} {key}")


def _option(item: Any) -> tuple[str, str, str]:
    names = item.opts if item.opts[0].startswith("-") else [item.metavar or item.name.upper()]
    default = "" if item.default in {None, False} or item.required else f"`{_plain(item.default)}`"
    variable = f" Variable: `{item.envvar}`." if item.envvar else ""
    return ", ".join(f"`{name}`" for name in names), default, (item.help or "") + variable


# -------------------------------------------------------------------- record

RECORD: tuple[tuple[type[msgspec.Struct], str], ...] = (
    (Record, "the whole file"),
    (Run, "`run`"),
    (Target, "`run.target`"),
    (Machine, "`run.machine`"),
    (Step, "each of `steps`"),
    (Client, "`client` of a step"),
    (Verdict, "each of `verdicts` of a step"),
    (Tally, "`tally` of a step"),
    (Histogram, "`latency` and `first` of a tally"),
    (Samples, "`samples`"),
    (Sample, "each of `samples.rows`"),
    (Failure, "each of `failures`"),
    (Point, "each of `series`"),
    (Event, "each of `events`"),
)


def record() -> str:
    """The format of records, part by part."""
    parts = "\n\n".join(_part(kind, where) for kind, where in RECORD)
    return (
        "# The record of a load run\n\n"
        "`ocrgate bench --out FILE` writes one JSON file, `ocrgate report` reads it. This is "
        f"version {VERSION}; a reader refuses other versions that it cannot bring up to date. "
        "Times are seconds since the run began. While a run goes on, the same parts stand line by "
        "line in `FILE.partial`; a run that was killed is read from there. `samples`, `failures`, "
        "`series` and `events` hold rows without names, in the order of the tables; "
        f"`samples.columns` names them in the file too.\n\n{parts}\n"
    )


def _part(kind: type[msgspec.Struct], where: str) -> str:
    text, _, told = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
    meanings = _meanings(told)
    head = ["field", "type", "default", *(["meaning"] if meanings else [])]
    rows = [
        [
            f"`{field.encode_name}`",
            f"`{_json(field.type)}`",
            _default(field),
            *([meanings.get(field.name, "")] if meanings else []),
        ]
        for field in msgspec.structs.fields(kind)
    ]
    prose = " ".join(text.split()).replace("``", "`")
    return f"## {kind.__name__}: {where}\n\n{prose}\n\n{table(head, rows)}"


def _meanings(told: str) -> dict[str, str]:
    """What ``Attributes:`` of a docstring says, by field; a line may name several."""
    if not told:
        return {}
    entries: list[str] = []
    for line in inspect.cleandoc(told).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line)
    found = {}
    for entry in entries:
        names, _, meaning = entry.partition(": ")
        for name in names.split(", "):
            found[name] = meaning.replace("``", "`")
    return found


def _json(kind: Any) -> str:
    text = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    text = re.sub(r"\b(?:typing|ocrgate\.load\.\w+)\.", "", text)
    return re.sub(r"Annotated\[(\w+), [^]]*\]", r"\1", text)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT:
        return "empty"
    return "their names" if field.name == "columns" else f"`{field.default!r}`"


def main() -> None:
    """Write everything."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
