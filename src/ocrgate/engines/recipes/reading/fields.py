"""Fields of a form: the JSON object of an answer, held against what was asked for."""

import json
from collections.abc import Mapping

from ocrgate.domain.recognition import Block, Line, PageRequest, PageWarning
from ocrgate.engines.recipes.answer import Parsed
from ocrgate.engines.recipes.reading.loose_json import first_object
from ocrgate.engines.recipes.reading.markdown import paragraphs
from ocrgate.engines.recipes.reading.schema import Schema, matches, of_keys


def schema_of(request: PageRequest) -> Schema:
    """The schema that an answer is to meet: the caller's, or one made of the keys."""
    return request.schema if request.schema is not None else of_keys(request.keys)


def fields(text: str, request: PageRequest) -> Parsed:
    """The fields of an answer, with a warning where they are not what was asked for.

    Keys that were asked for and not answered are None, those that were not asked for are left out;
    with a schema of the caller's the object stays as the model wrote it. An answer without any
    object keeps its words.
    """
    found = first_object(text)
    answer: Mapping[str, object] = found or {}
    fits = found is not None and matches(answer, schema_of(request))
    warnings = () if fits else (PageWarning.SCHEMA_MISMATCH,)
    if request.schema is None:
        answer = {key: answer.get(key) for key in request.keys}
    blocks = paragraphs(text) if found is None else _listed(answer)
    return Parsed(blocks, answer, warnings)


def _listed(answer: Mapping[str, object]) -> tuple[Block, ...]:
    """The fields as text, one to a line."""
    lines = tuple(Line(f"{key}: {_shown(value)}".strip()) for key, value in answer.items())
    return (Block(lines),) if lines else ()


def _shown(value: object) -> str:
    if value is None:
        return ""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(shown.split())
