"""The part of a caller's JSON schema that an engine is made to hold an answer to.

An engine compiles a schema into a grammar before it writes, and all its pages wait for that. A
regular expression or a bound of a caller's can make it arbitrarily dear, and has ended servers. So
what is costly is left out there; the words beside the page may still hold it.
"""

import json
from collections.abc import Mapping
from typing import Any

from ocrgate.errors import InvalidRequest

DEPTH = 32
"""Most levels of a schema, lists counted too."""

SIZE = 32 * 1024
"""Most characters of a schema as JSON."""

COSTLY = frozenset(
    {
        *("pattern", "patternProperties", "propertyNames"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("contains", "minContains", "maxContains", "uniqueItems", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
"""Keywords that are not asked of an engine."""

_NAMED = frozenset({"properties", "$defs", "definitions"})  # their members are called by the caller
_VALUES = frozenset({"enum", "const", "default", "examples"})


def check_size(schema: Mapping[str, object]) -> None:
    """See that a schema is one of a form, and no burden.

    Raises:
        InvalidRequest: (``schema``) it is nested too deeply, or too long.
    """
    level: list[Any] = [schema]
    for _ in range(DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            break
    else:
        raise InvalidRequest(
            "the schema is nested too deeply", field="schema", limit=f"{DEPTH} levels"
        )
    if len(json.dumps(schema, ensure_ascii=False)) > SIZE:
        raise InvalidRequest("the schema is too long", field="schema", limit=f"{SIZE} characters")


def affordable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without its costly keywords. Fields, types and values stay."""
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in COSTLY:
            continue
        if key in _NAMED and isinstance(value, Mapping):
            kept[key] = {name: _each(inner) for name, inner in value.items()}
        else:
            kept[key] = value if key in _VALUES else _each(value)
    return kept


def _each(value: Any) -> Any:
    if isinstance(value, Mapping):
        return affordable(value)
    return [_each(inner) for inner in value] if isinstance(value, list) else value


def _inside(value: Any) -> list[Any]:
    """The lists and objects right inside of one."""
    members = value.values() if isinstance(value, Mapping) else value
    return [one for one in members if isinstance(one, Mapping | list)]
