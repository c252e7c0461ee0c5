"""One replica as the governor knows it: its limit law, its ledger, and the pages that it has.

No waiting here: whoever tells it something passes the instant too.
"""

import math
from dataclasses import dataclass

from ocrgate.control.cost import Lengths, PageClass
from ocrgate.control.ledger import Ledger, Promise
from ocrgate.control.limit.choice import LimitLaw
from ocrgate.control.limit.law import INPUT_WORK, Change, Sample, Signals
from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageRequest, PageWarning
from ocrgate.ports import EngineDescription
from ocrgate.runtime.limits import law_for
from ocrgate.runtime.replica import Attempt

MOST_OUTPUT = 16_384
"""Tokens that no page is expected to exceed, where the caller names no bound."""

HURRY = 0.25
"""Seconds before its deadline from which on a caller that hangs up has waited to the end: it began
to count when it began to send.
"""


@dataclass(frozen=True, slots=True)
class StationState:
    """One replica now.

    Attributes:
        limit: pages that it may have.
        reason: why the law stands there.
        usable: whether its limit counts.
        held: tokens that its pages hold.
        promised: tokens that they will hold when the cache is fullest.
        capacity: tokens of its KV cache, None where that is not known.
        load: what it said in the last poll; None before the first, or if that failed.
        block: tokens of a block of its cache; 1 where that is not known.
    """

    limit: int
    reason: str
    usable: bool
    held: int
    promised: int
    capacity: int | None
    load: Signals | None
    block: int = 1


class Station:
    """Feeds the law and the ledger of one replica.

    Attributes:
        usable: whether pages go to it; it is nobody's fault when the limit of one that is down
            counts for nothing.
        change: what the law said last.
        load: what the last poll gave.

    Args:
        engine: what the replica says of itself.
        law: the law that was chosen.
        lengths: how long texts are, shared with the other replicas.
    """

    def __init__(self, engine: EngineDescription, law: LimitLaw, lengths: Lengths) -> None:
        self._chosen = law
        self._lengths = lengths
        self._open: dict[int, tuple[Attempt, int]] = {}
        self._begun: set[int] = set()
        self._work = 0.0
        self._preemptions: float | None = None
        self.usable = True
        self.load: Signals | None = None
        self._begin(engine)

    def _begin(self, engine: EngineDescription) -> None:
        self._engine = engine
        self._law = law_for(self._chosen, engine)
        self._ledger = Ledger(capacity=engine.kv_tokens)
        self.change = Change(self._law.value(0.0), "start" if engine.elastic else "fixed")

    @property
    def state(self) -> StationState:
        """How things stand."""
        ledger = self._ledger
        return StationState(
            self.change.limit,
            self.change.reason,
            self.usable,
            ledger.held,
            ledger.promised,
            ledger.capacity,
            self.load,
            ledger.block,
        )

    def restart(self, engine: EngineDescription, now: float) -> None:
        """A new server stands in its place: the law begins anew, at its safe first value."""
        self.load = None
        self._begin(engine)
        self._tell(now)

    def retune(self, law: LimitLaw, now: float) -> None:
        """Another law, or other parameters: it begins anew."""
        if law != self._chosen:
            self._chosen = law
            self.restart(self._engine, now)

    # Attempts

    def began(self, attempt: Attempt, now: float) -> None:
        """A page is sent."""
        tokens = self._engine.tokens
        size = tokens(attempt.page.image.width, attempt.page.image.height) if tokens else 0
        self._open[id(attempt)] = (attempt, size)
        if tokens:  # an engine that counts none has no cache to keep account of
            self._ledger.hold(id(attempt), self._promise(attempt, size))
        self._tell(now)

    def heard(self, attempt: Attempt, tokens: int, now: float) -> None:
        """It has streamed so many more tokens: kept until there is something else to say."""
        self._work += tokens
        if attempt.tokens == tokens > 0:  # the first ones, of the engine's first try or a later one
            opened = self._open.get(id(attempt))
            if opened is not None:
                self._work += INPUT_WORK * opened[1]
                self._begun.add(id(attempt))
                self._tell(now)

    def ended(self, attempt: Attempt, now: float) -> None:
        """It is over."""
        opened = self._open.pop(id(attempt), None)
        if opened is None:
            return
        self._begun.discard(id(attempt))
        self._ledger.release(id(attempt))
        self._learn(attempt)
        work = self._work_of(attempt)
        if not attempt.tokens and work is not None:
            self._work += work
        self._tell(now)
        # Whoever leaves before the deadline says nothing of how fast pages are read.
        late = work is None and now >= attempt.page.deadline - HURRY
        if attempt.dropped or late or work is not None:
            took = now - attempt.started
            sample = Sample(took, work or 1.0, dropped=attempt.dropped, late=late)
            self.change = self._law.sample(now, sample)

    def polled(self, load: Signals | None, now: float) -> float:
        """A poll gave this, or failed. Returns how many pages were thrown out since the last."""
        self.load = load
        self._flush(now)
        if load is None:
            self.change = self._law.signals(now, None)
            return 0.0
        size = load.kv_capacity_tokens, load.kv_block_tokens or self._ledger.block
        if size[0] is not None and size != (self._ledger.capacity, self._ledger.block):
            self._ledger.resize(*size)
        if load.kv_usage is not None:
            self._ledger.usage(load.kv_usage, now)
        self.change = self._law.signals(now, load)
        return self._lost(load.preemptions_total)

    def _lost(self, total: float | None) -> float:
        """Preemptions since the last poll that told them; a counter that fell is a new server's."""
        if total is None or not math.isfinite(total):
            return 0.0
        before, self._preemptions = self._preemptions, total
        return 0.0 if before is None else max(0.0, total - before)

    def tick(self, now: float) -> None:
        """Time has passed. The ledger moves on here, since once per token would cost too much."""
        self._flush(now)
        for number, (attempt, _) in self._open.items():
            self._ledger.advance(number, attempt.tokens)
        self.change = self._law.tick(now)

    def _tell(self, now: float) -> None:
        self._flush(now)
        started = len(self._begun) if self._engine.live else None
        self._law.occupied(now, len(self._open), started)

    def _flush(self, now: float) -> None:
        if self._work:
            self._law.progress(now, self._work)
            self._work = 0.0

    # Lengths

    def promise(self, image: PageImage, request: PageRequest, size: int) -> Promise:
        """What a page of so many input tokens will hold."""
        key = self._class_of(image, request)
        cap = request.max_tokens or MOST_OUTPUT
        return self._lengths.estimate(key).promise(size, cap)

    def _promise(self, attempt: Attempt, size: int) -> Promise:
        return self.promise(attempt.page.image, attempt.page.request, size)

    def _class_of(self, image: PageImage, request: PageRequest) -> PageClass:
        pixels = image.source_width * image.source_height
        return PageClass.of(self._engine.name, request.task, pixels)

    def _learn(self, attempt: Attempt) -> None:
        key = self._class_of(attempt.page.image, attempt.page.request)
        if attempt.answer is None:
            if attempt.tokens:
                self._lengths.observe(key, attempt.tokens, censored=True)
            return
        reading, usage = attempt.answer
        written = usage.output_tokens - usage.wasted_tokens
        if usage.output_tokens:
            cut = {PageWarning.TRUNCATED, PageWarning.REPETITION}.intersection(reading.warnings)
            self._lengths.observe(key, max(1, written), censored=bool(cut))

    @staticmethod
    def _work_of(attempt: Attempt) -> float | None:
        """What the page cost in all; None for one that was not read."""
        if attempt.answer is None:
            return None
        usage = attempt.answer[1]
        return usage.output_tokens + INPUT_WORK * usage.input_tokens or 1.0
