"""The sequences that write: all advance by one token a step, so many steps can be taken at once.

Nothing is touched per sequence and step. Two counters run for all of them: ``done``, the steps that
ended, and ``begun``, one more while a step is under way. A sequence remembers at which count it
would have been born with no token written; what it has written is the difference. It needs a new
KV block when ``begun`` reaches one residue modulo the block size, so how many blocks any number of
steps will need follows from how many sequences share each residue.
"""

import heapq
from dataclasses import dataclass, field

from ocrgate.simulate.profile import blocks_of
from ocrgate.simulate.request import Reason, Request


@dataclass(slots=True, eq=False)
class Sequence:
    """A request on its way through the engine.

    Attributes:
        request: what was asked.
        submitted: when it came.
        number: its place among all that came; orders what happens at the same step.
        last: tokens after which it ends, and ``reason``, why.
        tokens: written when it last left the batch; while it writes, :class:`Decoding` knows.
        target: tokens to compute before it writes on: the prompt, and after a preemption the text.
        computed: of these, so far.
        blocks: KV blocks held while it does not write yet.
        writing: whether it is in :class:`Decoding`; ``birth``, its origin on the counter there, and
            ``due``, the count at which there is something to tell.
        alive: false once it has ended.
    """

    request: Request
    submitted: float
    number: int
    last: int = 0
    reason: Reason = Reason.STOP
    tokens: int = 0
    target: int = 0
    computed: int = 0
    blocks: int = 0
    writing: bool = False
    birth: int = 0
    due: int = 0
    alive: bool = True
    preemptions: int = 0
    queued: float | None = None
    scheduled: float | None = None
    first_token: float | None = None

    def reaches_image(self, tokens: int) -> bool:
        """Whether so many more tokens of the prompt take in some of its image."""
        before, image = self.request.text_before, self.request.image_tokens
        return image > 0 and self.computed < before + image and self.computed + tokens > before

    def milestone(self, tokens: int) -> int:
        """The next number of tokens, above ``tokens``, at which there is something to tell."""
        every = self.request.progress_every
        return min(self.last, tokens - tokens % every + every) if every else self.last


@dataclass(slots=True)
class Decoding:
    """Everything that writes now. ``size`` is the number of tokens in a KV block."""

    size: int
    done: int = 1  # so that 0 is no count at which anything is due
    begun: int = 1
    count: int = 0
    _residues: list[int] = field(default_factory=list)
    _milestones: list[tuple[int, int, Sequence]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._residues = [0] * self.size

    def add(self, sequence: Sequence) -> None:
        """Let a sequence write whose ``tokens`` first tokens are there, between two steps."""
        sequence.writing = True
        sequence.birth = self.done - sequence.tokens
        self._residues[self._residue(sequence)] += 1
        self.count += 1
        self.remind(sequence)

    def remove(self, sequence: Sequence) -> int:
        """Take it out; its KV blocks, which are free now."""
        blocks = self.blocks(sequence)
        self._residues[self._residue(sequence)] -= 1
        self.count -= 1
        sequence.tokens = self.tokens(sequence)
        sequence.writing = False
        return blocks

    def clear(self) -> None:
        """Nothing writes any more."""
        self._residues = [0] * self.size
        self._milestones.clear()
        self.count = 0
        self.begun = self.done

    def tokens(self, sequence: Sequence) -> int:
        """What a writing sequence has written."""
        return self.done - sequence.birth

    def blocks(self, sequence: Sequence) -> int:
        """KV blocks that a writing sequence holds: of its prompt and all it wrote but the last
        token, which the step under way takes in.
        """
        held = sequence.request.input_tokens + self.begun - 1 - sequence.birth
        return blocks_of(held, self.size)

    def needs_block(self, sequence: Sequence) -> bool:
        """Whether the next step to begin takes a new block for it."""
        return self._residue(sequence) == self.begun % self.size

    def need(self, steps: int) -> int:
        """Blocks that the next ``steps`` steps will take."""
        rounds, rest = divmod(steps, self.size)
        start = self.begun % self.size
        residues = self._residues
        need = rounds * self.count + sum(residues[start : start + rest])
        wrapped = start + rest - self.size
        return need + sum(residues[:wrapped]) if wrapped > 0 else need

    def fitting(self, free: int, most: int) -> int:
        """How many of the next ``most`` steps can begin with ``free`` blocks."""
        if not self.count:
            return most
        rounds, left = divmod(free, self.count)
        steps = rounds * self.size
        place = self.begun % self.size
        while steps < most:
            left -= self._residues[place]
            if left < 0:
                break
            steps += 1
            place = place + 1 if place + 1 < self.size else 0
        return min(steps, most)

    def to_milestone(self) -> int:
        """Steps until something has to be told of a sequence; 0 when nothing writes."""
        heap = self._milestones
        while heap and not self._holds(heap[0]):
            heapq.heappop(heap)
        return heap[0][0] - self.done if heap else 0

    def due(self) -> list[Sequence]:
        """Sequences whose milestone is reached; those that go on are reminded of the next."""
        found = []
        heap = self._milestones
        while heap and heap[0][0] <= self.done:
            entry = heapq.heappop(heap)
            if self._holds(entry):
                sequence = entry[2]
                sequence.due = 0  # told: a second reminder of the same step holds no more
                found.append(sequence)
        for sequence in found:
            if self.tokens(sequence) < sequence.last:
                self.remind(sequence)
        return found

    def _residue(self, sequence: Sequence) -> int:
        return (sequence.birth + 1 - sequence.request.input_tokens) % self.size

    def remind(self, sequence: Sequence) -> None:
        """Look at it again at its next milestone, or at its end if that was moved."""
        sequence.due = sequence.birth + sequence.milestone(self.tokens(sequence))
        heapq.heappush(self._milestones, (sequence.due, sequence.number, sequence))

    @staticmethod
    def _holds(entry: tuple[int, int, Sequence]) -> bool:
        return entry[2].writing and entry[2].due == entry[0]
