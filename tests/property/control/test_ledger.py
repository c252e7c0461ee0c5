"""The ledger against a count by hand: every future instant, every page."""

import itertools
import math
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.ledger import Ledger, LedgerParams, Promise

LAWS = settings(max_examples=300, deadline=None, derandomize=True, database=None)

PARAMS = LedgerParams(reserve=0.0, runaway=64)
lengths = st.integers(0, 60)


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    expected = draw(lengths)
    high = expected + draw(lengths)
    return Promise(draw(st.integers(0, 100)), expected, high, high + draw(lengths))


class Count:
    """What the ledger should say: pages as (held, still to come), block by block."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.pages: dict[int, tuple[int, int]] = {}

    def put(self, page: int, held: int, left: int) -> None:
        self.pages[page] = (held, left)

    def peak(self, more: tuple[int, int] | None = None) -> int:
        """The most that is held at any instant until all have ended, one token at a time."""
        pages = [*self.pages.values(), *([more] if more else [])]
        instants = range(max((left for _, left in pages), default=0) + 1)
        return max(sum(self.up(held + at) for held, left in pages if left >= at) for at in instants)

    def up(self, tokens: int) -> int:
        return math.ceil(tokens / self.block) * self.block


histories = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), promises()),
        st.tuples(st.just("advance"), st.integers(0, 12), st.integers(0, 150)),
        st.tuples(st.just("release"), st.integers(0, 12)),
    ),
    max_size=40,
)


@dataclass
class Page:
    """A page by the words of the ledger's module."""

    promise: Promise
    generated: int
    expected: int

    def advance(self, generated: int) -> None:
        if generated <= self.generated:
            return
        self.generated = generated
        if generated < self.expected:
            return
        self.expected = self.promise.high
        if generated >= self.expected:
            more = max(math.ceil(PARAMS.overrun * generated - 1e-9), PARAMS.runaway)
            self.expected = max(generated, min(self.promise.cap, more))


def play(ledger: Ledger, history: list[tuple[object, ...]]) -> dict[int, Page]:
    """The pages that are left."""
    pages: dict[int, Page] = {}
    numbers = itertools.count()
    for what, *values in history:
        if isinstance(values[0], Promise):
            page = next(numbers)
            ledger.hold(page, values[0])
            pages[page] = Page(values[0], 0, values[0].expected)
            continue
        number, *rest = (value for value in values if isinstance(value, int))
        if what == "advance":
            ledger.advance(number, rest[0])
            if number in pages:
                pages[number].advance(rest[0])
        else:
            ledger.release(number)
            pages.pop(number, None)
    return pages


def counted(ledger: Ledger, history: list[tuple[object, ...]], block: int) -> Count:
    count = Count(block)
    for number, page in play(ledger, history).items():
        held = page.promise.input + page.generated
        count.put(number, held, page.expected - page.generated)
    return count


@LAWS
@given(histories, promises(), st.integers(0, 800))
def test_it_lets_in_what_a_count_by_hand_lets_in(
    history: list[tuple[object, ...]], candidate: Promise, capacity: int
) -> None:
    ledger = Ledger(PARAMS, capacity)
    count = counted(ledger, history, 1)
    assert ledger.promised == count.peak()
    fits = count.peak((candidate.input, candidate.expected)) <= capacity
    verdict = ledger.judge(candidate, 0.0)
    assert verdict == ("alone" if not count.pages else "fits" if fits else "full")


@LAWS
@given(histories, promises(), st.integers(0, 800), st.sampled_from([3, 16, 64]))
def test_a_count_in_whole_blocks_differs_by_half_a_block_for_each_page_at_most(
    history: list[tuple[object, ...]], candidate: Promise, capacity: int, block: int
) -> None:
    ledger = Ledger(PARAMS, capacity, block)
    count = counted(ledger, history, block)
    assert abs(ledger.promised - count.peak()) <= block // 2 * len(count.pages)
    peak, spread = (
        count.peak((candidate.input, candidate.expected)),
        block // 2 * (len(count.pages) + 1),
    )
    verdict = ledger.judge(candidate, 0.0)
    if verdict == "fits":
        assert peak <= capacity + spread
    if verdict == "full":
        assert peak > capacity - spread


@LAWS
@given(histories, st.sampled_from([1, 16, 128]))
def test_what_is_held_is_what_is_there_in_whole_blocks(
    history: list[tuple[object, ...]], block: int
) -> None:
    ledger, count = Ledger(block=block), Count(block)
    pages = play(ledger, history)
    there = [page.promise.input + page.generated for page in pages.values()]
    assert ledger.held == sum(count.up(each) for each in there)
    assert ledger.promised >= ledger.held


@LAWS
@given(histories)
def test_when_all_are_released_nothing_is_left(history: list[tuple[object, ...]]) -> None:
    ledger = Ledger(capacity=1000, block=16)
    for page in play(ledger, history):
        ledger.release(page)
    assert (ledger.held, ledger.promised, ledger.pages) == (0, 0, 0)
    assert ledger.headroom(0.0) == ledger.available(0.0)


@LAWS
@given(histories, promises())
def test_one_more_page_never_lowers_the_peak(
    history: list[tuple[object, ...]], candidate: Promise
) -> None:
    ledger = Ledger(capacity=1000)
    play(ledger, history)
    before = ledger.promised
    ledger.hold(1000, candidate)
    assert ledger.promised >= before
    ledger.release(1000)
    assert ledger.promised == before


@LAWS
@given(histories, promises(), st.integers(1, 800), st.integers(0, 800))
def test_more_room_never_keeps_a_page_out(
    history: list[tuple[object, ...]], candidate: Promise, capacity: int, more: int
) -> None:
    small, large = Ledger(capacity=capacity), Ledger(capacity=capacity + more)
    play(small, history)
    play(large, history)
    if small.judge(candidate, 0.0) != "full":
        assert large.judge(candidate, 0.0) != "full"
