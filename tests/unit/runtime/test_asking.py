"""What an engine cannot do is refused by name before anything is done."""

import pytest

from ocrgate.domain.document import ImageSpec
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.errors import InvalidRequest
from ocrgate.ports import EngineDescription
from ocrgate.runtime.asking import require

ENGINE = EngineDescription(
    "vlm/some", frozenset(Task) - {Task.CHART}, ImageSpec(), slots=1, boxes=False
)
SCHEMA = {"type": "object", "properties": {"total": {"type": "string"}}}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (PageRequest(task=Task.CHART), "task"),
        (PageRequest(prompt="Describe the picture."), "prompt"),
        (PageRequest(target="en"), "target"),
        (PageRequest(keys=("total",)), "keys"),
        (PageRequest(schema=SCHEMA), "schema"),
        (PageRequest(task=Task.FIELDS), "keys"),
        (PageRequest(task=Task.FIELDS, keys=("total",), schema=SCHEMA), "keys"),
    ],
)
def test_what_contradicts_itself_or_the_engine_names_its_option(
    asked: PageRequest, field: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        require(asked, ENGINE)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "asked",
    [
        PageRequest(),
        PageRequest(task=Task.FIELDS, keys=("total",)),
        PageRequest(task=Task.FIELDS, schema=SCHEMA),
        PageRequest(task=Task.TRANSLATE, target="zh"),
        PageRequest(task=Task.TRANSLATE),
    ],
)
def test_the_rest_is_let_through(asked: PageRequest) -> None:
    require(asked, ENGINE)
