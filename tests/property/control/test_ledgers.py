"""Ledgers of several replicas, whatever comes, wherever it is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocrgate.control.ledger import Promise
from ocrgate.control.ledgers import Ledgers

LAWS = settings(max_examples=300, deadline=None, derandomize=True, database=None)

capacities = st.lists(st.none() | st.integers(100, 2000), min_size=1, max_size=4)
lengths = st.integers(0, 400)


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    expected = draw(lengths)
    return Promise(draw(st.integers(1, 900)), expected, expected, expected + draw(lengths))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), promises()),
        st.tuples(st.just("send"), st.integers(0, 50), st.integers(0, 3)),
        st.tuples(st.just("stream"), st.integers(0, 50), st.integers(0, 400)),
        st.tuples(st.just("end"), st.integers(0, 50)),
    ),
    max_size=60,
)


@dataclass
class House:
    """Replicas with caches of these sizes, and the pages that were let in."""

    sizes: list[int | None]
    pages: dict[int, Promise] = field(default_factory=dict)
    next: int = 0

    def __post_init__(self) -> None:
        self.ledgers = Ledgers(len(self.sizes))
        for replica, size in enumerate(self.sizes):
            self.ledgers.follow(replica, size, 0.0, 0.0)

    def offer(self, promise: Promise) -> None:
        """Let a page in if it fits, as the gate does; also when nothing else is there."""
        fits = self.ledgers.fits(promise, 0.0)
        assert fits or self.pages, "an empty house has room for every page"
        if fits:
            replica = self.ledgers.hold(self.next, promise, 0.0)
            assert self.ledgers.where(self.next) == replica
            self.pages[self.next] = promise
            self.next += 1

    def send(self, page: int, choice: int) -> None:
        """Send it to any of those that are named."""
        if page in self.pages:
            named = list(self.ledgers.fitting(page, range(len(self.sizes)), 0.0))
            assert self.ledgers.where(page) in named
            replica = named[choice % len(named)]
            self.ledgers.move(page, replica)
            assert self.ledgers.where(page) == replica

    def stream(self, page: int, tokens: int) -> None:
        """It writes no more than was expected."""
        if page in self.pages:
            self.ledgers.advance(page, min(tokens, self.pages[page].expected - 1))

    def end(self, page: int) -> None:
        self.ledgers.release(page)
        self.pages.pop(page, None)

    def check(self) -> None:
        assert sum(self.ledgers[n].pages for n in range(len(self.sizes))) == len(self.pages)
        for replica in range(len(self.sizes)):
            ledger = self.ledgers[replica]
            assert ledger.promised <= ledger.size or ledger.pages == 1
        for page, promise in self.pages.items():
            where = self.ledgers.where(page)
            assert where is not None
            needed = promise.input + promise.expected
            largest = max(self.ledgers[n].size for n in range(len(self.sizes)))
            assert self.ledgers[where].size >= min(needed, largest)


@LAWS
@given(capacities, steps)
def test_no_cache_is_promised_more_than_it_has(
    sizes: list[int | None], history: list[tuple[Any, ...]]
) -> None:
    """Except to one page that is too big for all of them, which then is alone in a largest one."""
    house = House(sizes)
    for step in history:
        getattr(house, step[0])(*step[1:])
        house.check()
    for page in list(house.pages):
        house.end(page)
    house.check()


@LAWS
@given(st.lists(st.integers(100, 2000), min_size=2, max_size=4), promises(), st.data())
def test_what_is_down_gets_nothing_and_what_it_had_can_go_elsewhere(
    sizes: list[int], promise: Promise, data: st.DataObject
) -> None:
    """A page that was entered there is sent to another one, the roomiest where none has room."""
    ledgers = Ledgers(len(sizes))
    for replica, size in enumerate(sizes):
        ledgers.follow(replica, size, 0.0, 0.0)
    was = ledgers.hold(0, promise, 0.0)
    alive = [replica for replica in range(len(sizes)) if replica != was]
    ledgers.use(alive)
    named = list(ledgers.fitting(0, alive, 0.0))
    assert named
    assert set(named) <= set(alive)
    ledgers.move(0, data.draw(st.sampled_from(named)))
    assert ledgers[was].pages == 0
    if ledgers.fits(promise, 0.0):
        assert ledgers.hold(1, promise, 0.0) in alive
    before = ledgers.fits(promise, 0.0)
    ledgers.use([])
    assert ledgers.fits(promise, 0.0) == before


@dataclass
class Line:
    """One replica, pages that write a token a step, and one that waits for room."""

    size: int
    pages: list[Promise]

    def __post_init__(self) -> None:
        self.ledgers = Ledgers(1)
        self.ledgers.follow(0, self.size, 0.0, 0.0)
        for page, promise in enumerate(self.pages):
            self.ledgers.hold(page, promise, 0.0)
        self.left = dict(enumerate(promise.expected for promise in self.pages))

    def add(self, promise: Promise) -> None:
        number = len(self.left) + 1000
        self.ledgers.hold(number, promise, 0.0)
        self.left[number] = promise.expected

    def fitting(self, waiting: Promise) -> Iterator[int]:
        """Steps at which there is room, counted one by one, until all pages have ended."""
        for step in range(max(self.left.values()) + 1):
            for page in [page for page, left in self.left.items() if left <= step]:
                self.ledgers.release(page)
                del self.left[page]
            for page in self.left:
                self.ledgers.advance(page, step)
            if self.ledgers.fits(waiting, 0.0):
                yield step


lines = st.tuples(st.integers(300, 2000), st.lists(promises(), min_size=1, max_size=6))


@LAWS
@example(  # fits for three steps before the first ends, and not when it does
    (560, [Promise(123, 100, 100, 100), Promise(109, 176, 176, 176), Promise(7, 176, 176, 176)]),
    Promise(1, 76, 76, 76),
)
@given(lines, promises())
def test_the_wait_for_room_is_no_longer_than_foreseen(
    line: tuple[int, list[Promise]], waiting: Promise
) -> None:
    """Counted by hand, where pages end when they are expected to and nothing else starts; and no
    page's end before that is enough.
    """
    told, by_hand = Line(*line).ledgers[0].wait(waiting, 0.0), set(Line(*line).fitting(waiting))
    assert min(by_hand) <= told
    ends = {promise.expected for promise in line[1]}
    assert told == 0 or (told in ends and not any(end < told for end in ends & by_hand))


@LAWS
@given(lines, promises(), promises())
def test_who_passes_does_not_make_it_wait_longer(
    line: tuple[int, list[Promise]], waiting: Promise, small: Promise
) -> None:
    """A page that is spared has ended by the time at which the waiting one would have started."""
    alone, passed = Line(*line), Line(*line)
    if alone.ledgers.fits(waiting, 0.0):
        return
    if passed.ledgers.spares(small, 999, waiting, 0.0):
        passed.add(small)
    assert next(passed.fitting(waiting)) <= alone.ledgers[0].wait(waiting, 0.0)


def test_a_page_that_leads_keeps_one_replica_and_the_others_work() -> None:
    """It waits for the one where it fits soonest; long pages go elsewhere, short ones anywhere."""
    ledgers = Ledgers(2)
    for replica in (0, 1):
        ledgers.follow(replica, 1000, 0.0, 0.0)
    ledgers.hold(0, Promise(100, 300, 300, 300), 0.0)
    ledgers.hold(1, Promise(100, 200, 200, 200), 0.0)
    first, second = ledgers.where(0), ledgers.where(1)
    assert (first, second) == (0, 1)
    big = Promise(700, 100, 100, 100)
    long, short = Promise(100, 250, 250, 250), Promise(100, 150, 150, 150)
    assert not ledgers.fits(big, 0.0)
    assert ledgers.spares(long, 9, big, 0.0)
    assert ledgers.hold(2, long, 0.0) == 0
    assert list(ledgers.fitting(2, [0, 1], 0.0)) == [0]
    assert ledgers.spares(short, 9, big, 0.0)
    assert list(ledgers.fitting(2, [0, 1], 5.0)) == [0, 1]  # nobody speaks of it any more
    ledgers.release(1)
    assert ledgers.hold(9, big, 0.0) == 1
    assert ledgers.hold(3, long, 0.0) == 0
