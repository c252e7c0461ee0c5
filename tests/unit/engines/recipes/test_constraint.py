"""Schemas of callers, before an engine compiles them."""

from typing import Any

import pytest

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.engines.recipes import recipe_named
from ocrgate.engines.recipes.constraint import COSTLY, DEPTH, SIZE, affordable, check_size
from ocrgate.errors import InvalidRequest


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize("keyword", sorted(COSTLY))
def test_what_is_costly_is_left_out_wherever_it_stands(keyword: str) -> None:
    """In members, lists, choices and definitions; a field of that name is none."""
    schema = {
        "type": "object",
        "properties": {keyword: {"type": "string", keyword: 9}, "b": {"items": {keyword: 9}}},
        "anyOf": [{keyword: 9, "required": [keyword]}],
        "$defs": {keyword: {keyword: 9, "$ref": "#"}},
        keyword: 9,
    }
    assert affordable(schema) == {
        "type": "object",
        "properties": {keyword: {"type": "string"}, "b": {"items": {}}},
        "anyOf": [{"required": [keyword]}],
        "$defs": {keyword: {"$ref": "#"}},
    }


def test_values_stay_as_they_are() -> None:
    """They may look like schemas."""
    schema = {"enum": [{"pattern": "a"}], "const": {"minimum": 1}, "default": [{"maxItems": 2}]}
    assert affordable(schema) == schema


def test_no_schema_is_deeper_or_longer_than_forms_are() -> None:
    """Neither a thousand levels nor a text in place of a schema."""
    check_size(nested(DEPTH - 1))
    check_size({"description": "x" * (SIZE - 100)})
    for wrong in (nested(DEPTH), nested(900), {"description": "x" * SIZE}):
        with pytest.raises(InvalidRequest) as refused:
            check_size(wrong)
        assert refused.value.field == "schema"


def test_an_instruction_holds_what_an_engine_can_afford() -> None:
    """The words may tell the pattern, the grammar does not have it."""
    schema = {"type": "object", "properties": {"id": {"type": "string", "pattern": "(a{9}){9}"}}}
    request = PageRequest(task=Task.FIELDS, schema=schema)
    sent = recipe_named("hunyuanocr-1.5").instruction(request)
    assert sent.schema == {"type": "object", "properties": {"id": {"type": "string"}}}
    with pytest.raises(InvalidRequest):
        recipe_named("hunyuanocr-1.5").instruction(
            PageRequest(task=Task.FIELDS, schema={"properties": {"a": nested(40)}})
        )
