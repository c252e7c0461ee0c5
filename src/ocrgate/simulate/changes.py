"""What happens to an engine while it runs: scheduled changes, and the script that lists them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ocrgate.errors import InvalidRequest

Kind = Literal[
    "slow", "kv_tokens", "max_num_seqs", "pause", "die", "restart", "neighbour", "preprocessing"
]
_NEEDS_NO_VALUE = frozenset({"die", "restart"})
_LEAST = {"slow": 1e-6, "kv_tokens": 32, "max_num_seqs": 1, "preprocessing": 0.0}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens to the engine at ``at`` (seconds from its start).

    ``kind`` says what ``value`` is:

    - ``slow``: every step takes so many times as long as the profile says (1 is normal again);
    - ``kv_tokens``, ``max_num_seqs``: the new figure;
    - ``pause``: for so many seconds no step begins;
    - ``die``: the engine is gone; ``restart``: it is stopped and serves again after its start-up;
    - ``neighbour``: another process takes so many bytes of GPU memory from now on;
    - ``preprocessing``: pictures take so many times as long to prepare.
    """

    at: float
    kind: Kind
    value: float = 0.0


def parse_script(text: str) -> tuple[Change, ...]:
    """The changes of a script: a JSON list of ``{"at": 60, "kind": "slow", "value": 5}``.

    Raises:
        InvalidRequest: it is no such list; the message names the entry.
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"the script is not JSON: {error}", field="--script") from error
    if not isinstance(entries, list):
        raise InvalidRequest("the script is not a list of changes", field="--script")
    return tuple(_change(number, entry) for number, entry in enumerate(entries, 1))


def _change(number: int, entry: Any) -> Change:
    if not isinstance(entry, dict):
        raise _wrong(number, "is not an object")
    unknown = set(entry) - {"at", "kind", "value"}
    if unknown:
        raise _wrong(number, f"has the unknown key {min(unknown)!r}")
    kind: Any = entry.get("kind")
    if kind not in get_args(Kind):
        raise _wrong(number, f"has no kind of {', '.join(get_args(Kind))}")
    at = _number(number, entry, "at")
    value = 0.0 if kind in _NEEDS_NO_VALUE else _number(number, entry, "value")
    if value < _LEAST.get(kind, 0.0):
        raise _wrong(number, f"has a value below {_LEAST.get(kind, 0.0):g}")
    return Change(at, kind, value)


def _number(number: int, entry: Mapping[str, Any], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise _wrong(number, f"needs a number of 0 or more as {key!r}")
    return float(value)


def _wrong(number: int, what: str) -> InvalidRequest:
    return InvalidRequest(f"change {number} of the script {what}", field="--script")
