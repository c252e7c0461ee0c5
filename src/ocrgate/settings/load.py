"""From flags, variables and a file to one frozen :class:`Settings`, or to every problem at once."""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import ValidationError

from ocrgate.engines.launch.secrets import HIDDEN, without_secrets
from ocrgate.settings.catalog import (
    PREFIX,
    Setting,
    adapter,
    chosen,
    declared,
    kinds,
    sections,
)
from ocrgate.settings.model import Settings

FILE = "ocrgate.toml"
CONFIG_VARIABLE = "OCRGATE_CONFIG"
# Read by other parts: the file to load, the key and address the command line calls with.
_FOREIGN = frozenset({CONFIG_VARIABLE, "OCRGATE_API_KEY", "OCRGATE_URL"})
_PLAIN: Mapping[str, str] = {
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_parsing": "should be a number",
    "bool_parsing": "should be true or false",
    "string_type": "should be a text",
}
"""What the validator says of the most usual mistakes, in plain words."""
_HIDE = "api_key"
_NO_SUCH_KIND = "union_tag_invalid"
_ARGS = "engine.args"
_TEST_PREFIX = "OCRGATE_TEST_"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings.

    Attributes:
        key: the setting (or what was written for one).
        origin: where it was written: a flag, a variable or a file.
        message: what is wrong and what is allowed.
    """

    key: str
    origin: str
    message: str

    def __str__(self) -> str:
        return f"{self.key} (from {self.origin}): {self.message}"


class SettingsError(ValueError):
    """The settings cannot be used; ``problems`` names each reason."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each value came from.

    Attributes:
        settings: the frozen values.
        origins: key to origin; keys that are absent have their default.
        file: the file that was read, if any.
    """

    settings: Settings
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def values(self) -> Iterator[tuple[str, object]]:
        """Key and value of every setting, secrets as they are."""
        yield from _flatten("", self.settings)

    def rows(self) -> Iterator[tuple[str, object, str]]:
        """Key, value (secrets masked) and origin of every setting."""
        for key, value in self.values():
            yield key, _shown_of(key, value), self.origins.get(key, "default")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value as written somewhere."""

    key: str
    value: object
    origin: str


def load(
    flags: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """Read every source and check the result.

    Args:
        flags: values of the command line by key (``server.port``); None values are not set.
        config: the file to read; without it ``OCRGATE_CONFIG``, else ``ocrgate.toml`` in
            ``folder`` if it is there.
        environ: the environment; without it that of the process.
        folder: where to look for the file; without it the current folder.

    Raises:
        SettingsError: with one problem per wrong or unknown setting.
    """
    environ = os.environ if environ is None else environ
    file = _find(config, environ, folder or Path())
    written = [
        *(_from_file(file) if file else ()),
        *_from_environment(environ),
        *_from_flags(flags or {}),
    ]
    kind = next((entry.value for entry in reversed(written) if entry.key == "engine.kind"), "cpu")
    entries = [*_from_state(environ, kind), *written]
    problems = tuple(_misnamed(entries))
    if problems:
        raise SettingsError(problems)
    origins = {entry.key: entry.origin for entry in entries}
    return Loaded(_validate(entries, origins), origins, file)


def _shown_of(key: str, value: object) -> object:
    if key.endswith(_HIDE):
        return value and HIDDEN
    if key == _ARGS and isinstance(value, tuple | list):
        return type(value)(without_secrets(map(str, value)))
    return masked(value)


def masked(value: object) -> object:
    """A value without the password of a URL in it, also where it is one of several."""
    if isinstance(value, tuple | list):
        return type(value)(map(masked, value))
    if not isinstance(value, str) or "@" not in value:
        return value
    try:
        parts = urlsplit(value)
        has_login = parts.username is not None or parts.password is not None
    except ValueError:  # no URL that anybody could use, but somebody's secret may be in it
        return HIDDEN
    if not has_login:
        return value
    return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2]))


def _find(config: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is None:
        return folder / FILE if (folder / FILE).is_file() else None
    if not named.is_file():
        origin = "--config" if config else CONFIG_VARIABLE
        raise SettingsError((Problem(str(named), origin, "there is no such file"),))
    return named


def _from_state(environ: Mapping[str, str], kind: object) -> Iterator[_Entry]:
    """The user's own folder for state (XDG base directories), which must be absolute."""
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        return
    yield _Entry("auth.database", str(state / "ocrgate" / "keys.sqlite"), "XDG_STATE_HOME")
    if kind in kinds("engine.state"):
        yield _Entry("engine.state", str(state / "ocrgate"), "XDG_STATE_HOME")


def _from_file(file: Path) -> Iterator[_Entry]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError((Problem(str(file), "file", f"cannot be read: {error}"),)) from error
    for key, value in _flatten("", table):
        yield _Entry(key, value, str(file))


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Entry]:
    """Variables of ours; an empty one counts as not set, as compose files write it."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if endpoint:
        yield _Entry("telemetry.otlp_endpoint", endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT")
    for name, text in sorted(environ.items()):
        ours = name.startswith(PREFIX) and not name.startswith(_TEST_PREFIX)
        if ours and name not in _FOREIGN and text.strip():
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            yield _Entry(key, _parsed(key, text.strip()), name)


def _parsed(key: str, text: str) -> object:
    setting = declared().get(key)
    if setting is None or not setting.is_structured:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return tuple(part.strip() for part in text.split(",")) if _is_list(setting) else text


def _is_list(setting: Setting) -> bool:
    """Whether it holds texts only, which may be written with commas between them."""
    return setting.type == "tuple[str, ...]"


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Entry]:
    for key, value in flags.items():
        if value is not None:
            section, _, name = key.rpartition(".")
            option = section if name == "kind" else name
            yield _Entry(key, value, "--" + option.replace("_", "-"))


def _flatten(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Leaves by key, down to whatever is declared as one setting."""
    if path.rstrip(".") in declared():
        yield path.rstrip("."), value
    elif is_dataclass(value):
        for item in fields(value):
            yield from _flatten(f"{path}{item.name}.", getattr(value, item.name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(f"{path}{name}.", inner)
    else:
        yield path.rstrip("."), value


def _misnamed(entries: list[_Entry]) -> Iterator[Problem]:
    for entry in entries:
        if entry.key in sections():
            example = next(key for key in declared() if key.startswith(entry.key + "."))
            message = f"is a section; set a key in it, such as {example}"
            yield Problem(entry.key, entry.origin, message)
        elif entry.key not in declared():
            yield Problem(entry.key, entry.origin, "there is no such setting" + _suggest(entry))


def _suggest(entry: _Entry) -> str:
    names = {key: key for key in declared()}
    for key in declared():
        names.setdefault(key.rpartition(".")[2], key)
    close = difflib.get_close_matches(entry.key, names, n=1, cutoff=0.6)
    if not close:
        return "; `ocrgate config schema` lists them all"
    setting = declared()[names[close[0]]]
    name = setting.variable if entry.origin.startswith(PREFIX) else setting.key
    return f"; did you mean {name}?"


def _validate(entries: list[_Entry], origins: Mapping[str, str]) -> Settings:
    tree: dict[str, Any] = {}
    unnamed = [_Entry(key, kind, "default") for key, kind in chosen().items()]
    for entry in (*unnamed, *entries):
        *parents, name = entry.key.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = entry.value
    try:
        settings = adapter().validate_python(tree)
    except ValidationError as error:
        raise SettingsError(tuple(_problems(error, origins))) from error
    outside = tuple(_out_of_bounds(settings, origins))
    if outside:
        raise SettingsError(outside)
    return settings


def _problems(error: ValidationError, origins: Mapping[str, str]) -> Iterator[Problem]:
    for found in error.errors(include_url=False):
        named = ("kind",) if found["type"] == _NO_SUCH_KIND else ()
        key = _key_of((*found["loc"], *named))
        told = _told(key, found)
        message = told.replace("Input should be", "should be").removeprefix("Value error, ")
        shown = "" if _speaks_for_itself(key, found["type"]) else _shown(found)
        yield Problem(key, origins.get(key, "the values together"), shown + message + _allowed(key))


def _speaks_for_itself(key: str, error: str) -> bool:
    return error in {"value_error", "unexpected_keyword_argument"} or key.endswith((_HIDE, _ARGS))


def _shown(found: Any) -> str:
    value = found["input"].get("kind") if found["type"] == _NO_SUCH_KIND else found["input"]
    return f"{masked(value)!r:.80} "


def _told(key: str, found: Any) -> str:
    if found["type"] == _NO_SUCH_KIND:
        return "should be one of " + str(found["ctx"]["expected_tags"]).replace("'", "")
    return _misplaced(key, found["type"]) or _PLAIN.get(found["type"], found["msg"])


def _misplaced(key: str, error: str) -> str | None:
    """What to say of a setting that goes with another kind than the chosen one."""
    if error != "unexpected_keyword_argument" or not kinds(key):
        return None
    switch = next(each for each in chosen() if key.startswith(each.removesuffix("kind")))
    return f"goes with {switch} = {' or '.join(kinds(key))}, which is not the one chosen"


def _key_of(place: tuple[int | str, ...]) -> str:
    """The longest declared key (or section) that a validator's location begins with.

    In a section of several kinds the location names the kind after the section.
    """
    names: list[str] = []
    for part in map(str, place):
        if part not in kinds(".".join([*names, "kind"])):
            names.append(part)
    keys = (".".join(names[:n]) for n in range(len(names), 0, -1))
    return next((key for key in keys if key in declared() or key in sections()), ".".join(names))


def _out_of_bounds(settings: Settings, origins: Mapping[str, str]) -> Iterator[Problem]:
    for key, value in _flatten("", settings):
        bounds = declared()[key].bounds
        if bounds and isinstance(value, int | float) and not bounds[0] <= value <= bounds[1]:
            yield Problem(
                key, origins.get(key, "default"), f"{value:g} is out of range" + _allowed(key)
            )


def _allowed(key: str) -> str:
    setting = declared().get(key)
    if setting is None or setting.bounds is None:
        return ""
    return f" (allowed: {setting.bounds[0]:,g} to {setting.bounds[1]:,.0f})"
