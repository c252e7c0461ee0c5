"""A small check of JSON values against a JSON schema: what extraction schemas are made of.

Covered: ``type`` (one or several), ``enum``, ``const``, ``properties``, ``required``,
``additionalProperties`` (a flag or a schema), ``items``, ``anyOf``. Every other keyword is taken
as met (``$ref``, ``format``, ``pattern``, bounds…), and what is nested deeper than 32 levels too.
"""

from collections.abc import Iterator, Mapping

Schema = Mapping[str, object]

_DEPTH = 32
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def matches(value: object, schema: Schema) -> bool:
    """Whether a value is what a schema asks for, as far as it is checked here."""
    return next(mismatches(value, schema), None) is None


def mismatches(value: object, schema: Schema, path: str = "$", depth: int = 0) -> Iterator[str]:
    """Places at which a value is not what the schema asks for (``$.items[2].price``)."""
    if depth > _DEPTH:
        return
    if not (_has_type(value, schema.get("type")) and _is_allowed(value, schema)):
        yield path
        return
    choices = schema.get("anyOf")
    if isinstance(choices, list) and not any(_matches(value, one, depth) for one in choices):
        yield path
    if isinstance(value, dict):
        yield from _members(value, schema, path, depth)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        for index, item in enumerate(value):
            yield from mismatches(item, items, f"{path}[{index}]", depth + 1)


def of_keys(keys: tuple[str, ...]) -> dict[str, object]:
    """The schema of an object with these members, each a string or null."""
    return {
        "type": "object",
        "properties": {key: {"type": ["string", "null"]} for key in keys},
        "required": list(keys),
        "additionalProperties": False,
    }


def _matches(value: object, schema: object, depth: int) -> bool:
    if not isinstance(schema, Mapping):
        return True
    return next(mismatches(value, schema, depth=depth + 1), None) is None


def _members(value: Mapping[str, object], schema: Schema, path: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties")
    known: Schema = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    if isinstance(required, list):
        yield from (f"{path}.{name}" for name in required if name not in value)
    others = schema.get("additionalProperties", True)
    for name, member in value.items():
        expected = known.get(name, others)
        if expected is False:
            yield f"{path}.{name}"
        elif isinstance(expected, Mapping):
            yield from mismatches(member, expected, f"{path}.{name}", depth + 1)


def _has_type(value: object, names: object) -> bool:
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list):
        return True
    return any(_is(value, name) for name in names)


def _is(value: object, name: object) -> bool:
    if not isinstance(name, str) or name not in _TYPES:
        return True
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _is_allowed(value: object, schema: Schema) -> bool:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and not any(_same(value, one) for one in allowed):
        return False
    return "const" not in schema or _same(value, schema["const"])


def _same(value: object, other: object) -> bool:
    """Equality as JSON knows it: true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other
