"""Which pages another engine may read, and whether they end in time."""

from dataclasses import replace

import pytest

from ocrgate.control.spare import SpareParams, SpareTime, may_go_elsewhere
from ocrgate.domain.ticket import Lane, Ticket

TICKET = Ticket(id=1, lane=Lane.STANDARD, caller="ann", arrived=0.0, deadline=10.0)


@pytest.mark.parametrize(
    ("ticket", "may"),
    [
        (TICKET, True),
        (replace(TICKET, lane=Lane.INTERACTIVE), True),
        (replace(TICKET, lane=Lane.BATCH), False),
        (replace(TICKET, pages=2), False),
        (replace(TICKET, continues=True), False),
    ],
)
def test_single_pages_that_somebody_waits_for_may_go(ticket: Ticket, *, may: bool) -> None:
    assert may_go_elsewhere(ticket) is may


def test_a_page_is_taken_that_ends_in_time_with_a_margin() -> None:
    """Before any was read by a guess, then by what pages took."""
    time = SpareTime(SpareParams(usual=2.0, margin=1.5, learn=0.5))
    assert not time.enough(3.0)
    assert time.enough(3.1)
    time.learn(6.0)
    assert not time.enough(6.0)
    assert time.enough(6.1)
