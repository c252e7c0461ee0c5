"""What a breaker promises, whatever happens to it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ocrgate.control.breaker import Breaker, BreakerParams, BreakerState, Pass, Verdict

PARAMS = BreakerParams(failures=3, volume=5, window=4.0, first=1.0, longest=5.0, settle=3)
CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN
MOVES = {
    (CLOSED, OPEN),
    (OPEN, HALF_OPEN),
    (OPEN, CLOSED),  # by a reset only
    (HALF_OPEN, OPEN),
    (HALF_OPEN, CLOSED),
}


class BreakerMachine(RuleBasedStateMachine):
    """Pages come, end in any order and any way; time passes; a watcher interferes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(PARAMS)
        self.now = 0.0
        self.out: list[Pass] = []
        self.probes: list[Pass] = []
        self.state = CLOSED
        self.opened_until = 0.0

    def moved(self) -> None:
        """Follow the state; only moves of the diagram are allowed."""
        state = self.breaker.state(self.now)
        if state is not self.state:
            assert (self.state, state) in MOVES
            self.probes.clear()  # stale if there is one
        if state is OPEN and self.state is not OPEN:
            self.opened_until = self.breaker.due(self.now)
            assert PARAMS.first <= self.opened_until - self.now <= PARAMS.longest
        self.state = state

    @rule()
    def page(self) -> None:
        """A page asks to go through."""
        given = self.breaker.admit(self.now)
        assert (given is not None) == (self.state is CLOSED or self._may_probe())
        if given is not None:
            assert given.probe == (self.state is HALF_OPEN)
            self.out.append(given)
            if given.probe:
                self.probes.append(given)

    def _may_probe(self) -> bool:
        return self.state is HALF_OPEN and not self.probes

    @precondition(lambda self: self.out)
    @rule(place=st.integers(0, 50), verdict=st.sampled_from(Verdict))
    def end(self, place: int, verdict: Verdict) -> None:
        """A page ends."""
        given = self.out.pop(place % len(self.out))
        current = given in self.probes
        before = self.state
        if current:
            self.probes.remove(given)
        self.breaker.record(given, verdict, self.now)
        after = self.breaker.state(self.now)
        if verdict is Verdict.NEUTRAL:
            assert after is before
        if current and verdict is Verdict.SUCCESS:
            assert after is CLOSED
        if current and verdict is Verdict.FAILURE:
            assert after is OPEN
        if before is OPEN or (before is HALF_OPEN and not current):
            assert after is before  # late news of an earlier era
        self.moved()

    @rule(seconds=st.sampled_from((0.25, 0.5, 1.0, 3.0, 7.0)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.moved()

    @rule()
    def trip(self) -> None:
        """The watcher says that it died."""
        self.breaker.trip(self.now)
        if self.state is OPEN:
            self.opened_until = self.breaker.due(self.now)
        self.moved()
        assert self.state is OPEN
        self.probes.clear()

    @rule()
    def reset(self) -> None:
        """The watcher says that it is new."""
        self.breaker.reset(self.now)
        self.moved()
        assert self.state is CLOSED

    @invariant()
    def at_most_one_probe_is_out(self) -> None:
        """However many ask."""
        assert len(self.probes) <= 1

    @invariant()
    def open_holds_its_time(self) -> None:
        """And no longer: after it, a page goes through."""
        if self.state is OPEN:
            assert self.now < self.opened_until
            assert self.breaker.due(self.now) == self.opened_until
            assert self.breaker.admit(self.now) is None
        if self._may_probe():
            assert self.breaker.due(self.now) == self.now


BreakerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
test_breaker = BreakerMachine.TestCase
