"""One replica's law and ledger, told of attempts by hand."""

import itertools
import math
from dataclasses import dataclass, field, replace

from ocrgate.control.breaker import Breaker
from ocrgate.control.cost import Lengths, PageClass
from ocrgate.control.limit.choice import AutoLaw, EngineLaw, FixedLaw, LatencyLaw, LimitLaw
from ocrgate.control.limit.engine import EngineLimit
from ocrgate.control.limit.fixed import FixedLimit
from ocrgate.control.limit.latency import LatencyLimit
from ocrgate.control.limit.law import Change, Sample, Signals
from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageRequest, PageWarning, Task, Usage
from ocrgate.ports import EngineDescription, Piece
from ocrgate.runtime.limits import law_for
from ocrgate.runtime.replica import Attempt, Page, Replica
from ocrgate.runtime.station import Station
from ocrgate.testing import ScriptedEngine, page_reading

ENGINE = EngineDescription(
    "vllm/x",
    frozenset({Task.TEXT}),
    ImageSpec(),
    slots=8,
    boxes=False,
    live=True,
    elastic=True,
    signals=True,
    kv_tokens=10_000,
    tokens=lambda width, height: width * height // 1000,
)
PAGE = PageImage(b"", Encoding.RAW, 500, 500, 1, 1000, 1000)
KEY = PageClass.of("vllm/x", Task.TEXT, 1000 * 1000)


@dataclass
class Desk:
    """A station, who tells it the time, and attempts at its replica."""

    law: LimitLaw = field(default_factory=AutoLaw)
    engine: EngineDescription = ENGINE
    now: float = 0.0

    def __post_init__(self) -> None:
        self.lengths = Lengths()
        self.station = Station(self.engine, self.law, self.lengths)
        self._replica = Replica(0, ScriptedEngine(), Breaker())

    def began(self, attempt: Attempt) -> None:
        self.station.began(attempt, self.now)

    def heard(self, attempt: Attempt, tokens: int) -> None:
        self.station.heard(attempt, tokens, self.now)

    def ended(self, attempt: Attempt) -> None:
        self.station.ended(attempt, self.now)

    def begin(self, deadline: float = math.inf) -> Attempt:
        leave = self._replica.breaker.admit(self.now)
        assert leave is not None
        page = Page(PAGE, PageRequest(), deadline=deadline)
        attempt = Attempt(self._replica, leave, self.now, page, lambda _: None, self)
        self.began(attempt)
        return attempt

    def end(self, attempt: Attempt, tokens: int, *warnings: PageWarning) -> None:
        reading = replace(page_reading("x"), warnings=warnings)
        attempt.answer = reading, Usage(1, 250, tokens)
        self.ended(attempt)


def test_the_ledger_follows_dispatch_stream_and_end() -> None:
    """250 tokens of input, then what was written, then nothing."""
    desk = Desk()
    attempt = desk.begin()
    assert desk.station.state.held == 250
    assert desk.station.state.promised > 250
    attempt.hear(Piece("", 1))
    attempt.hear(Piece("", 40))
    desk.station.tick(0.25)
    assert desk.station.state.held == 290
    desk.end(attempt, 40)
    assert (desk.station.state.held, desk.station.state.promised) == (0, 0)


def test_ends_teach_lengths_and_cut_off_ones_count_as_longer() -> None:
    """Read pages count as they are; cancelled and truncated ones as at least that long."""
    desk = Desk()
    for _ in range(100):
        desk.end(desk.begin(), 50)
    assert 45 < desk.lengths.quantile(KEY, 0.5) < 60
    for number in itertools.count():
        attempt = desk.begin()
        attempt.hear(Piece("", 400))
        if number % 2:
            desk.end(attempt, 400, PageWarning.TRUNCATED)
        else:
            desk.ended(attempt)
        if number == 99:
            break
    assert desk.lengths.quantile(KEY, 0.9) > 400


def test_an_attempt_that_said_nothing_teaches_nothing() -> None:
    """A refused or reset one has no length; a second end is none."""
    desk = Desk()
    attempt = desk.begin()
    desk.ended(attempt)
    desk.ended(attempt)
    assert len(desk.lengths) == 0
    assert desk.station.state.held == 0


def test_refusals_of_the_replica_cut_the_limit() -> None:
    """429 and 503 speak for its own bound."""
    desk = Desk()
    attempts = [desk.begin() for _ in range(8)]
    attempts[0].dropped = True
    desk.ended(attempts[0])
    assert desk.station.change.reason == "drop"
    assert desk.station.change.limit < 8


def told(*, early: float) -> list[Sample]:
    """What the law hears of a page that was not read, ``early`` seconds before its deadline."""
    desk, heard = Desk(law=FixedLaw()), list[Sample]()

    class Listening(FixedLimit):
        def sample(self, now: float, sample: Sample) -> Change:
            heard.append(sample)
            return super().sample(now, sample)

    desk.station._law = Listening()
    attempt = desk.begin(deadline=10.0)
    desk.now = 10.0 - early
    desk.ended(attempt)
    return heard


def test_a_page_whose_time_was_up_is_late_and_one_whose_caller_left_is_nothing() -> None:
    """Who leaves early says nothing of how fast pages are read."""
    assert told(early=0.5) == []
    assert told(early=0.0) == [Sample(10.0, 1.0, late=True)]
    (sample,) = told(early=0.2)  # its clock began to run when it began to send
    assert sample.late


def test_a_page_that_was_read_at_the_last_moment_is_not_late() -> None:
    """Its answer is there."""
    desk = Desk(law=EngineLaw())
    attempt = desk.begin(deadline=10.0)
    desk.now = 10.0
    desk.end(attempt, 50)
    assert desk.station.change.reason == "start"
    law = desk.station._law
    assert isinstance(law, EngineLimit)
    assert law._lateness.urgency(10.0) == 1.0


def test_pages_of_the_server_before_end_without_harm() -> None:
    """It was started anew: the law and the ledger are new, old pages hold nothing in it."""
    desk = Desk()
    old = desk.begin()
    desk.station.restart(replace(ENGINE, kv_tokens=5_000), 1.0)
    assert desk.station.state.capacity == 5_000
    assert desk.station.state.held == 0
    old.hear(Piece("", 10))
    desk.station.tick(1.25)
    desk.end(old, 10)
    assert desk.station.state.held == 0


def test_preemptions_are_counted_across_failed_polls_and_restarts() -> None:
    """From 5 to 9 with a gap are 4; a counter that fell counts from there."""
    polled = Desk().station.polled
    totals = [5.0, None, 9.0, 2.0, 3.0, float("nan")]
    loads = [None if t is None else Signals(preemptions_total=t) for t in totals]
    counted = [polled(load, float(second)) for second, load in enumerate(loads)]
    assert counted == [0.0, 0.0, 4.0, 0.0, 1.0, 0.0]


def test_a_cache_that_became_smaller_is_believed() -> None:
    """The metrics tell its size at every poll."""
    desk = Desk()
    desk.station.polled(Signals(kv_capacity_tokens=4_000), 1.0)
    assert desk.station.state.capacity == 4_000


def test_what_is_held_is_counted_in_the_blocks_of_the_engine() -> None:
    """A page of one token holds a whole block; the block is known from then on."""
    desk = Desk()
    desk.station.polled(Signals(kv_capacity_tokens=4_096, kv_block_tokens=128), 1.0)
    desk.station.polled(Signals(kv_capacity_tokens=4_096), 2.0)
    desk.begin()
    state = desk.station.state
    assert state.block == 128
    assert state.held > 0
    assert state.held % 128 == 0


def test_the_law_goes_with_the_engine() -> None:
    """Metrics before streams before a number; and no law exceeds what it was started for."""
    assert isinstance(law_for(AutoLaw(), ENGINE), EngineLimit)
    assert isinstance(law_for(AutoLaw(), replace(ENGINE, signals=False)), LatencyLimit)
    silent = replace(ENGINE, signals=False, live=False)
    assert isinstance(law_for(AutoLaw(), silent), FixedLimit)
    assert isinstance(law_for(LatencyLaw(), ENGINE), LatencyLimit)
    small = replace(ENGINE, most=4)
    laws: list[LimitLaw] = [AutoLaw(), EngineLaw(), LatencyLaw(), FixedLaw(32)]
    assert [law_for(law, small).value(0.0) for law in laws] == [4, 4, 4, 4]
    by_hand = replace(ENGINE, elastic=False, slots=12)
    assert law_for(EngineLaw(), by_hand).value(0.0) == 12
