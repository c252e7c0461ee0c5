"""Our laws as gates for the scheduler model."""

from tests.simulation.control.scheduler import Engine, Page

from ocrgate.control.ledger import Ledger, Promise
from ocrgate.control.limit.law import Change, Limit, Sample, Signals


class LawPolicy:
    """A limit law at the gate, told of the engine's signals at each poll.

    Args:
        law: the law.
        shows: whether the engine shows its signals.
        streams: whether it streams its answers.
    """

    def __init__(self, law: Limit, *, shows: bool = True, streams: bool = True) -> None:
        self.law = law
        self.shows = shows
        self.streams = streams
        self.changes: list[tuple[float, Change]] = []
        self._began: dict[int, float] = {}
        self._live: dict[int, Page] = {}

    def limit(self, now: float) -> int:
        return self.law.value(now)

    def fits(self, now: float, page: Page) -> bool:
        return True

    def began(self, now: float, page: Page, inflight: int) -> None:
        self._began[page.number] = now
        self._live[page.number] = page
        self._tell(now, inflight)

    def ended(self, now: float, page: Page, inflight: int) -> None:
        self._live.pop(page.number)
        self._tell(now, inflight)
        seconds = now - self._began.pop(page.number)
        if page.state == "done":
            self.law.sample(now, Sample(seconds, page.output + page.prompt / 32))

    def poll(self, now: float, engine: Engine, work: float) -> None:
        self._tell(now, len(self._live))
        self.law.progress(now, work)
        if self.shows:
            self.law.signals(now, self.read(now, engine))
        self.changes.append((now, self.law.tick(now)))

    def _tell(self, now: float, inflight: int) -> None:
        started = sum(page.started for page in self._live.values()) if self.streams else None
        self.law.occupied(now, inflight, started)

    def read(self, now: float, engine: Engine) -> Signals | None:
        """What the engine shows."""
        return Signals(
            float(engine.running),
            float(len(engine.waiting)),
            min(1.0, engine.held / engine.kv),
            float(engine.preemptions),
        )


class LedgerPolicy(LawPolicy):
    """A law and a ledger, which is told of the stream and of the engine's KV usage.

    Args:
        law: the law.
        ledger: the ledger; its capacity is read from the engine at each poll.
        spread: how much more than its guess a page hardly ever writes.
    """

    def __init__(self, law: Limit, ledger: Ledger, spread: float = 1.0) -> None:
        super().__init__(law)
        self.ledger = ledger
        self.spread = spread

    def _promise(self, page: Page) -> Promise:
        guess = max(1, round(page.guess))
        cap = max(page.longest, page.output)
        return Promise(page.prompt, min(guess, cap), min(cap, round(guess * self.spread)), cap)

    def fits(self, now: float, page: Page) -> bool:
        return self.ledger.judge(self._promise(page), now) != "full"

    def began(self, now: float, page: Page, inflight: int) -> None:
        super().began(now, page, inflight)
        self.ledger.hold(page.number, self._promise(page))

    def ended(self, now: float, page: Page, inflight: int) -> None:
        super().ended(now, page, inflight)
        self.ledger.release(page.number)

    def poll(self, now: float, engine: Engine, work: float) -> None:
        if engine.kv != self.ledger.capacity:
            self.ledger.resize(engine.kv)
        for number, page in self._live.items():
            self.ledger.advance(number, engine.generated(page))
        self.ledger.usage(min(1.0, engine.held / engine.kv), now)
        super().poll(now, engine, work)
