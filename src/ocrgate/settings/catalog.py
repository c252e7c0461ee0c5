"""Every setting as a row: key, type, bounds, default and what it is for."""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter

from ocrgate.settings.model import Settings

PREFIX = "OCRGATE_"

_CLIMB: Mapping[str, tuple[float, float]] = {
    "start": (1, 100_000),
    "growth": (1.001, 10),
    "recover": (0.001, 10),
    "probe": (0.001, 10),
    "double": (0.01, 3600),
    "quick": (0, 1),
    "rest": (0, 3600),
    "near": (0.01, 1),
    "backoff": (0.01, 0.999),
    "first_backoff": (0.01, 0.999),
    "full_backoff": (0.01, 0.999),
    "hold": (0, 3600),
    "unfelt": (0, 3600),
    "waiting": (0, 100_000),
    "standing": (0, 3600),
    "idle": (0, 3600),
    "preparing": (0, 100_000),
    "crowd": (0, 100),
    "kv": (0.01, 1),
    "gain": (0, 1),
    "reprobe": (0, 86_400),
    "distrust": (0, 86_400),
    "stale": (0, 1000),
    "decay": (0, 0.999),
    "settled": (0, 3600),
    "headroom": (1, 1000),
    "crowded": (0, 1),
    "nearly": (0, 1),
    "few": (0, 100_000),
    "most": (1, 100_000),
    "goodput.bucket": (0.01, 60),
    "goodput.window": (0.1, 3600),
    "goodput.near": (0, 1),
    "goodput.least": (3, 1000),
    "goodput.floor": (0.0001, 1),
    "goodput.expected": (-10, 10),
    "goodput.doubt": (0.001, 1000),
    "goodput.memory": (0, 86_400),
    "goodput.width": (1.01, 10),
    "goodput.learn": (1, 1000),
    "trials.less": (0, 1),
    "trials.hint": (0, 2),
    "trials.far": (1, 100),
    "trials.steep": (-10, 10),
    "trials.seconds": (0.1, 3600),
    "trials.least": (0.1, 3600),
    "trials.most": (0.1, 3600),
    "trials.settle": (0, 3600),
    "trials.patience": (0, 3600),
    "trials.certain": (0, 1000),
    "trials.sure": (0, 1000),
    "trials.better": (0, 1000),
    "trials.worse": (0, 1000),
    "trials.again": (0, 86_400),
    "trials.rest": (0, 86_400),
    "trials.longest": (0, 86_400),
    "trials.above": (0, 86_400),
    "trials.dear": (0, 1000),
    "trials.filled": (0, 3600),
    "trials.gain": (0, 10),
    "trials.added": (1, 100_000),
    "trust.stuck": (0.1, 3600),
    "trust.moved": (0, 1),
    "trust.empty": (1, 1000),
    "trust.missed": (0.1, 3600),
    "lateness.spread": (0, 100),
    "lateness.doubt": (0, 1000),
    "lateness.seconds": (0.1, 3600),
    "lateness.times": (0, 1000),
}
"""Bounds of what two laws have in common: ``latency`` climbs as ``engine`` does."""

BOUNDS: Mapping[str, tuple[float, float]] = {
    "server.port": (0, 65_535),
    "server.max_body_bytes": (1024, 2**31),
    "server.timeout": (0.1, 86_400),
    "server.max_timeout": (0.1, 86_400),
    "server.body_timeout": (0.1, 3600),
    "server.keep_alive": (1, 3600),
    "server.connections": (8, 1_000_000),
    "server.drain": (0, 3600),
    "auth.cache_seconds": (0, 3600),
    "engine.workers": (1, 1024),
    "engine.max_side": (64, 30_000),
    "engine.detector_side": (64, 8192),
    "engine.nice": (0, 19),
    "engine.slots": (1, 100_000),
    "engine.most": (1, 100_000),
    "engine.stall": (0.1, 3600),
    "engine.first_token": (0.1, 3600),
    "engine.connect": (0.1, 600),
    "engine.max_tokens": (1, 1_000_000),
    "engine.encoder_tokens": (64, 1_000_000),
    "engine.port": (1, 65_535),
    "engine.gpus": (1, 1024),
    "engine.gpu_memory": (0.01, 1),
    "engine.max_sequences": (1, 100_000),
    "engine.max_pixels": (1024, 2**31),
    "engine.start_timeout": (1, 86_400),
    "engine.shutdown_timeout": (0, 3600),
    "gate.shares.interactive": (0.001, 1000),
    "gate.shares.standard": (0.001, 1000),
    "gate.shares.batch": (0.001, 1000),
    "gate.backlog_share": (0, 1000),
    "gate.backlog_min": (0, 100_000),
    "gate.backlog_bytes": (0, 2**40),
    "gate.wait_share": (0.001, 1),
    "gate.wait_max": (0.001, 86_400),
    "gate.retry_min": (0.001, 3600),
    "gate.retry_max": (0.001, 86_400),
    "gate.horizon": (1, 86_400),
    "gate.demand.idle": (0.001, 0.999),
    "gate.demand.memory": (1, 100_000),
    "gate.demand.seconds": (0.001, 86_400),
    "gate.passing.passes": (0, 100_000),
    "gate.passing.seconds": (0, 3600),
    "gate.degrade.image_at": (0.001, 1000),
    "gate.degrade.image_side": (0.1, 1),
    "gate.degrade.output_at": (0.001, 1000),
    "gate.degrade.output_tokens": (1, 1_000_000),
    "gate.degrade.other_at": (0.001, 1000),
    "gate.degrade.other_engine": (0, 1024),
    "gate.degrade.sustain": (0, 3600),
    "gate.degrade.dwell": (0, 3600),
    **{f"gate.limit.{name}": bounds for name, bounds in _CLIMB.items()},
    **{f"gate.limit.climb.{name}": bounds for name, bounds in _CLIMB.items()},
    "gate.limit.reading": (0, 0.999),
    "gate.limit.tolerance": (1, 100),
    "gate.limit.crowding": (0, 1),
    "gate.limit.window": (0.1, 3600),
    "gate.limit.memory": (0.1, 86_400),
    "gate.limit.least": (1, 10_000),
    "gate.limit.limit": (1, 100_000),
    "image.max_bytes": (1024, 2**40),
    "image.max_pixels": (1024, 2**31),
    "image.max_side": (64, 1_000_000),
    "image.max_pages": (1, 1_000_000),
    "image.max_jpeg_scans": (1, 10_000),
    "image.timeout": (0.1, 3600),
    "image.memory": (64 * 2**20, 2**40),
}
"""Least and greatest value of each number; a test asks that every number has its row.

They stand here because the classes beside the laws and engines are plain standard library.
"""

_ENTRY = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
_MODULES = re.compile(r"\b(?:typing|pathlib|ocrgate(?:\.\w+)+)\.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        key: section and name, as in ``server.port``.
        annotation: the Python type.
        default: the value where no source names one.
        help: what it is for, in plain words.
        owner: the name of the class that declares it.
        kind: the value of the section's own ``kind`` with which it goes; None goes with any.
    """

    key: str
    annotation: Any
    default: object
    help: str
    owner: str
    kind: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.key.replace(".", "__").upper()

    @property
    def type(self) -> str:
        """The type as people write it: ``int | None``, ``Literal['cpu']``."""
        if isinstance(self.annotation, type) and "[" not in str(self.annotation):
            return self.annotation.__name__
        return _MODULES.sub("", str(self.annotation))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Least and greatest value; None where it is no number."""
        return BOUNDS.get(self.key)

    @property
    def is_structured(self) -> bool:
        """Whether it holds a list or a table, which a variable gives as JSON."""
        return re.match(r"(list|tuple|dict|Mapping|frozenset|set)\b", self.type) is not None


def attribute_help(owner: type) -> dict[str, str]:
    """What the ``Attributes:`` part of a class's docstring says of each field."""
    found: dict[str, str] = {}
    for each in reversed(owner.__mro__):  # what a class inherits is told where it was declared
        attributes = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        found |= {name: " ".join(text.split()) for name, text in _ENTRY.findall(attributes)}
    return found


def kinds_of(hint: Any) -> tuple[type, ...]:
    """The classes of a section of which one is chosen by its ``kind``; else empty."""
    members = get_args(hint)
    return members if members and all(map(dataclasses.is_dataclass, members)) else ()


def _walk(owner: type, path: str, about: str = "", kind: str | None = None) -> Iterator[Setting]:
    """``about`` says of a nested class what its own docstring leaves out."""
    texts, hints = attribute_help(owner), get_type_hints(owner)
    value = owner()
    for item in dataclasses.fields(owner):
        key, hint = f"{path}{item.name}", hints[item.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _walk(hint, f"{key}.", texts.get(item.name, ""), kind)
        elif kinds_of(hint):
            for member in kinds_of(hint):
                yield from _walk(member, f"{key}.", texts.get(item.name, ""), member().kind)
        else:
            told = texts.get(item.name) or f"{item.name}: {about}"
            given = item.default is not dataclasses.MISSING
            shown = item.default if given else getattr(value, item.name)
            yield Setting(key, hint, shown, told, owner.__name__, kind)


@cache
def rows() -> tuple[Setting, ...]:
    """Every setting in the order of the sections; one that several kinds have comes with each."""
    return tuple(_walk(Settings, ""))


@cache
def declared() -> Mapping[str, Setting]:
    """Every setting by its key; of one that several kinds have, the first."""
    first: dict[str, Setting] = {}
    for setting in rows():
        first.setdefault(setting.key, setting)
    return first


def kinds(key: str) -> tuple[str, ...]:
    """The kinds with which a setting goes; empty where it goes with any."""
    return tuple(row.kind for row in rows() if row.key == key and row.kind)


def chosen() -> Mapping[str, object]:
    """The keys by which one kind is chosen among several, with the kind where none is named."""
    keys = (key for key in declared() if key.endswith(".kind"))
    return {key: _at(Settings(), key) for key in keys}


def _at(value: Any, key: str) -> object:
    for name in key.split("."):
        value = getattr(value, name)
    found: object = value
    return found


def sections() -> frozenset[str]:
    """Keys that hold settings but are none themselves: ``server``."""
    keys = (key.split(".") for key in declared())
    return frozenset(".".join(parts[:n]) for parts in keys for n in range(1, len(parts)))


@cache
def adapter() -> TypeAdapter[Settings]:
    """The validator of :class:`Settings`."""
    return TypeAdapter(Settings)


def schema() -> dict[str, Any]:
    """JSON schema of ``ocrgate.toml``, with descriptions and bounds."""
    whole = adapter().json_schema()
    for setting in rows():
        found = whole["$defs"][setting.owner]["properties"][setting.key.rpartition(".")[2]]
        found["description"] = setting.help
        if setting.bounds:
            found["minimum"], found["maximum"] = setting.bounds
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "ocrgate.toml"
    return whole
