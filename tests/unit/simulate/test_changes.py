"""Scripts of what happens to an engine."""

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.simulate.changes import Change, parse_script


def test_a_script_is_a_list_of_changes() -> None:
    text = '[{"at": 60, "kind": "slow", "value": 5}, {"at": 90.5, "kind": "restart"}]'
    assert parse_script(text) == (Change(60.0, "slow", 5.0), Change(90.5, "restart"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("{}", "not a list"),
        ("[3]", "change 1 of the script is not an object"),
        ('[{"at": 1, "kind": "die"}, {"at": 1, "kind": "melt"}]', "change 2 of the script has no"),
        ('[{"at": -1, "kind": "die"}]', "number of 0 or more as 'at'"),
        ('[{"at": 1, "kind": "slow"}]', "number of 0 or more as 'value'"),
        ('[{"at": 1, "kind": "slow", "value": 0}]', "value below"),
        ('[{"at": 1, "kind": "kv_tokens", "value": 3}]', "value below 32"),
        ('[{"at": true, "kind": "die"}]', "number of 0 or more as 'at'"),
        ('[{"at": 1, "kind": "die", "why": "x"}]', "unknown key 'why'"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        parse_script(text)
