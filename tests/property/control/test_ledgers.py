"""Ledgers of several replicas, whatever comes, wherever it is sent."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
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
