"""The figures that make one engine: speed, memory, limits, and the pages it is known to read."""

from bisect import bisect_right
from dataclasses import dataclass, field

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one step of the engine takes, in seconds.

    A step costs ``base + per_sequence * batch + per_prefill_token * tokens`` and, for each image
    that enters, ``per_patch * patches + per_patch_pair * patches**2``. The encoder is not chunked:
    whoever is in the batch waits for it.

    Attributes:
        base: a step with nothing in it: weights are read, kernels are launched.
        per_sequence: for each sequence of the batch.
        per_prefill_token: for each token of prompt.
        per_patch: for each image patch of 16 x 16 pixels.
        per_patch_pair: for the encoder's attention, which grows with the square.
        knots: two or more ``(batch, seconds)`` pairs that replace ``base`` and ``per_sequence``
            where a measured engine is not a straight line; in between it is interpolated, outside
            the nearest slope goes on.
    """

    base: float
    per_sequence: float
    per_prefill_token: float
    per_patch: float = 0.0
    per_patch_pair: float = 0.0
    knots: tuple[tuple[int, float], ...] = ()

    def step(self, batch: int, prefill_tokens: int) -> float:
        """Seconds of one step without the encoder's part."""
        return self._decode(batch) + self.per_prefill_token * prefill_tokens

    def encode(self, patches: int) -> float:
        """Seconds that one image holds up the step in which it enters."""
        return (self.per_patch + self.per_patch_pair * patches) * patches

    def _decode(self, batch: int) -> float:
        if not self.knots:
            return self.base + self.per_sequence * batch
        place = bisect_right(self.knots, (batch, float("inf")))
        place = min(max(place, 1), len(self.knots) - 1)
        (low, before), (high, after) = self.knots[place - 1], self.knots[place]
        return before + (after - before) * (batch - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Decoding and resizing in the server's process, one image after the other.

    ``seconds`` for every request and ``per_megapixel`` for the picture as it was sent.
    """

    seconds: float = 0.0
    per_megapixel: float = 0.0

    def takes(self, pixels: int) -> float:
        """Seconds for one picture."""
        return self.seconds + self.per_megapixel * pixels / 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """GPU memory that the engine's own profiling at start did not see.

    The engine dies when ``per_sequence * running + per_patch * (patches of this step beyond
    profiled_patches) + neighbour`` exceeds ``headroom``. The neighbour (another process on the
    same GPU) wakes up ``wakes_per_second`` times on average, takes an amount drawn evenly from 0
    to ``neighbour`` and holds it for ``holds`` seconds. All sizes are bytes.
    """

    headroom: float
    per_sequence: float
    per_patch: float = 0.0
    profiled_patches: int = 0
    neighbour: float = 0.0
    wakes_per_second: float = 0.0
    holds: float = 1.0

    def taken(self, running: int, patches: int, neighbour: float) -> float:
        """Bytes beyond what was reserved at the start."""
        beyond = max(0, patches - self.profiled_patches)
        return self.per_sequence * running + self.per_patch * beyond + neighbour


@dataclass(frozen=True, slots=True)
class Drift:
    """A speed that wanders: slower and faster by ``amplitude`` over ``period`` seconds, and
    ``noise`` (a standard deviation) drawn anew every ``every`` seconds.
    """

    amplitude: float = 0.0
    period: float = 60.0
    noise: float = 0.0
    every: float = 1.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the texts are that the model writes: log-normal, and some that never end.

    Attributes:
        median: tokens.
        sigma: standard deviation of the logarithm.
        longest: no text is longer.
        loops: share of pages on which the model repeats itself until it is cut.
    """

    median: float = 220.0
    sigma: float = 0.6
    longest: int = 8192
    loops: float = 0.02


@dataclass(frozen=True, slots=True)
class Profile:
    """One engine. All times are seconds, all sizes tokens unless said otherwise.

    Attributes:
        name: how it is asked for.
        about: what it stands for, in a line.
        source: where each figure is from, and by which formula.
        speed: time of a step.
        kv_tokens: what the KV cache holds; one block of it is never given out.
        max_num_seqs: sequences in the batch at most.
        max_num_batched_tokens: tokens of one step at most; longer prompts come in chunks.
        max_model_len: prompt and text together at most.
        block_size: tokens of a KV block.
        reserve_full_prompt: a request enters only when its whole prompt fits.
        watermark: share of the KV cache that is kept free when a request enters.
        encoder_budget: image tokens that the encoder takes in a step; a larger image is refused.
            0 stands for ``max_num_batched_tokens`` or the largest image, as the engine has it.
        largest_image: tokens of the largest image that the model's own resizing leaves.
        max_num_queued_reqs: requests under way before new ones are refused; 0 for any number.
        preprocessing: what happens to a picture before it is in any queue.
        memory: what can kill the engine; None when nothing does.
        drift: how the speed wanders; None when it does not.
        startup: seconds from the start of the process until it serves.
        lengths: texts of pages of which nothing else is known.
    """

    name: str
    about: str
    source: str
    speed: Speed
    kv_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int = 32768
    block_size: int = 16
    reserve_full_prompt: bool = True
    watermark: float = 0.0
    encoder_budget: int = 0
    largest_image: int = 4522
    max_num_queued_reqs: int = 0
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    memory: Memory | None = None
    drift: Drift | None = None
    startup: float = 40.0
    lengths: Lengths = field(default_factory=Lengths)

    @property
    def image_budget(self) -> int:
        """Image tokens that may be encoded in one step."""
        return self.encoder_budget or max(self.max_num_batched_tokens, self.largest_image)

    @property
    def blocks(self) -> int:
        """KV blocks, the reserved one among them."""
        return blocks_of(self.kv_tokens, self.block_size)


def blocks_of(tokens: int, size: int) -> int:
    """Blocks that hold so many tokens."""
    return -(-tokens // size)
