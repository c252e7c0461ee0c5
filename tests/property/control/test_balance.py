"""What balance promises, whatever replicas do."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocrgate.control.balance import Balance

COUNT = 4
SLOTS = (1, 4, 8, 8)
SOME = st.sets(st.integers(0, COUNT - 1), min_size=1)


class BalanceMachine(RuleBasedStateMachine):
    """Pages are given out among some replicas, and end fast, slowly or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.balance = Balance(SLOTS)
        self.now = 0.0
        self.out: list[int] = []
        self.back = [0.0] * COUNT  # instants from which they take pages

    @rule(candidates=SOME)
    def give(self, candidates: set[int]) -> None:
        """One of the candidates, and one with room if any of them has some."""
        chosen = self.balance.choose(candidates, self.now)
        assert chosen in candidates
        rooms = {each: math.floor(self.balance.headroom(each, self.now)) for each in candidates}
        if max(rooms.values()) >= 1:
            assert rooms[chosen] >= 1
        if any(self.back[each] <= self.now for each in candidates):
            assert self.back[chosen] <= self.now
        self.balance.begin(chosen, self.now)
        self.out.append(chosen)

    @precondition(lambda self: self.out)
    @rule(place=st.integers(0, 99), seconds=st.sampled_from((0.1, 1.0, 60.0)), read=st.booleans())
    def end(self, place: int, seconds: float, read: bool) -> None:
        """A page is read, or its caller leaves."""
        replica = self.out.pop(place % len(self.out))
        self.balance.end(replica)
        if read:
            self.balance.read(replica, seconds, 100.0, self.now)
        else:
            self.balance.gave_up(replica, seconds, 1.0, self.now)

    @rule(replica=st.integers(0, COUNT - 1), seconds=st.sampled_from((1.0, 20.0)))
    def busy(self, replica: int, seconds: float) -> None:
        """A replica turns a page away."""
        self.back[replica] = self.now + seconds
        self.balance.busy(replica, self.back[replica])

    @rule(replica=st.integers(0, COUNT - 1))
    def forget(self, replica: int) -> None:
        """A new server."""
        self.back[replica] = 0.0
        self.balance.forget(replica, SLOTS[replica])

    @rule(seconds=st.sampled_from((0.5, 5.0, 30.0)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @invariant()
    def counts_are_true(self) -> None:
        """Pages with a replica are those given and not ended; health is a part of the whole."""
        for replica in range(COUNT):
            assert self.balance.inflight(replica) == self.out.count(replica)
            assert 0.0 < self.balance.health(replica) <= 1.0


BalanceMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_balance = BalanceMachine.TestCase


@given(st.lists(st.floats(1.0, 20.0), min_size=COUNT, max_size=COUNT))
def test_nobody_is_forgotten(factors: list[float]) -> None:
    """However slow, each gets a page within what a slow one's share comes to."""
    balance = Balance([8] * COUNT)
    for replica, factor in enumerate(factors):
        balance.read(replica, factor, 100.0, 0.0)
    got = dict.fromkeys(range(COUNT), 0)
    for second in range(1, 250):
        chosen = balance.choose(range(COUNT), float(second))
        assert chosen is not None
        got[chosen] += 1
        balance.begin(chosen, float(second))
        balance.end(chosen)
        balance.read(chosen, factors[chosen], 100.0, float(second))
    assert min(got.values()) >= 2


@given(st.integers(2, 6), st.integers(1, 16), st.data())
def test_equals_are_loaded_equally(count: int, slots: int, data: st.DataObject) -> None:
    """Pages given out among equals differ by one at most."""
    balance = Balance([slots] * count)
    pages = data.draw(st.integers(1, 3 * count * slots))
    for _ in range(pages):
        chosen = balance.choose(range(count), 0.0)
        assert chosen is not None
        balance.begin(chosen, 0.0)
    loads = [balance.inflight(replica) for replica in range(count)]
    assert max(loads) - min(loads) <= 1
