"""Pages of 40 and of 1,200 tokens at several times the load: no kind pays for the other."""

from collections import Counter

import pytest
from tests.property.control.purse import Purse
from tests.simulation.control.crowd import Crowd, steady

from ocrgate.control.admission import Admission
from ocrgate.domain.ticket import Cost

SHORT, LONG = 40, 1_200
LIMIT = 16


class Mixed(Crowd):
    """One page in ten is thirty times as long; what runs may hold 40 % of what it would at most."""

    def __init__(self, load: float, seed: int, *, room: bool) -> None:
        super().__init__([steady("a", load)], seed, limit=LIMIT, deadline=20.0, priced=True)
        if room:
            self.core = Admission(LIMIT, budget=Purse(int(0.4 * LIMIT * LONG)))
        self.offered: Counter[int] = Counter()
        self.read: Counter[int] = Counter()

    def _cost(self) -> Cost:
        tokens = LONG if self.lengths.random() < 0.1 else SHORT
        self.offered[tokens] += 1
        return Cost(tokens, tokens, tokens, tokens)

    def _end(self, now: float, number: int) -> None:
        _, ticket = self.pages[number]
        assert ticket.cost is not None
        self.read[ticket.cost.median] += now <= ticket.deadline
        super()._end(now, number)


@pytest.mark.parametrize("room", [False, True])
@pytest.mark.parametrize("load", [2.0, 8.0])
def test_no_length_gets_less_than_half_of_its_fair_part(load: float, *, room: bool) -> None:
    """Fair is that of each kind as large a part is read as of all, as first come, first served."""
    crowd = Mixed(load, 1, room=room)
    crowd.go(60.0)
    of_all = crowd.read.total() / crowd.offered.total()
    parts = {tokens: crowd.read[tokens] / crowd.offered[tokens] for tokens in (SHORT, LONG)}
    assert of_all < 0.9, "there is no overload"
    assert min(parts.values()) >= 0.5 * of_all, (parts, of_all)
