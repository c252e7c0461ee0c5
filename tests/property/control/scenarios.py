"""Promises about many pages over time, which no single step can show."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from ocrgate.control.admission import PATIENT, Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Decision, Expired, Queued, Refused
from ocrgate.control.lanes import LaneShares
from ocrgate.domain.ticket import Lane, Ticket

Make = Callable[[int, AdmissionParams], Admission]


class Crowd:
    """Keeps chosen lanes full of waiting pages and lets each place serve ``seconds`` per page."""

    def __init__(self, admission: Admission, seconds: float = 1.0) -> None:
        self.admission = admission
        self.seconds = seconds
        self.now = 0.0
        self.count = 0
        self.ends: list[tuple[float, int]] = []
        self.served: Counter[Lane] = Counter()

    def offer(self, lane: Lane) -> None:
        """One more page of ``lane``."""
        self.count += 1
        ticket = Ticket(self.count, lane, "a", self.now, float("inf"))
        self._follow(self.admission.offer(ticket, self.now))

    def retune(self, params: AdmissionParams) -> None:
        """Go by other numbers from now on."""
        self._follow(self.admission.retune(params, self.now))

    def keep_full(self, lanes: tuple[Lane, ...], depth: int = 3) -> None:
        """Let ``depth`` pages wait in each of ``lanes``."""
        backlog = self.admission.snapshot(self.now).backlog
        for lane in lanes:
            for _ in range(depth - backlog[lane]):
                self.offer(lane)

    def serve(self, pages: int, lanes: tuple[Lane, ...]) -> Counter[Lane]:
        """How many of the next ``pages`` admissions each lane gets while ``lanes`` stay full."""
        self.keep_full(lanes)
        self.served.clear()
        while self.served.total() < pages:
            self.keep_full(lanes)
            assert self.ends, "pages wait and nothing is served"
            self.now, done = min(self.ends)
            self.ends.remove((self.now, done))
            self._follow(self.admission.release(done, self.now))
        return self.served

    def _follow(self, decisions: tuple[Decision, ...]) -> None:
        for decision in decisions:
            if isinstance(decision, Admitted):
                self.ends.append((self.now + self.seconds, decision.ticket.id))
                self.served[decision.ticket.lane] += 1
            assert not isinstance(decision, Refused | Expired), f"unexpected {decision}"


def shares_bind_when_all_wait(make: Make) -> None:
    """Lanes that all wait get places in proportion 50 : 35 : 15, even with a single place."""
    for limit in (1, 3):
        served = Crowd(make(limit, PATIENT)).serve(200, tuple(Lane))
        assert abs(served[Lane.INTERACTIVE] - 100) <= 4, served
        assert abs(served[Lane.STANDARD] - 70) <= 4, served
        assert abs(served[Lane.BATCH] - 30) <= 4, served


def new_shares_bind_at_once(make: Make) -> None:
    """Lanes that all wait get places by the shares of now, and none catches up on those before."""
    crowd = Crowd(make(2, PATIENT))
    crowd.serve(100, tuple(Lane))
    turned = replace(PATIENT, shares=LaneShares(interactive=0.2, standard=0.2, batch=0.6))
    crowd.retune(turned)
    served = crowd.serve(100, tuple(Lane))
    assert abs(served[Lane.BATCH] - 60) <= 4, served
    assert abs(served[Lane.INTERACTIVE] - 20) <= 4, served


def idle_shares_are_lent(make: Make) -> None:
    """A lane alone gets every place; two lanes split in the proportion of their own shares."""
    crowd = Crowd(make(4, PATIENT))
    assert crowd.serve(40, (Lane.BATCH,)) == {Lane.BATCH: 40}
    two = Crowd(make(4, PATIENT)).serve(200, (Lane.INTERACTIVE, Lane.BATCH))
    assert abs(two[Lane.BATCH] - 200 * 0.15 / 0.65) <= 6, two


def borrowing_is_not_held_against_anyone(make: Make) -> None:
    """After borrowing alone for long, a lane still gets its share as soon as others come."""
    crowd = Crowd(make(2, PATIENT))
    crowd.serve(300, (Lane.BATCH,))
    served = crowd.serve(100, tuple(Lane))
    assert abs(served[Lane.BATCH] - 15) <= 4, served
    assert abs(served[Lane.INTERACTIVE] - 50) <= 4, served


def the_next_place_goes_to_who_is_behind(make: Make) -> None:
    """With all places lent to batch pages, a first interactive page gets the next one."""
    crowd = Crowd(make(2, PATIENT))
    crowd.serve(50, (Lane.BATCH,))
    crowd.offer(Lane.INTERACTIVE)
    served = crowd.serve(1, (Lane.BATCH,))
    assert served == {Lane.INTERACTIVE: 1}, served


def long_pages_use_up_a_share(make: Make) -> None:
    """Shares are of places over time: a lane with pages five times as long gets fewer turns."""
    crowd = Crowd(make(1, PATIENT))
    held: Counter[Lane] = Counter()
    for _ in range(400):
        crowd.keep_full((Lane.INTERACTIVE, Lane.STANDARD))
        end, ticket = crowd.ends.pop()
        lane = crowd.admission.snapshot(crowd.now).inflight
        here = next(each for each, count in lane.items() if count)
        seconds = 5.0 if here is Lane.INTERACTIVE else 1.0
        held[here] += int(seconds)
        crowd.now = end - 1 + seconds
        crowd._follow(crowd.admission.release(ticket, crowd.now))
    assert abs(held[Lane.INTERACTIVE] / held.total() - 0.5 / 0.85) < 0.03, held


def a_stall_is_forgotten(make: Make) -> None:
    """After one page hung for a minute, a caller with five seconds is soon let in again."""
    admission = make(1, AdmissionParams())
    admission.offer(Ticket(1, Lane.STANDARD, "a", 0.0, 100.0), 0.0)
    admission.release(1, 60.0)
    assert isinstance(admission.offer(Ticket(2, Lane.STANDARD, "a", 60.0, 65.0), 60.0)[-1], Refused)
    late = admission.offer(Ticket(3, Lane.STANDARD, "a", 95.0, 100.0), 95.0)
    assert isinstance(late[-1], Admitted), late


def retry_after_follows_the_drain(make: Make) -> None:
    """Four pages ahead at one page per two seconds: come back after about ten seconds, long or
    short idle times before notwithstanding; those refused after that come back after that.
    """
    admission = make(1, AdmissionParams(backlog_min=4, retry_max=30.0))
    now = 0.0
    for number in range(5):
        now += 20.0
        admission.offer(Ticket(number, Lane.STANDARD, "a", now, now + 100), now)
        now += 2.0
        admission.release(number, now)
    told = []
    for number in range(10, 20):
        decision = admission.offer(Ticket(number, Lane.STANDARD, "a", now, now + 100), now)[-1]
        if isinstance(decision, Refused):
            told.append(decision.retry_after)
        else:
            assert isinstance(decision, Admitted | Queued)
    assert told
    for place, seconds in enumerate(told):
        middle = min(25.0, 10 + 3.54 * place)  # what the lane had left of its rate, by hand
        assert 0.8 * middle - 0.1 <= seconds <= 1.2 * middle + 0.1, told


def an_absent_engine_costs_nobody_a_place(make: Make) -> None:
    """Who waits when the engine goes away is served when it is there again, forty seconds later;
    and a page that comes then is judged by what pages take, not by what that one took.
    """
    admission = make(1, AdmissionParams(wait_max=10.0))
    for number in (1, 2):
        admission.offer(Ticket(number, Lane.STANDARD, "a", 0.0, 60.0), 0.0)
    admission.suspend(0.5, away=True)
    assert admission.tick(40.0) == ()
    admission.suspend(40.5, away=False)
    (served,) = admission.release(1, 41.0)
    assert isinstance(served, Admitted), served
    admission.release(2, 42.0)
    (quick,) = admission.offer(Ticket(3, Lane.STANDARD, "a", 42.0, 47.0), 42.0)
    assert isinstance(quick, Admitted), quick


SCENARIOS = (
    shares_bind_when_all_wait,
    new_shares_bind_at_once,
    idle_shares_are_lent,
    borrowing_is_not_held_against_anyone,
    the_next_place_goes_to_who_is_behind,
    long_pages_use_up_a_share,
    a_stall_is_forgotten,
    retry_after_follows_the_drain,
    an_absent_engine_costs_nobody_a_place,
)
