"""What holds for every request: the same words for the same request, and nothing of others."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.domain.recognition import PageRequest, Quality, Task
from ocrgate.engines.recipes import Instruction, Recipe, recipes
from ocrgate.errors import InvalidRequest

SECRET = "\N{SNOWMAN}secret\N{SNOWMAN}"
BODY = {
    *("temperature", "top_p", "top_k", "seed", "repetition_penalty", "presence_penalty", "stop"),
    *("max_tokens", "skip_special_tokens", "vllm_xargs"),
}
REQUESTS = st.builds(
    PageRequest,
    number=st.integers(1, 9999),
    task=st.sampled_from(Task),
    language=st.one_of(st.none(), st.sampled_from(["en", "zh-Hans", "fr", SECRET])),
    quality=st.sampled_from(Quality),
    keys=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    schema=st.one_of(st.none(), st.just({"type": "object", "properties": {"a": {}}})),
    target=st.one_of(st.none(), st.sampled_from(["en", "zh", SECRET])),
    prompt=st.one_of(st.none(), st.text(max_size=9)),
    max_tokens=st.one_of(st.none(), st.integers(1, 10**6)),
    live=st.booleans(),
)


@given(st.sampled_from(recipes()), REQUESTS, st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_requests_are_told_alike_each_time_and_tell_nothing_else(
    recipe: Recipe, request: PageRequest, attempt: int
) -> None:
    """Language and target only choose among the recipe's words; bodies hold known fields alone."""
    body = recipe.sampling(request, attempt)
    assert body == recipe.sampling(request, attempt)
    assert set(body) <= BODY
    bound = recipe.sampling(PageRequest())["max_tokens"]
    assert isinstance(bound, int)
    assert body["max_tokens"] == min(bound, request.max_tokens or bound)
    json.dumps(body)
    told, again = (_told(recipe, request) for _ in range(2))
    assert told == again or str(told) == str(again)
    if isinstance(told, InvalidRequest):
        assert told.field in {"task", "target", "keys", "schema"}
        return
    assert SECRET not in told.text
    assert (told.schema is not None) is (request.task is Task.FIELDS)
    assert request.prompt is None or told.text == request.prompt


def _told(recipe: Recipe, request: PageRequest) -> Instruction | InvalidRequest:
    try:
        return recipe.instruction(request)
    except InvalidRequest as refused:
        return refused
