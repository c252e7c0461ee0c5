"""A discrete-event model of vLLM's scheduler, in virtual time.

The rules are those of vLLM's V1 scheduler (0.32): first every sequence that writes gets its token,
oldest first, and throws the newest out of the batch when no KV block is left; then the rest of the
step's tokens goes to prompts, in chunks, first come first served; a request whose whole prompt does
not fit stays at the head of the queue and holds up all behind it. Whoever was thrown out is put in
front and computes its prompt and its text again.

While nobody enters or leaves, all steps are alike and are taken at once, so the cost of a run grows
with its requests and not with its tokens. Nothing here reads a clock: the caller says what time it
is, and the same calls give the same events however :meth:`VirtualEngine.advance` is split.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from ocrgate.simulate.batch import Batch, Work
from ocrgate.simulate.changes import Change
from ocrgate.simulate.decoding import Sequence
from ocrgate.simulate.profile import Profile
from ocrgate.simulate.request import (
    Died,
    Event,
    Reason,
    Refusal,
    Rejected,
    Request,
    RequestId,
    Started,
)
from ocrgate.simulate.timeline import Neighbour, Timeline, wandering


@dataclass(slots=True)
class _Stretch:
    """Equal steps under way: ``count`` of them from ``start``, ``seconds`` each."""

    start: float
    seconds: float
    count: int
    work: Work

    @property
    def end(self) -> float:
        return self.start + self.count * self.seconds

    def over(self, now: float) -> int:
        """Steps that ended by ``now``, but never all: the last one ends in its own event."""
        if self.count == 1:
            return 0
        return min(self.count - 1, max(0, int((now - self.start) / self.seconds)))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the engine's own metrics would show.

    Attributes:
        running: sequences in the batch.
        waiting: requests in the engine's queue; pictures being prepared are in neither.
        preparing: pictures being prepared, or waiting for that.
        kv_blocks: in use; ``kv_usage`` is their share of those that can be used.
        preemptions: since the engine was made.
        generated: tokens written since the engine was made.
        computed: tokens of prompt that were computed, again after a preemption too.
        steps: of the engine.
        dead: whether it is gone.
    """

    running: int
    waiting: int
    preparing: int
    kv_blocks: int
    kv_usage: float
    preemptions: int
    generated: int
    computed: int
    steps: int
    dead: bool


class VirtualEngine:
    """One engine of a profile.

    Args:
        profile: its figures.
        seed: of all that is drawn: the neighbour's memory and the drift of the speed.
        changes: what happens to it, by time.

    Times of calls must not go backwards. Everything that happened until then is in the next list
    that :meth:`advance` returns, in order.
    """

    def __init__(self, profile: Profile, seed: int = 0, changes: Iterable[Change] = ()) -> None:
        self.profile = profile
        self._batch = Batch(profile)
        self._stretch: _Stretch | None = None
        self._timeline = Timeline()
        self._preparing = 0
        self._prepared_at = 0.0
        self._slow = self._wander = self._preparing_slow = 1.0
        self._paused_until = -math.inf
        self._dead = False
        self._numbers = 0
        self._extra = 0.0
        self._neighbour: Neighbour | None = None
        self._random = random.Random(f"drift {seed}")  # noqa: S311 - not a secret
        self._arm(seed, changes)

    def submit(self, now: float, request: Request) -> None:
        """Bring a request. Events tell its fate: it always ends with one Finished or Rejected.

        Raises:
            ValueError: a request of that id is under way.
        """
        self._until(now)
        batch = self._batch
        if request.id in batch.known:
            raise ValueError(f"request {request.id!r} is under way already")
        why = self._refusal(request)
        if why is not None:
            batch.events.append(Rejected(now, request.id, why))
            return
        self._numbers += 1
        sequence = Sequence(request, now, self._numbers)
        batch.known[request.id] = sequence
        seconds = self.profile.preprocessing.takes(request.image_pixels) * self._preparing_slow
        if seconds <= 0:
            self._enqueue(sequence, now)
            return
        self._preparing += 1
        self._prepared_at = max(now, self._prepared_at) + seconds
        self._timeline.put(self._prepared_at, lambda at: self._prepared(sequence, at))

    def abort(self, now: float, request_id: RequestId) -> bool:
        """Drop a request, wherever it is; whether it was under way. Its place is free at once.

        A picture that is being prepared keeps the preparing thread busy until it is done.
        """
        self._until(now)
        sequence = self._batch.known.get(request_id)
        if sequence is None:
            return False
        self._cut(now)
        self._batch.leave(sequence, now, Reason.ABORT)
        return True

    def advance(self, now: float) -> list[Event]:
        """Everything that happened since the last call, up to ``now``, in order."""
        self._until(now)
        events, self._batch.events = self._batch.events, []
        return events

    def next_event(self) -> float | None:
        """When to call :meth:`advance` next; None while nothing is under way or scheduled."""
        events = self._batch.events
        if events:
            return events[-1].at
        if not self._batch.known and not self._timeline.awaited:
            return None
        soonest = min(self._stretch.end if self._stretch else math.inf, self._timeline.first)
        return None if math.isinf(soonest) else soonest

    def change(self, change: Change) -> None:
        """Schedule something to happen to the engine; its time must not have passed."""
        self._timeline.put(change.at, lambda at: self._apply(change, at))

    def tokens(self, now: float, request_id: RequestId) -> int:
        """Tokens that a request under way has written by ``now``; 0 for one that is not."""
        sequence = self._batch.known.get(request_id)
        if sequence is None:
            return 0
        if not sequence.writing:
            return sequence.tokens
        return self._batch.decoding.tokens(sequence) + self._over(now)

    def snapshot(self, now: float) -> Snapshot:
        """The gauges at ``now`` (at or after the last call)."""
        over = self._over(now)
        batch = self._batch
        blocks = batch.used + batch.decoding.need(over)
        return Snapshot(
            running=len(batch.running),
            waiting=len(batch.waiting),
            preparing=self._preparing,
            kv_blocks=blocks,
            kv_usage=blocks / batch.usable,
            preemptions=batch.preemptions,
            generated=batch.generated + over * batch.decoding.count,
            computed=batch.computed,
            steps=batch.steps + over,
            dead=self._dead,
        )

    # Time

    def _until(self, now: float) -> None:
        while True:
            end = self._stretch.end if self._stretch else math.inf
            first = self._timeline.first
            if min(end, first) > now:
                return
            if end <= first:
                self._end_stretch(end)
            else:
                self._timeline.run_first()

    def _over(self, now: float) -> int:
        return self._stretch.over(now) if self._stretch else 0

    def _cut(self, now: float) -> None:
        """Let the step under way be the last of its kind, since something changes now."""
        stretch = self._stretch
        if stretch is not None and stretch.count > 1:
            over = stretch.over(now)
            self._batch.take(over)
            stretch.start += over * stretch.seconds
            stretch.count = 1

    def _end_stretch(self, now: float) -> None:
        stretch = self._stretch
        assert stretch is not None
        self._stretch = None
        self._batch.finish(stretch.work, stretch.count, now)
        self._wake(now)

    def _wake(self, now: float) -> None:
        """Begin the next step unless one is under way or none may begin."""
        if self._stretch is not None or self._dead or now < self._paused_until:
            return
        work = self._batch.plan(now)
        if work is None or self._starved(now, work.patches):
            return
        prompt_tokens = sum(tokens for _, tokens in work.prompts)
        seconds = self.profile.speed.step(work.writing + len(work.prompts), prompt_tokens)
        seconds = (seconds + work.encoding) * self._slow * self._wander
        self._stretch = _Stretch(now, seconds, work.steps, work)

    # Ways in

    def _refusal(self, request: Request) -> Refusal | None:
        if self._dead:
            return "dead"
        if request.input_tokens >= self._batch.room:
            return "too_long"
        if request.image_tokens > self.profile.image_budget:
            return "image_too_large"
        return "busy" if self._full() else None

    def _full(self) -> bool:
        bound = self.profile.max_num_queued_reqs
        return 0 < bound <= len(self._batch.waiting) + len(self._batch.running)

    def _prepared(self, sequence: Sequence, now: float) -> None:
        self._preparing -= 1
        if not sequence.alive:
            return
        if self._full():  # looked at again after the work was done: the late no
            self._batch.forget(sequence)
            self._batch.events.append(Rejected(now, sequence.request.id, "busy"))
            return
        self._enqueue(sequence, now)

    def _enqueue(self, sequence: Sequence, now: float) -> None:
        if self._batch.enqueue(sequence, now):
            self._cut(now)
            self._wake(now)

    # Misfortunes

    def _arm(self, seed: int, changes: Iterable[Change]) -> None:
        memory, drift = self.profile.memory, self.profile.drift
        if memory is not None:
            source = random.Random(f"neighbour {seed}")  # noqa: S311 - not a secret
            self._neighbour = Neighbour(memory, source)
            self._neighbour.follow(self._timeline, 0.0, self._squeezed)
        if drift is not None:
            self._timeline.put(0.0, self._wandered, background=True)
        for change in changes:
            self.change(change)

    def _wandered(self, now: float) -> None:
        drift = self.profile.drift
        assert drift is not None
        self._cut(now)
        self._wander = wandering(drift, self._random, now)
        self._timeline.put(now + drift.every, self._wandered, background=True)

    def _squeezed(self, now: float) -> None:
        self._starved(now, self._stretch.work.patches if self._stretch else 0)

    def _starved(self, now: float, patches: int) -> bool:
        """Whether the GPU has no memory left for what runs; then the engine is dead."""
        memory = self.profile.memory
        running = len(self._batch.running)
        if memory is None or not running:
            return False
        neighbour = self._extra + (self._neighbour.bytes if self._neighbour else 0.0)
        if memory.taken(running, patches, neighbour) <= memory.headroom:
            return False
        self._die(now, "CUDA out of memory")
        return True

    def _die(self, now: float, why: str) -> None:
        if self._dead:
            return
        self._cut(now)
        self._dead = True
        self._stretch = None
        self._batch.events.append(Died(now, why))
        self._batch.lose_all(now)

    def _apply(self, change: Change, now: float) -> None:
        self._cut(now)
        value = change.value
        match change.kind:
            case "slow":
                self._slow = value
            case "preprocessing":
                self._preparing_slow = value
            case "max_num_seqs":
                self._batch.max_num_seqs = int(value)
            case "kv_tokens":
                self._batch.resize(int(value))
            case "neighbour":
                self._extra = value
                self._squeezed(now)
            case "pause":
                self._paused_until = now + value
                self._timeline.put(self._paused_until, self._wake)
            case "die":
                self._die(now, "killed")
            case "restart":
                self._die(now, "stopped")
                self._timeline.put(now + self.profile.startup, self._started)
        self._wake(now)

    def _started(self, now: float) -> None:
        if self._dead:
            self._dead = False
            self._prepared_at = now
            self._batch.events.append(Started(now))
