"""Promises about callers, overload and budgets, over many pages."""

from collections import Counter
from collections.abc import Callable
from itertools import count

from tests.property.control.purse import Purse

from ocrgate.control.admission import PATIENT, Admission, AdmissionParams
from ocrgate.control.decision import Admitted, Decision, Expired, Outcome, Queued, Refused
from ocrgate.control.demand import DemandParams
from ocrgate.control.fairness import CREDIT_PAGES
from ocrgate.control.headroom import PassingParams
from ocrgate.domain.ticket import Cost, Lane, Ticket

Make = Callable[..., Admission]
NUMBERS = count(1)
FOREVER = float("inf")


def ticket(
    caller: str,
    now: float = 0.0,
    *,
    time_left: float = FOREVER,
    lane: Lane = Lane.STANDARD,
    cost: Cost | None = None,
    continues: bool = False,
) -> Ticket:
    """A page of ``caller``."""
    number = next(NUMBERS)
    deadline = now + time_left
    return Ticket(number, lane, caller, now, deadline, 0, 1, continues, cost)


class Office:
    """Places that serve the pages of several callers, each for as long as its caller's pages take.

    Args:
        core: what decides.
        seconds: per caller; 1 where not given.
        cost: per caller, with the output tokens that its pages really write.
    """

    def __init__(
        self,
        core: Admission,
        seconds: dict[str, float] | None = None,
        cost: dict[str, tuple[Cost, int]] | None = None,
    ) -> None:
        self.core = core
        self.seconds = seconds or {}
        self.cost = cost or {}
        self.now = 0.0
        self.ends: list[tuple[float, int, Ticket]] = []
        self.served: Counter[str] = Counter()
        self.order: list[int] = []
        self.refused: list[tuple[float, Refused]] = []

    def send(self, caller: str, pages: int = 1, *, continues: bool = False) -> list[int]:
        """Pages of ``caller``; their numbers."""
        cost = self.cost[caller][0] if caller in self.cost else None
        sent = [ticket(caller, self.now, cost=cost, continues=continues) for _ in range(pages)]
        for one in sent:
            self.follow(self.core.offer(one, self.now))
        return [one.id for one in sent]

    def end_one(self) -> None:
        """The next page ends."""
        assert self.ends, "2: nothing is read"
        first = min(self.ends)
        self.ends.remove(first)
        self.now, number, page = first
        tokens = self.cost[page.caller][1] if page.caller in self.cost else None
        self.follow(self.core.release(number, self.now, Outcome.OK, tokens))

    def serve(self, pages: int, keep: dict[str, int]) -> Counter[str]:
        """Serve ``pages`` while each caller in ``keep`` has so many waiting; who got how many."""
        waiting = Counter(dict.fromkeys(keep, 0))
        before = self.served.copy()
        sent = Counter(dict.fromkeys(keep, 0))
        while (self.served - before).total() < pages:
            waiting = sent - (self.served - before)
            for caller, depth in keep.items():
                more = depth - waiting[caller]
                sent[caller] += more
                self.send(caller, more)
            self.end_one()
        return self.served - before

    def follow(self, decisions: tuple[Decision, ...]) -> None:
        """Carry out what was decided."""
        for decision in decisions:
            if isinstance(decision, Admitted):
                page = decision.ticket
                self.served[page.caller] += 1
                self.order.append(page.id)
                self.ends.append((self.now + self.seconds.get(page.caller, 1.0), page.id, page))
            elif isinstance(decision, Refused):
                self.refused.append((self.now, decision))
            assert not isinstance(decision, Expired), decision


def callers_get_equal_service(make: Make) -> None:
    """However many pages each has waiting, callers take turns."""
    for limit in (1, 3):
        served = Office(make(limit, PATIENT)).serve(90, {"a": 30, "b": 2, "c": 4})
        assert all(abs(served[caller] - 30) <= 2 for caller in "abc"), served


def service_is_counted_and_not_pages(make: Make) -> None:
    """A caller whose pages take three times as long gets a third as many."""
    served = Office(make(1, PATIENT), {"a": 3.0}).serve(120, {"a": 9, "b": 9})
    assert abs(served["b"] - 90) <= 4, served


def tokens_count_where_they_are_known(make: Make) -> None:
    """Pages hold their places equally long; one caller's write nine times as much as foreseen."""
    foreseen = Cost(100, 50, 50, 50)
    cost = {"a": (foreseen, 450), "b": (foreseen, 50)}
    served = Office(make(1, PATIENT), cost=cost).serve(120, {"a": 9, "b": 9})
    assert abs(served["b"] / served["a"] - 5.0) < 1.0, served


def who_comes_back_does_not_cash_in(make: Make) -> None:
    """After a hundred pages of another, a caller that was away may catch up on a few, no more."""
    office = Office(make(1, PATIENT))
    office.serve(4, {"a": 3, "b": 3})
    while office.ends:
        office.end_one()
    office.serve(100, {"a": 3})
    served = office.serve(20, {"a": 3, "b": 3})
    assert 10 <= served["b"] <= 11 + CREDIT_PAGES / 2, served


def passers_by_starve_nobody(make: Make) -> None:
    """Callers that never came before do not forever go before one that was served once."""
    office = Office(make(1, PATIENT))
    office.send("a", 3)
    for stranger in range(100):
        office.send(f"s{stranger}", 2 if stranger == 0 else 1)
        office.end_one()
    assert office.served["a"] == 3, office.served


def what_was_refused_costs_nothing(make: Make) -> None:
    """A caller whose pages were turned away a hundred times has its full part afterwards."""
    calm = DemandParams(memory=1e9)  # that overload has been there is not what this is about
    core = make(1, AdmissionParams(backlog_min=4, wait_max=1e6, retry_max=100.0, demand=calm))
    office = Office(core)
    office.send("a", 3)
    office.send("b", 103)
    served = office.serve(20, {"a": 2, "b": 2})
    assert len(office.refused) > 50
    assert abs(served["b"] - 10) <= 2, served


def a_full_backlog_is_shared(make: Make) -> None:
    """The newest of the caller that holds most gives way, down to equal parts and no further."""
    office = Office(make(1, AdmissionParams(backlog_min=4)))
    pages = office.send("a", 5)
    office.send("b", 1)
    assert [refused.ticket.id for _, refused in office.refused] == pages[-1:]
    office.send("b", 1)
    office.send("b", 1)
    assert [refused.ticket.caller for _, refused in office.refused] == ["a", "a", "b"]
    assert {refused.reason for _, refused in office.refused} == {"backlog"}


def who_sends_little_is_not_kept_out_by_a_burst(make: Make) -> None:
    """Beside one that always sends, a caller may have as many waiting, up to its due."""
    office = Office(make(1, AdmissionParams(backlog_min=4, wait_share=1.0)))
    office.send("b", 1)
    office.send("a", 4)
    for _ in range(8):
        office.end_one()
        office.send("a", 1)
    office.refused.clear()
    office.send("b", 6)
    turned_away = Counter(refused.ticket.caller for _, refused in office.refused)
    assert turned_away == {"a": 4, "b": 2}, turned_away


def overload_is_refused_at_once(make: Make) -> None:
    """At twice the load few wait, each long enough that no place is idle; who is refused hears it
    when it comes, and who may wait is read.
    """
    office = Office(make(1, AdmissionParams()))
    depths = []
    for _ in range(60):
        office.send("a", 2)
        depths.append(office.core.snapshot(office.now).backlog[Lane.STANDARD])
        office.end_one()
    assert min(depths[20:]) >= 1, "6: an idle place"
    assert max(depths[20:]) <= 4, "6: a long queue"
    assert len(office.refused) >= 50
    assert {refused.waited for _, refused in office.refused} == {0.0}, "late"


def at_ten_times_the_load_nobody_needs_to_wait(make: Make) -> None:
    """Whoever comes next is soon enough."""
    office = Office(make(1, AdmissionParams()))
    for _ in range(30):
        office.send("a", 10)
        office.end_one()
    assert office.core.snapshot(office.now).backlog[Lane.STANDARD] <= 1


def a_burst_is_not_overload(make: Make) -> None:
    """As many as are read in time may come at once, and again when those are done, though a few
    were too many before.
    """
    office = Office(make(4, AdmissionParams()))
    for pages in (22, 16, 16, 16):
        office.refused.clear()
        office.send("a", pages)
        while office.ends:
            office.end_one()
        office.now += 5.0
    assert not office.refused


def new_numbers_say_how_many_wait(make: Make) -> None:
    """An operator who wants no queue under overload has none at once."""
    office = Office(make(1, AdmissionParams()))
    for second in range(60):
        if second == 30:
            params = AdmissionParams(demand=DemandParams(idle=0.9))
            office.follow(office.core.retune(params, office.now))
        office.send("a", 2)
        assert second < 40 or office.core.snapshot(office.now).backlog[Lane.STANDARD] <= 1
        office.end_one()


def overload_is_forgotten(make: Make) -> None:
    """A minute after it a burst may wait again."""
    office = Office(make(1, AdmissionParams()))
    for _ in range(30):
        office.send("a", 10)
        office.end_one()
    while office.ends:
        office.end_one()
    office.now += 60.0
    office.refused.clear()
    office.send("a", 6)
    assert not office.refused


def who_gets_little_is_let_in_under_overload(make: Make) -> None:
    """A caller that wants less than it may have is not refused for what others send too much, and
    may send some pages at once.
    """
    office = Office(make(2, AdmissionParams()))
    office.send("b", 1)
    for second in range(60):
        if second % 5 == 4:
            office.send("b", 3)
        office.send("a", 20)
        office.end_one()
        office.end_one()
    late = [refused.ticket.caller for when, refused in office.refused if when > 5]
    assert "b" not in late, "6: refused below its part"
    assert len(office.refused) > 1000


def new_names_are_not_preferred(make: Make) -> None:
    """Under overload, whoever comes under a new name each time does not pass for one that got
    little: the queue stays short.
    """
    office = Office(make(1, AdmissionParams()))
    depths = []
    for second in range(60):
        for number in range(3):
            office.send(f"{second}-{number}", 1)
        depths.append(office.core.snapshot(office.now).backlog[Lane.STANDARD])
        office.end_one()
    assert max(depths[20:]) <= 3, "6: a long queue"


def documents_keep_their_order(make: Make) -> None:
    """Later pages of a document are read in order, and go before what came after them."""
    office = Office(make(1, AdmissionParams()))
    office.send("a", 3)
    pages = office.send("a", 5, continues=True)
    for _ in range(8):
        office.send("a", 2)
        office.end_one()
    assert office.order[3:8] == pages, "5: out of turn"


def what_never_ends_in_time_is_refused_at_entry(make: Make) -> None:
    """Pages that are cut off at their deadline tell that such pages are not worth beginning; after
    a while it is tried again.
    """
    for cost, written, tries in ((Cost(1000, 4000, 5000, 6000), 900, 1), (None, None, 3)):
        core, now, kinds = make(1, AdmissionParams()), 0.0, []
        for _ in range(12):
            page = ticket("a", now, time_left=10.0, cost=cost)
            kinds.append(core.offer(page, now)[-1])
            now += 10.0 if isinstance(kinds[-1], Admitted) else 1.0
            core.release(page.id, now, Outcome.FAILED, written)
        assert [isinstance(kind, Admitted) for kind in kinds] == [n < tries for n in range(12)]
        assert isinstance(kinds[-1], Refused)
        assert kinds[-1].reason == "infeasible"
        again = ticket("a", now + 31.0, time_left=10.0, cost=cost)
        assert isinstance(core.offer(again, now + 31.0)[-1], Admitted)


def small_pages_pass_a_big_one_for_a_while(make: Make) -> None:
    """While a big page waits for room the small ones behind it go on, eight of them at most."""
    passing = PassingParams(passes=8, seconds=1e9)
    office = Office(make(4, _with(passing), Purse(10)), cost=_sizes(small=3, big=9))
    assert 1 <= _flood(office, 40) <= 8, "17: passes"


def a_big_page_waits_for_a_bounded_time(make: Make) -> None:
    """However many may pass, after two seconds nobody does: it starts once those have ended."""
    passing = PassingParams(passes=10**6, seconds=2.0)
    office = Office(make(4, _with(passing), Purse(10)), cost=_sizes(small=3, big=9))
    assert 1 <= _flood(office, 40) <= 9, "17: seconds"


def a_page_too_big_for_all_is_read_alone(make: Make) -> None:
    """It has no room beside anything, so it starts when nothing else runs."""
    office = Office(make(4, PATIENT, Purse(10)), cost=_sizes(small=3, big=50))
    assert _flood(office, 60) >= 1


def hopeless_pages_hold_up_nobody(make: Make) -> None:
    """A big page that can't be read in time any more is dropped, and those behind it go on."""
    core = make(2, AdmissionParams(wait_share=1.0, wait_max=100.0), Purse(10))
    cost = Cost(9, 1, 1, 1)
    small = Cost(3, 1, 1, 1)
    warm, hold = ticket("a", cost=small), ticket("a", cost=small)
    core.offer(warm, 0.0)
    core.release(warm.id, 4.0)
    core.offer(hold, 4.0)
    big = ticket("a", 4.0, time_left=8.0, cost=cost)
    assert core.offer(big, 4.0)[-1] == Queued(big)
    assert Expired(big, 5.0) in core.offer(ticket("a", 9.0, cost=small), 9.0)


def cost_decides_what_can_be_done(make: Make) -> None:
    """A short page is taken in and a long one is not, when both have five seconds."""
    core, now = make(1, AdmissionParams()), 0.0
    for tokens in (100, 200, 400, 800):
        page = ticket("a", now, cost=Cost(1000, tokens, tokens, tokens))
        core.offer(page, now)
        now += tokens / 100
        core.release(page.id, now, Outcome.OK, tokens)
    for tokens, kind in ((300, Admitted), (700, Refused)):
        page = ticket("a", now, time_left=5.0, cost=Cost(1000, tokens, tokens, tokens))
        assert isinstance(core.offer(page, now)[-1], kind), tokens
        core.cancel(page.id, now)
    optimistic = ticket("a", now, time_left=5.0, cost=Cost(1000, 300, 700, 900))
    assert isinstance(core.offer(optimistic, now)[-1], Admitted), "low quantile while idle"


def those_turned_away_do_not_return_together(make: Make) -> None:
    """Twenty refused at once are told times that are as far apart as they can be served."""
    core = make(2, AdmissionParams(backlog_min=2))
    for number in range(8):
        page = ticket("a", number)
        core.offer(page, float(number))
        core.release(page.id, number + 0.5)
    told = []
    for _ in range(24):
        decision = core.offer(ticket("a", 8.0), 8.0)[-1]
        if isinstance(decision, Refused):
            told.append(decision.retry_after)
    assert max(told) - min(told) > 5.0, told  # a quarter second for each


def _with(passing: PassingParams) -> AdmissionParams:
    return AdmissionParams(
        backlog_min=2**31,
        wait_share=1.0,
        wait_max=FOREVER,
        passing=passing,
    )


def _sizes(*, small: int, big: int) -> dict[str, tuple[Cost, int]]:
    return {"big": (Cost(big, 1, 1, 1), 1), "small": (Cost(small, 1, 1, 1), 1)}


def _flood(office: Office, pages: int) -> int:
    """A big page among small ones that never end; how many have passed it when it starts."""
    office.seconds = {"small": 1.0}
    for _ in range(6):
        office.send("small", 1)
        office.now += 0.3
    (big,) = office.send("big", 1)
    before = len(office.order)
    for _ in range(pages):
        office.send("small", 1)
        assert office.ends, "2: all wait for room that nobody holds"
        office.end_one()
    assert big in office.order, "17: it is passed for ever"
    return office.order.index(big) - before


FAIR = (
    callers_get_equal_service,
    service_is_counted_and_not_pages,
    tokens_count_where_they_are_known,
    who_comes_back_does_not_cash_in,
    passers_by_starve_nobody,
    what_was_refused_costs_nothing,
    a_full_backlog_is_shared,
    who_sends_little_is_not_kept_out_by_a_burst,
    overload_is_refused_at_once,
    at_ten_times_the_load_nobody_needs_to_wait,
    a_burst_is_not_overload,
    new_numbers_say_how_many_wait,
    overload_is_forgotten,
    who_gets_little_is_let_in_under_overload,
    new_names_are_not_preferred,
    documents_keep_their_order,
    what_never_ends_in_time_is_refused_at_entry,
    small_pages_pass_a_big_one_for_a_while,
    a_big_page_waits_for_a_bounded_time,
    a_page_too_big_for_all_is_read_alone,
    hopeless_pages_hold_up_nobody,
    cost_decides_what_can_be_done,
    those_turned_away_do_not_return_together,
)
