"""The OpenAPI document as text for people: Markdown for the docs folder."""

from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]


def operations(spec: Json) -> Iterator[tuple[str, str, Json]]:
    """Method, path and operation, in the order published."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def type_of(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(type_of(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}" if schema.get("items") else "list"
    return str(schema.get("type", "any"))


def body_of(schema: Json) -> str:
    """What a body has to be: the fields of a form by name, anything else as :func:`type_of`."""
    fields = ", ".join(f"`{name}`" for name, _, _ in rows_of(schema))
    return f"form: {fields}" if fields else _BYTES.get(schema.get("format", "")) or type_of(schema)


_BYTES = {"binary": "the file's bytes"}


def about(schema: Json) -> str:
    """What a schema says of itself, its own words first."""
    inner = (kind.get("description", "") for kind in schema.get("anyOf", ()))
    return str(schema.get("description") or next(inner, ""))


def rows_of(schema: Json) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of each member of an object; required ones carry a star."""
    required = set(schema.get("required", ()))
    for name, member in schema.get("properties", {}).items():
        yield name + ("*" if name in required else ""), type_of(member), about(member)


def api_markdown(spec: Json) -> str:
    """The whole document as Markdown, for ``docs/reference/api.md``."""
    parts = [f"# HTTP API\n\n{spec['info']['description']}\n\nMembers marked * are required."]
    parts += [_operation(*found) for found in operations(spec)]
    parts.append("## Types")
    parts += [_type(name, schema) for name, schema in spec["components"]["schemas"].items()]
    return "\n\n".join(parts) + "\n"


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [f"## {method} {path}", operation["summary"] + "."]
    if operation.get("description", "").rstrip(".") not in {"", operation["summary"]}:
        parts.append(operation["description"])
    parameters = [
        (f"`{item['name']}`", item["in"], item.get("description", ""))
        for item in operation.get("parameters", ())
    ]
    parts += _table(("parameter", "in", "meaning"), parameters)
    bodies = operation.get("requestBody", {}).get("content", {})
    rows = [(f"`{media}`", body_of(content["schema"])) for media, content in bodies.items()]
    parts += _table(("body", "is"), rows)
    answers = [
        (status, answer["description"], ", ".join(answer.get("content", ())))
        for status, answer in operation["responses"].items()
    ]
    parts += _table(("status", "meaning", "content"), answers)
    return "\n\n".join(parts)


def _type(name: str, schema: Json) -> str:
    parts = [f"### {name}", schema.get("description", "")]
    if "enum" in schema:
        parts.append("One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".")
    rows = [(f"`{member}`", kind, words) for member, kind, words in rows_of(schema)]
    parts += _table(("member", "type", "meaning"), rows)
    return "\n\n".join(part for part in parts if part)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A table as one part, or none when it has no rows."""
    if not rows:
        return []
    lines = [head, tuple("---" for _ in head), *rows]
    return ["\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
