"""The scheduler's state and its rules: queue, batch, KV blocks, and what one step does to them."""

from collections import deque
from dataclasses import dataclass

from ocrgate.simulate.decoding import Decoding, Sequence
from ocrgate.simulate.encoder import Encoder
from ocrgate.simulate.profile import Profile, blocks_of
from ocrgate.simulate.request import (
    Event,
    Finished,
    FirstToken,
    Preempted,
    Progress,
    Reason,
    RequestId,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What the next steps do.

    Attributes:
        prompts: who computes how many tokens of prompt.
        writing: sequences that write a token.
        encoding: seconds of the image encoder, and ``patches``, how many it takes in.
        steps: how many alike steps can be taken before anything changes by itself.
    """

    prompts: tuple[tuple[Sequence, int], ...]
    writing: int
    encoding: float
    patches: int
    steps: int


class Batch:
    """Who waits, who runs, and what they hold. Times are told, never read.

    Between two steps ``decoding.begun == decoding.done``; from :meth:`plan` to :meth:`finish` it is
    one more, and ``used`` counts the blocks of the step under way.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.max_num_seqs = profile.max_num_seqs
        self.usable = 1
        self.used = 0
        self.waiting: deque[Sequence] = deque()
        self.running: dict[RequestId, Sequence] = {}
        self.known: dict[RequestId, Sequence] = {}
        self.decoding = Decoding(profile.block_size)
        self.encoder = Encoder(profile.image_budget, profile.speed)
        self.events: list[Event] = []
        self.preemptions = self.generated = self.computed = self.steps = 0
        self._prompting: dict[RequestId, Sequence] = {}
        self.resize(profile.kv_tokens)

    @property
    def room(self) -> int:
        """Tokens that one sequence alone can hold."""
        return min(self.profile.max_model_len, self.usable * self.profile.block_size)

    def enqueue(self, sequence: Sequence, now: float) -> bool:
        """Put it at the end of the queue; whether it could enter the batch at once."""
        request = sequence.request
        sequence.last, sequence.reason = request.ending(max(1, self.room - request.input_tokens))
        sequence.queued = now
        first = not self.waiting
        self.waiting.append(sequence)
        return first and len(self.running) < self.max_num_seqs

    def leave(self, sequence: Sequence, now: float, reason: Reason) -> None:
        """End a request wherever it is, and free what it holds."""
        if self.running.pop(sequence.request.id, None) is not None:
            self._free(sequence)
        elif sequence.queued is not None:
            self.waiting.remove(sequence)
        self._end(sequence, now, reason)

    def forget(self, sequence: Sequence) -> None:
        """It is not under way any more."""
        sequence.alive = False
        del self.known[sequence.request.id]

    def lose_all(self, now: float) -> None:
        """End everything, as when the process is gone."""
        for sequence in list(self.known.values()):
            if sequence.writing:
                self.decoding.remove(sequence)
            self._end(sequence, now, Reason.ERROR)
        self.decoding.clear()
        self.encoder.clear()
        self.running.clear()
        self._prompting.clear()
        self.waiting.clear()
        self.used = 0

    def resize(self, kv_tokens: int) -> None:
        """Another size of the KV cache. Nothing may grow beyond it: it would never be scheduled."""
        blocks = blocks_of(kv_tokens, self.profile.block_size)
        self.usable = max(1, blocks - 1)  # one block is never given out
        for sequence in self.known.values():
            room = self.room - sequence.request.input_tokens
            if sequence.queued is not None and sequence.last > room:
                written = self.decoding.tokens(sequence) if sequence.writing else sequence.tokens
                sequence.last, sequence.reason = max(1, room, written + 1), Reason.LENGTH
                if sequence.writing:
                    self.decoding.remind(sequence)

    def plan(self, now: float) -> Work | None:
        """Put the next step together and take its blocks; None when there is nothing to do."""
        before = self.preemptions
        self.encoder.begin()
        self._make_room(now)
        prompts = self._go_on(now)
        preempted = self.preemptions > before
        # Who was thrown out is not taken back in the same step, unless nobody is left.
        if not preempted or not self.running:
            self._admit(prompts, now)
        if not self.running:
            self.decoding.begun = self.decoding.done
            return None
        alike = not prompts and not preempted
        steps = self._alike() if alike else 1
        encoder = self.encoder
        return Work(tuple(prompts), self.decoding.count, encoder.seconds, encoder.patches, steps)

    def take(self, steps: int) -> None:
        """So many steps are over and one more of the same kind is under way."""
        self.used += self.decoding.need(steps)
        self.decoding.begun += steps
        self._count(steps)

    def finish(self, work: Work, steps: int, now: float) -> None:
        """So many steps are over and none is under way."""
        self.take(steps - 1)
        self._count(1)
        for sequence in self.decoding.due():
            self._tell(sequence, now)
        for sequence, tokens in work.prompts:
            if sequence.alive and sequence.request.id in self._prompting:
                self.computed += tokens
                sequence.computed += tokens
                if sequence.computed >= sequence.target:
                    self._start_writing(sequence, now)

    def _count(self, steps: int) -> None:
        self.decoding.done += steps
        self.generated += steps * self.decoding.count
        self.steps += steps

    def _alike(self) -> int:
        most = max(1, self.decoding.to_milestone())
        return 1 + self.decoding.fitting(self.usable - self.used, most - 1)

    # Who writes

    def _make_room(self, now: float) -> None:
        """A KV block for whoever needs one in this step; the newest is thrown out for it."""
        while self.used > self.usable and self.running:
            self._preempt(now)
        need = self.decoding.need(1)
        if self.used + need <= self.usable:
            self.used += need
        else:
            self._contend(now)
        self.decoding.begun += 1

    def _contend(self, now: float) -> None:
        for sequence in list(self.running.values()):
            if not sequence.writing or not self.decoding.needs_block(sequence):
                continue
            while self.used >= self.usable and sequence.writing:
                self._preempt(now)
            if sequence.writing:
                self.used += 1

    def _preempt(self, now: float) -> Sequence:
        """Throw the newest out of the batch, to the front of the queue."""
        _, sequence = self.running.popitem()
        held = self.used
        self._free(sequence)
        sequence.preemptions += 1
        self.preemptions += 1
        self.waiting.appendleft(sequence)
        lost = (held - self.used) * self.profile.block_size
        self.events.append(Preempted(now, sequence.request.id, lost))
        return sequence

    # Whose prompt is computed

    def _go_on(self, now: float) -> list[tuple[Sequence, int]]:
        """The next chunk of every prompt that was begun in an earlier step."""
        left = self.profile.max_num_batched_tokens - self.decoding.count
        chosen: list[tuple[Sequence, int]] = []
        for sequence in list(self._prompting.values()):
            tokens = self._chunk(sequence, left)
            if tokens > 0 and sequence.request.id in self._prompting:
                if not self._hold(sequence, tokens, now):
                    break
                self._compute(sequence, tokens, chosen)
                left -= tokens
        return [each for each in chosen if each[0].request.id in self.running]

    def _chunk(self, sequence: Sequence, left: int) -> int:
        """Tokens of a prompt that can be computed in this step: up to its image where the encoder
        cannot take that.
        """
        tokens = min(sequence.target - sequence.computed, left)
        if sequence.reaches_image(tokens) and not self.encoder.can(sequence):
            return max(0, sequence.request.text_before - sequence.computed)
        return tokens

    def _compute(self, sequence: Sequence, tokens: int, chosen: list[tuple[Sequence, int]]) -> None:
        if sequence.reaches_image(tokens):
            self.encoder.take(sequence)
        chosen.append((sequence, tokens))

    def _hold(self, sequence: Sequence, tokens: int, now: float) -> bool:
        """Take the blocks for a chunk; False when it was itself thrown out for them."""
        wanted = blocks_of(sequence.computed + tokens, self.profile.block_size) - sequence.blocks
        while wanted > 0 and self.used + wanted > self.usable:
            if self._preempt(now) is sequence:
                return False
        if wanted > 0:
            self.used += wanted
            sequence.blocks += wanted
        return True

    def _admit(self, chosen: list[tuple[Sequence, int]], now: float) -> None:
        """Take from the head of the queue what fits."""
        left = self.profile.max_num_batched_tokens - self.decoding.count
        left -= sum(tokens for _, tokens in chosen)
        while left > 0 and self.waiting and len(self.running) < self.max_num_seqs:
            sequence = self.waiting[0]
            sequence.target = sequence.request.input_tokens + sequence.tokens
            if blocks_of(sequence.target, self.profile.block_size) > self.usable:
                self.leave(sequence, now, Reason.ERROR)  # the cache was made smaller meanwhile
                continue
            tokens = self._chunk(sequence, left)
            if not tokens or not self._fits(sequence, tokens):
                break
            self._enter(sequence, tokens, now)
            self._compute(sequence, tokens, chosen)
            left -= tokens

    def _fits(self, sequence: Sequence, tokens: int) -> bool:
        """Whether there are blocks for its first chunk, or for all of its prompt where that is
        asked for. The rest of them is not kept for it: others may take it meanwhile.
        """
        if self.profile.reserve_full_prompt:
            tokens = sequence.target
        kept = int(self.profile.watermark * self.profile.blocks) if self.running else 0
        return self.used + blocks_of(tokens, self.profile.block_size) + kept <= self.usable

    def _enter(self, sequence: Sequence, tokens: int, now: float) -> None:
        self.waiting.popleft()
        self.running[sequence.request.id] = sequence
        self._prompting[sequence.request.id] = sequence
        sequence.blocks = blocks_of(tokens, self.profile.block_size)
        self.used += sequence.blocks
        if sequence.scheduled is None:
            sequence.scheduled = now

    # What came of it

    def _start_writing(self, sequence: Sequence, now: float) -> None:
        del self._prompting[sequence.request.id]
        self.encoder.release(sequence)
        sequence.tokens += 1
        self.generated += 1
        self.decoding.add(sequence)
        if sequence.first_token is None:
            sequence.first_token = now
            self.events.append(FirstToken(now, sequence.request.id))
        if sequence.tokens >= sequence.last:
            self._tell(sequence, now)

    def _tell(self, sequence: Sequence, now: float) -> None:
        tokens = self.decoding.tokens(sequence)
        if tokens < sequence.last:
            self.events.append(Progress(now, sequence.request.id, tokens))
        else:
            self.leave(sequence, now, sequence.reason)

    def _free(self, sequence: Sequence) -> None:
        if sequence.writing:
            self.used -= self.decoding.remove(sequence)
        else:
            self.used -= sequence.blocks
            self.encoder.release(sequence)
            self._prompting.pop(sequence.request.id, None)
        sequence.blocks = sequence.computed = 0

    def _end(self, sequence: Sequence, now: float, reason: Reason) -> None:
        self.forget(sequence)
        self.events.append(
            Finished(
                now,
                sequence.request.id,
                reason,
                sequence.tokens,
                sequence.preemptions,
                sequence.submitted,
                sequence.queued,
                sequence.scheduled,
                sequence.first_token,
            )
        )
