"""What the guard learned, kept in a file across restarts."""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ocrgate.control.guard import Death, GuardState, Load

_FORMAT = 1
_LONGEST = 2**16  # bytes; what we write has a few thousand


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one seat: the guard's state, and a context that fits.

    Attributes:
        guard: None where nothing was learned.
        context: tokens; None where the model's own context fits.
    """

    guard: GuardState | None = None
    context: int | None = None


class MemoryFile:
    """One file for each combination of things that decide how much memory is needed.

    Args:
        folder: where; it is made when something is written.
        about: what the memory holds for: model, revision, version, GPU.
    """

    def __init__(self, folder: Path, about: tuple[object, ...]) -> None:
        digest = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
        self._path = folder / f"vllm-{digest}.json"

    def load(self) -> Memory:
        """What was kept; nothing where the file is missing, damaged or from another version."""
        try:
            with self._path.open("rb") as file:
                data = json.loads(file.read(_LONGEST))
            return _memory(data)
        except (OSError, ValueError, TypeError, KeyError, RecursionError, AttributeError):
            return Memory()

    def save(self, memory: Memory) -> bool:
        """Replace the file whole; False where it cannot be written."""
        data = {"format": _FORMAT, **asdict(memory)}
        fresh = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(data))
            fresh.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            return False
        return True


def _memory(data: Mapping[str, object]) -> Memory:
    if data["format"] != _FORMAT:
        return Memory()
    context, guard = data["context"], data["guard"]
    return Memory(
        None if guard is None else _guard(guard),
        None if context is None else _count(context),
    )


def _guard(data: object) -> GuardState:
    fields = _table(data)
    proven, deaths = fields["proven"], fields["deaths"]
    if not isinstance(deaths, list):
        raise TypeError("deaths are a list")
    return GuardState(
        _load(fields["load"]),
        _number(fields["healthy"]),
        None if proven is None else _load(proven),
        tuple(Death(_number(_table(one)["at"]), _load(_table(one)["load"])) for one in deaths),
    )


def _load(data: object) -> Load:
    fields = _table(data)
    return Load(_count(fields["sequences"]), _count(fields["pixels"]))


def _table(data: object) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise TypeError("a table belongs here")
    return data


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError("a count belongs here")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number belongs here")
    return float(value)
