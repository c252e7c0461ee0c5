"""A run that can be held."""

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.load.course import Span


@pytest.mark.parametrize(
    ("facts", "option"),
    [
        ({"seconds": None}, "--duration"),
        ({"seconds": 0.0}, "--duration"),
        ({"requests": 0}, "--requests"),
        ({"timeout": 0.0}, "--timeout"),
    ],
)
def test_a_run_without_time_or_end_is_refused(facts: dict[str, float], option: str) -> None:
    """Before anything is drawn or sent."""
    with pytest.raises(InvalidRequest) as caught:
        Span(**facts)  # type: ignore[arg-type]
    assert caught.value.field == option
