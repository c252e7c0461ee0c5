"""JSON as models write it: in fences, among words, cut off, with LaTeX's backslashes.

One pass finds the objects, so the work is linear in the text however broken it is.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping

Object = Mapping[str, object]

# A string runs to its closing quote or to the end; possessive, so nothing is looked at twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],]', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CLOSING = {"{": "}", "[": "]"}
_HALVES = re.compile("[\ud800-\udfff]")


def objects(text: str) -> Iterator[str]:
    """The outermost complete ``{…}`` of a text, in order; what is cut off is left out.

    Where an outer object is cut off, the complete ones inside it are the outermost.
    """
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    for match in _TOKEN.finditer(text, _start(text)):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            start = opened.pop()
            while found and found[-1][0] > start:
                found.pop()
            found.append((start, match.end()))
    return (text[start:end] for start, end in found)


def loads(text: str) -> object:
    """The value of a JSON text, also one with backslashes that JSON does not know; None if none."""
    for candidate in (text, _BAD_ESCAPE.sub(r"\\\\", text)):
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _object(value: object) -> Object | None:
    """An object as it may be handed on; None for anything else, and for what is nested absurdly."""
    try:
        found = _whole(value)
    except RecursionError:
        return None
    return found if isinstance(found, dict) else None


def _whole(value: object) -> object:
    """The same, such that it can be written as JSON again: numbers that JSON has no word for become
    None, half characters U+FFFD.
    """
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_HALVES.sub("\ufffd", key): _whole(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def first_object(text: str) -> Object | None:
    """The first object of an answer; of one that is cut off, all members that are complete.

    It can be written as JSON again, whatever numbers and halves of characters the answer holds.
    """
    start = text.find("{")
    if start < 0:
        return None
    whole = next(objects(text), None)
    if whole is not None and text.startswith(whole, start):
        return _object(loads(whole))
    return _mended(text[start:])


def items(value: object) -> list[Object]:
    """The objects of a list, also one that stands inside an object (``{"result": […]}``)."""
    listed = _listed(value, 3)
    if listed is None:
        return [value] if isinstance(value, dict) else []
    return listed


def _listed(value: object, depth: int) -> list[Object] | None:
    if isinstance(value, list):
        found: list[Object] = [item for item in value if isinstance(item, dict)]
        return found or None
    if not isinstance(value, dict) or not depth:
        return None
    nested = (_listed(member, depth - 1) for member in value.values())
    return next((found for found in nested if found), None)


def _start(text: str) -> int:
    """Words before the first bracket may hold a lone quotation mark: they are skipped."""
    return min((place for mark in "[{" if (place := text.find(mark)) >= 0), default=len(text))


def _mended(text: str) -> Object | None:
    """A cut-off object, closed as it stands, or else behind its last whole member."""
    comma = None
    for match in _TOKEN.finditer(text):
        comma = match.start() if match[0] == "," else comma
    for part in (text, text[:comma]):
        if (found := _object(loads(part + _closers(part)))) is not None:
            return found
    return {} if comma is None else None


def _closers(text: str) -> str:
    """The brackets that are missing at the end of a text."""
    stack: list[str] = []
    for match in _TOKEN.finditer(text):
        if match[0] in _CLOSING:
            stack.append(_CLOSING[match[0]])
        elif stack and match[0] == stack[-1]:
            stack.pop()
    return "".join(reversed(stack))
