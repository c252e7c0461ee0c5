"""Trials on the virtual engine: minutes of work in less than a second, no clock, no server."""

import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from statistics import stdev
from typing import Protocol

from ocrgate.load.tune.trial import Observation, Setting, Stop, Trial
from ocrgate.load.tune.watch import Counts, Watch, WatchParams
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import GIB, Profile
from ocrgate.simulate.request import Died, Finished, Reason, Rejected
from ocrgate.simulate.workload import Page

Shape = Callable[[Setting], Profile]
"""The engine that a setting makes."""

_PARTS = 10  # of a trial, for the standard error of its goodput


class Pages(Protocol):
    """Where pages come from: a mix."""

    def pages(self, source: random.Random) -> Iterator[Page]:
        """Pages without end."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How trials are made.

    Attributes:
        shape: the engine of a setting; its slots are also the clients, since a gate in front
            keeps the engine just full.
        mix: of the pages.
        deadline: seconds after which a client leaves: the SLO's end to end.
        first: seconds until the first token, and
        each: seconds for each token after it, above which an answer is too late.
        turns: pages per client that have to end before any counts, and twice as many that count.
            All begin together, so the short pages end first: a trial of one page per client
            tells of those.
        seconds: that an ordinary trial counts, after ``warmup``; up to ``longer`` times as long
            until ``pages`` were answered.
        seed: of the engine's chance and of the pages.
        max_tokens: where texts are cut.
        watch: when a trial is ended early.
    """

    shape: Shape
    mix: Pages
    deadline: float = 10.0
    seconds: float = 120.0
    warmup: float = 20.0
    pages: int = 500
    longer: float = 4.0
    seed: int = 0
    max_tokens: int = 2048
    watch: WatchParams = field(default_factory=WatchParams)
    first: float = math.inf
    each: float = math.inf
    turns: float = 0.0

    def measure(self, trial: Trial, number: int = 0) -> Observation:
        """Carry out a trial; ``number`` makes the chance of the engine differ from others'."""
        profile = self.shape(trial.setting)
        pages = self.mix.pages(random.Random(f"pages {self.seed} {trial.repeat}"))  # noqa: S311
        engine = VirtualEngine(profile, self.seed * 1000 + number)
        return _Crowd(engine, pages, self, trial).run().observation(trial)


def unlimited(stand: Stand) -> Stand:
    """The same, but a trial is ended early by a death only: for a sweep that shows the truth."""
    return replace(stand, watch=replace(stand.watch, failures=2.0, storm=1e9, missed=2.0))


def slots(profile: Profile) -> Shape:
    """Settings of one number: sequences in the batch."""
    return lambda setting: replace(profile, max_num_seqs=int(setting[0]))


def serving(profile: Profile, gpu_memory: float) -> Shape:
    """Settings of three: sequences, tokens of a step, and the share of the GPU's memory.

    The profile's cache and headroom are those of a share of 0.9; what the share takes, the cache
    gains and whatever was not profiled loses.

    Args:
        profile: at a share of 0.9.
        gpu_memory: bytes of the GPU.
    """

    def shape(setting: Setting) -> Profile:
        sequences, batched, share = setting
        taken = (share - 0.9) * gpu_memory
        memory = profile.memory
        if memory is not None:
            memory = replace(memory, headroom=max(0.0, memory.headroom - taken))
        return replace(
            profile,
            max_num_seqs=int(sequences),
            max_num_batched_tokens=int(batched),
            kv_tokens=max(4096, profile.kv_tokens + int(taken / _KV_BYTES)),
            memory=memory,
        )

    return shape


_KV_BYTES = 96 * 1024  # of a token, for HunyuanOCR
GPU_24 = 24 * GIB


class _Crowd:
    """Clients in a closed loop, each of whom leaves a page at its deadline."""

    def __init__(
        self, engine: VirtualEngine, pages: Iterator[Page], stand: Stand, trial: Trial
    ) -> None:
        self._clients = engine.profile.max_num_seqs
        self._engine = engine
        self._pages = pages
        self._stand = stand
        self._begun = math.inf if stand.turns else stand.warmup
        self._counting = False
        self._seconds = stand.seconds * trial.length
        self._pages_wanted = max(stand.pages * trial.pages, 2 * stand.turns * self._clients)
        self._watch = Watch(stand.watch, trial.bar)
        self._sent: dict[int, float] = {}
        self._leaving: list[tuple[float, int]] = []
        self._numbers = count(1)
        self._free = self._clients
        self._ended = 0
        self.now = 0.0
        self.stop: Stop | None = None
        self.served = self.late = self.failed = 0
        self.dead = False
        self.before = 0
        self._good: list[float] = []

    def run(self) -> "_Crowd":
        """Until the time is over or the watch says so."""
        look = 0.0
        while self.now < self._end() and self.stop is None:
            self._send()
            self.now = min(self._soonest(), look + 1.0)
            self._leave()
            self._hear(self.now)
            if not self._counting:
                self._begin()
            if self.now >= look + 1.0 or self.dead:
                look = self.now
                self.stop = self._looked()
        return self

    def _begin(self) -> None:
        """Count from now on, if the warm-up is over."""
        stand = self._stand
        turned = self._ended >= stand.turns * self._clients
        patient = self.now < stand.warmup + stand.longer * self._seconds
        if self.now < stand.warmup or (patient and not turned):
            return
        self._counting = True
        self._begun = min(self._begun, self.now)
        self.before = self._engine.snapshot(self.now).preemptions

    def _end(self) -> float:
        enough = self.served + self.late >= self._pages_wanted
        return self._begun + self._seconds * (1.0 if enough else self._stand.longer)

    def observation(self, trial: Trial) -> Observation:
        """What was counted."""
        seconds = max(0.0, self.now - self._begun)
        answered = self.served + self.late
        after = self._engine.snapshot(self.now).preemptions
        return Observation(
            trial,
            goodput=self.served / seconds if seconds > 0 else 0.0,
            error=self._error(seconds),
            seconds=seconds,
            served=answered,
            failed=self.failed + self._lost(seconds, answered),
            late=self.late / answered if answered else 0.0,
            preemptions=(after - self.before) / max(1, answered),
            stop=self.stop,
        )

    def _lost(self, seconds: float, answered: int) -> int:
        """Pages that a dead engine did not read in the rest of its trial."""
        if not self.dead or seconds <= 0:
            return 0
        return round(answered / seconds * max(0.0, self._begun + self._seconds - self.now))

    def _error(self, seconds: float) -> float:
        width = seconds / _PARTS
        if width <= 0:
            return 0.0
        parts = [0] * _PARTS
        for at in self._good:
            parts[min(_PARTS - 1, int((at - self._begun) / width))] += 1
        return float(stdev(parts) / width / math.sqrt(_PARTS))

    def _looked(self) -> Stop | None:
        snapshot = self._engine.snapshot(self.now)
        return self._watch.look(
            Counts(
                max(0.0, self.now - self._begun),
                self.served,
                self.late,
                self.failed,
                snapshot.preemptions - self.before,
                self.dead,
            )
        )

    def _send(self) -> None:
        while self._free:
            self._free -= 1
            number = next(self._numbers)
            self._sent[number] = self.now
            heapq.heappush(self._leaving, (self.now + self._stand.deadline, number))
            request = next(self._pages).request(number, self._stand.max_tokens)
            self._engine.submit(self.now, request)

    def _soonest(self) -> float:
        while self._leaving and self._leaving[0][1] not in self._sent:
            heapq.heappop(self._leaving)
        due = self._engine.next_event()
        times = [math.inf if due is None else max(due, self.now)]
        return min([*times, *(at for at, _ in self._leaving[:1])])

    def _leave(self) -> None:
        while self._leaving and self._leaving[0][0] <= self.now:
            at, number = heapq.heappop(self._leaving)
            if number in self._sent:
                self._hear(at)
            if number in self._sent:
                self._engine.abort(at, number)
                self._hear(at)

    def _hear(self, now: float) -> None:
        for event in self._engine.advance(now):
            if isinstance(event, Died):
                self.dead = True
            elif isinstance(event, Finished | Rejected):
                del self._sent[int(event.id)]
                self._free += 1
                self._ended += 1
                if event.at >= self._begun or self.dead:
                    self._count(event)

    def _count(self, event: Finished | Rejected) -> None:
        if isinstance(event, Rejected) or event.reason is Reason.ERROR:
            self.failed += 1
        elif event.reason is Reason.ABORT or not self._is_timely(event):
            self.late += 1
        else:
            self.served += 1
            self._good.append(event.at)

    def _is_timely(self, event: Finished) -> bool:
        if event.first_token is None:
            return False
        first = event.first_token - event.submitted
        each = (event.at - event.first_token) / max(1, event.tokens - 1)
        return first <= self._stand.first and each <= self._stand.each
