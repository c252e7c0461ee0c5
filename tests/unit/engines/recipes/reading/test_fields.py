"""Fields: found in any answer, held against what was asked for."""

import pytest

from ocrgate.domain.recognition import PageRequest, PageWarning, Task
from ocrgate.engines.recipes.reading.fields import fields
from ocrgate.engines.recipes.reading.schema import matches, mismatches

KEYS = PageRequest(task=Task.FIELDS, keys=("total", "date"))
MISMATCH = (PageWarning.SCHEMA_MISMATCH,)


@pytest.mark.parametrize(
    "answer",
    [
        '{"total": "5.00", "date": null}',
        '```json\n{"total": "5.00", "date": null}\n```',
        'Here it is: {"total": "5.00", "date": null}. "Anything else?',
        'The "total: {"total": "5.00", "date": null}',
    ],
)
def test_the_object_is_found(answer: str) -> None:
    """In fences and among words."""
    parsed = fields(answer, KEYS)
    assert parsed.fields == {"total": "5.00", "date": None}
    assert parsed.warnings == ()
    assert [line.text for line in parsed.blocks[0].lines] == ["total: 5.00", "date:"]


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        ('{"total": "5", "da', "5"),
        ('{"total": "5", "date": "20', "5"),
        ('{"total": "5"', "5"),
        ('{"total": "5", "other": {"a": [1, {"b": "c', "5"),
        ('{"tot', None),
        ("{}", None),
        ("no idea", None),
        ("[1, 2]", None),
    ],
)
def test_what_is_missing_is_none_and_told(answer: str, total: str | None) -> None:
    """Of an answer that was cut off, the whole members count."""
    parsed = fields(answer, KEYS)
    assert parsed.fields == {"total": total, "date": None}
    assert parsed.warnings == MISMATCH


def test_members_nobody_asked_for_are_left_out() -> None:
    """With keys; they are a mismatch."""
    parsed = fields('{"total": "1", "date": "2", "more": "3"}', KEYS)
    assert parsed.fields == {"total": "1", "date": "2"}
    assert parsed.warnings == MISMATCH


def test_an_answer_without_an_object_keeps_its_words() -> None:
    """The caller sees what the model said."""
    parsed = fields("There is no\ntotal.", KEYS)
    assert [line.text for line in parsed.blocks[0].lines] == ["There is no", "total."]


def test_a_schema_of_the_callers_is_checked() -> None:
    """The object stays as it is."""
    schema = {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
            }
        },
        "required": ["items"],
    }
    request = PageRequest(task=Task.FIELDS, schema=schema)
    assert fields('{"items": [{"n": 1}], "x": 2}', request).warnings == ()
    wrong = fields('{"items": [{"n": "1"}], "x": 2}', request)
    assert wrong.fields == {"items": [{"n": "1"}], "x": 2}
    assert wrong.warnings == MISMATCH
    assert list(mismatches(wrong.fields, schema)) == ["$.items[0].n"]


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (1, {"type": "integer"}, True),
        (1.0, {"type": "integer"}, True),
        (1.5, {"type": "integer"}, False),
        (True, {"type": "integer"}, False),
        (True, {"type": ["boolean", "null"]}, True),
        (None, {"type": "string"}, False),
        ("a", {"enum": ["a", "b"]}, True),
        (1, {"enum": [True]}, False),
        ("c", {"const": "a"}, False),
        ({}, {"required": ["a"]}, False),
        ({"b": 1}, {"additionalProperties": False}, False),
        ({"b": 1}, {"additionalProperties": {"type": "string"}}, False),
        ({"b": 1}, {"properties": {"b": True}, "additionalProperties": False}, True),
        ("a", {"anyOf": [{"type": "null"}, {"type": "string"}]}, True),
        (1, {"anyOf": [{"type": "null"}, {"type": "string"}]}, False),
        ("a", {"type": "colour", "pattern": "z", "$ref": "#/x"}, True),
        ("a", {"type": 5, "required": 7, "properties": 8, "enum": 9}, True),
    ],
)
def test_schema_keywords(value: object, schema: dict[str, object], *, fits: bool) -> None:
    """Those that are covered decide; the others, and senseless ones, are taken as met."""
    assert matches(value, schema) is fits
