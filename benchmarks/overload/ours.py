"""Our own admission core, limit law and ledger before a virtual engine, without the shell."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.overload.rivals import Asked, Denied, Sent, Verdict
from benchmarks.overload.simulated import Says

from ocrgate.control.admission import Admission
from ocrgate.control.cost import Lengths, PageClass
from ocrgate.control.decision import Admitted, Decision, Expired, Outcome, Refused
from ocrgate.control.ledger import Promise
from ocrgate.control.ledgers import Ledgers
from ocrgate.control.limit.engine import EngineLimit
from ocrgate.control.limit.law import INPUT_WORK, Limit, Sample, Signals
from ocrgate.control.thermal import Heat, Thermal
from ocrgate.domain.ticket import Cost, Ticket
from ocrgate.simulate.model import Snapshot, VirtualEngine
from ocrgate.simulate.workload import Page

POLLS = 4  # ticks between two polls of the engine's metrics: one a second
LONGEST = 2048

Voices = Sequence[tuple[float, Says]]
"""From when on the engine's metrics say what."""


class Voice:
    """What the engine's metrics say, by what they are made to say."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._last = Signals()
        self._looks = 0

    def of(self, now: float, seen: Snapshot) -> Signals | None:
        """One poll."""
        says = [each for at, each in self._voices if at <= now]
        match says[-1] if says else "true":
            case "missing":
                return None
            case "stale":
                return self._last
            case "idle":
                return Signals(0.0, 0.0, 0.0, 0.0)
            case "full":
                return Signals(1.0, 100.0, 0.99, 0.0)
            case "thrashing":
                self._looks += 1
                return Signals(1.0, 100.0, 0.99, 10.0 * self._looks)
            case "true":
                counts = (float(seen.running), float(seen.waiting))
                self._last = Signals(*counts, seen.kv_usage, float(seen.preemptions))
                return self._last


class LedgerBudget:
    """The ledger of the only replica as the admission core asks for it."""

    def __init__(self, ledgers: Ledgers, gate: "Ours") -> None:
        self._ledgers = ledgers
        self._gate = gate

    def fits(self, ticket: Ticket, now: float) -> bool:
        """Whether the cache has room for it."""
        return self._ledgers.fits(self._gate.promise(ticket.id), now)

    def spares(self, ticket: Ticket, leading: Ticket, now: float) -> bool:
        """Whether it makes the one that leads wait no longer."""
        promises = self._gate.promise(ticket.id), self._gate.promise(leading.id)
        return self._ledgers.spares(promises[0], leading.id, promises[1], now)

    def begin(self, ticket: Ticket, now: float) -> None:
        """It holds what was promised."""
        self._ledgers.hold(ticket.id, self._gate.promise(ticket.id), now)

    def end(self, ticket_id: int, now: float) -> None:  # noqa: ARG002
        """It holds nothing."""
        self._ledgers.release(ticket_id)


class Ours:
    """Admission, a limit law (the engine law unless another is given), perhaps the ledger.

    Args:
        law: the limit law.
        kv_tokens: what the engine's cache holds; None: there is no ledger.
        block: tokens of a block of it.
        voices: where the metrics do not tell the truth.
        heat: how hot the GPU is, for the slow ceiling; None: nobody can tell.

    Attributes:
        limits: every limit that was set, and when.
    """

    def __init__(
        self,
        law: Limit | None = None,
        kv_tokens: int | None = None,
        *,
        block: int = 1,
        voices: Voices = (),
        heat: Callable[[], Heat] | None = None,
    ) -> None:
        self.limits: list[tuple[float, int]] = []
        self._law = law or EngineLimit()
        self._voice = Voice(voices)
        self._heat = heat
        self._thermal = Thermal()
        self._lengths = Lengths()
        self._cache = kv_tokens, block
        self._ledgers = Ledgers(1)
        self._ledgers.follow(0, kv_tokens, 0.0, 0.0, block)
        budget = LedgerBudget(self._ledgers, self) if kv_tokens else None
        self._admission = Admission(self._law.value(0.0), budget=budget)
        self._asked: dict[int, Asked] = {}
        self._promises: dict[int, Promise] = {}
        self._sent: dict[int, float] = {}
        self._started: set[int] = set()
        self._heard: dict[int, int] = {}
        self._ticks = 0
        self._work = 0.0
        self._written = 0

    def promise(self, number: int) -> Promise:
        """What a page will hold, by what was known when it came."""
        return self._promises[number]

    def offer(self, now: float, asked: Asked) -> Iterator[Verdict]:
        """A page has come."""
        self._asked[asked.number] = asked
        found = self._lengths.estimate(_class_of(asked.page))
        self._promises[asked.number] = found.promise(asked.page.input_tokens, LONGEST)
        low, median = round(found.low), round(found.median)
        cost = Cost(asked.page.input_tokens, low, median, max(median, round(found.high)))
        ticket = Ticket(asked.number, asked.lane, asked.caller, now, asked.until, cost=cost)
        return self._carry_out(now, self._admission.offer(ticket, now))

    def ended(self, now: float, asked: Asked, tokens: int | None) -> Iterator[Verdict]:
        """A page has left the engine."""
        number, page = asked.number, asked.page
        begun = self._sent.pop(number)
        self._started.discard(number)
        self._law.occupied(now, len(self._sent), len(self._started))
        outcome = Outcome.CANCELLED if tokens is None else Outcome.OK
        heard = self._heard.pop(number, 0)
        if tokens is None and now >= asked.until - 1e-6:
            self._law.sample(now, Sample(now - begun, 1.0, late=True))
        if tokens is None and heard:
            self._lengths.observe(_class_of(page), heard, censored=True)
        elif tokens is not None:
            cut = tokens >= LONGEST
            self._lengths.observe(_class_of(page), tokens, censored=cut)
            work = tokens + page.input_tokens * INPUT_WORK
            self._law.sample(now, Sample(now - begun, work))
        decided = self._admission.release(number, now, outcome, tokens or heard or None)
        self._forget(number)
        return self._carry_out(now, decided)

    def left(self, now: float, asked: Asked) -> Iterator[Verdict]:
        """The client of a page that waits has left."""
        decided = self._admission.cancel(asked.number, now)
        self._forget(asked.number)
        return self._carry_out(now, decided)

    def begun(self, now: float, asked: Asked) -> None:
        """A page has its first token."""
        if asked.number in self._sent:
            self._started.add(asked.number)
            self._work += asked.page.input_tokens * INPUT_WORK
            self._law.occupied(now, len(self._sent), len(self._started))

    def tick(self, now: float, engine: VirtualEngine) -> Iterator[Verdict]:
        """Tell the law what was streamed, once a second what the metrics say, and obey it."""
        seen = engine.snapshot(now)
        self._law.progress(now, seen.generated - self._written + self._work)
        self._written, self._work = seen.generated, 0.0
        for number in self._sent:
            self._heard[number] = engine.tokens(now, number)
            self._ledgers.advance(number, self._heard[number])
        if self._ticks % POLLS == 0:
            self._poll(now, seen)
        self._ticks += 1
        limit = self._thermal.ceiling().over(self._law.tick(now).limit)
        self.limits.append((now, limit))
        return self._carry_out(now, self._admission.set_limit(limit, now))

    def _poll(self, now: float, seen: Snapshot) -> None:
        said = self._voice.of(now, seen)
        if said is not None and said.kv_usage is not None:
            self._ledgers.follow(0, self._cache[0], said.kv_usage, now, self._cache[1])
        self._law.signals(now, said)
        if self._heat is not None:
            self._thermal.read(self._heat(), now)

    def due(self) -> float | None:
        """When the first of those that wait is dropped."""
        return self._admission.next_deadline()

    def _carry_out(self, now: float, decided: Iterable[Decision]) -> Iterator[Verdict]:
        for decision in decided:
            number = decision.ticket.id
            if isinstance(decision, Admitted):
                self._sent[number] = now
                self._law.occupied(now, len(self._sent), len(self._started))
                yield Sent(self._asked[number])
            elif isinstance(decision, Refused | Expired):
                asked = self._asked[number]
                self._forget(number)
                after = decision.retry_after if isinstance(decision, Refused) else 0.0
                yield Denied(asked, float(math.ceil(after)))

    def _forget(self, number: int) -> None:
        self._asked.pop(number, None)
        self._promises.pop(number, None)


def _class_of(page: Page) -> PageClass:
    return PageClass.of("model", "text", page.width * page.height)
