"""GPUs by their data sheets, and what follows from them for a vision model of a billion weights.

None of this was measured. The data sheet's bandwidth and rate are peaks; the shares that are really
reached are assumptions, named below. A figure of a served model is therefore good to a factor of
about 1.5: enough to rank GPUs and to try a gate, not to promise pages.
"""

from dataclasses import dataclass, field

from ocrgate.simulate.profile import GIB, Lengths, Preprocessing, Profile, Speed


@dataclass(frozen=True, slots=True)
class Assumed:
    """What no data sheet says. The defaults are guesses; a measurement may replace them.

    Attributes:
        bandwidth: share of the data sheet's that is reached while weights are read, and
        kv_bandwidth: while the KV cache is.
        rate: share of the dense bf16 rate, in matrix products of the encoder, and
        prompt_rate: of prompts.
        attention: the same, in the encoder's attention.
        host: seconds of a step for launch, scheduling and sampling in the server.
        host_sequence: seconds for detokenizing and sending one token.
        utilization: share of the memory that the server takes.
        beyond_weights: bytes of activations and CUDA graphs at their profiled peak.
        context: tokens of KV that a sequence reads in a step, on average.
        prepare: seconds of decoding for any picture, and
        prepare_megapixel: for each million pixels of it.
        slower: times as long that every step takes, from a measurement, and
        slower_start: times as long again that its fixed part does: host and weights.
    """

    bandwidth: float = 0.6
    kv_bandwidth: float = 0.6
    rate: float = 0.4
    prompt_rate: float = 0.4
    attention: float = 0.3
    host: float = 3e-3
    host_sequence: float = 2e-5
    utilization: float = 0.9
    beyond_weights: float = 2.5 * GIB
    context: float = 1500
    prepare: float = 0.003
    prepare_megapixel: float = 0.015
    slower: float = 1.0
    slower_start: float = 1.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A data sheet: memory in bytes, bandwidth in bytes/s, dense bf16 rate in operations/s."""

    name: str
    memory: float
    bandwidth: float
    dense_rate: float


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's shape: HunyuanOCR's by default.

    Attributes:
        text: parameters of the language model, read in every step.
        vision: parameters of the encoder.
        kv_bytes: of KV cache for a token: 24 layers x 8 heads x 128 x key and value x 2 bytes.
        vision_layers: of the encoder, and ``vision_width``, the width of its attention.
        bytes: of a parameter: 2 in bf16, 1 in fp8.
    """

    text: float = 0.539e9
    vision: float = 0.457e9
    kv_bytes: int = 24 * 8 * 128 * 2 * 2
    vision_layers: int = 27
    vision_width: int = 1152
    bytes: float = 2.0

    @property
    def held(self) -> float:
        """Bytes of all parameters."""
        return (self.text + self.vision) * self.bytes


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("l4-24gb", 24e9, 300e9, 121e12),
        Gpu("a10-24gb", 24e9, 600e9, 125e12),
        Gpu("rtx4090-24gb", 24e9, 1008e9, 165e12),
        Gpu("a100-80gb", 80e9, 2039e9, 312e12),
        Gpu("h100-80gb", 80e9, 3350e9, 989e12),
    )
}
"""Those with a profile of their own."""

SHEETS = GPUS | {
    gpu.name: gpu
    for gpu in (
        Gpu("rtx3090-24gb", 24e9, 936e9, 71e12),
        Gpu("rtx4090d-24gb", 24e9, 1008e9, 147e12),
        Gpu("rtx5090-32gb", 32e9, 1792e9, 209e12),
        Gpu("rtx6000ada-48gb", 48e9, 960e9, 182e12),
        Gpu("l40s-48gb", 48e9, 864e9, 362e12),
        Gpu("a100-40gb", 40e9, 1555e9, 312e12),
        Gpu("h200-141gb", 141e9, 4800e9, 989e12),
    )
}
"""All whose data sheet is known: memory, bandwidth, dense rate of bf16 without sparsity."""

FORMULA = (
    "Derived from the data sheet, not measured. base = 3 ms + weight bytes / (0.6 bandwidth); "
    "per sequence = 20 us + 1500 tokens of KV / (0.6 bandwidth); per prompt token = 2 x 0.539e9 / "
    "(0.4 dense rate); per patch = 2 x 0.457e9 / (0.4 dense rate); per pair of patches = 4 x 27 "
    "layers x 1152 / (0.3 dense rate); KV = (0.9 memory - weights - 2.5 GiB) / 96 KiB; slots and "
    "batched tokens are vLLM's defaults for that memory; preparing takes 3 ms + 15 ms a megapixel."
)


@dataclass(frozen=True, slots=True)
class Serving:
    """How a server is set: slots, tokens of a step, and the longest sequence."""

    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    max_model_len: int = 32768
    lengths: Lengths = field(default_factory=Lengths)


def derived(
    gpu: Gpu,
    serving: Serving,
    weights: Weights | None = None,
    assumed: Assumed | None = None,
) -> Profile:
    """The profile of a model on a GPU, by :data:`FORMULA`.

    Its cache may hold nothing: such a model does not fit.
    """
    shape, guess = weights or Weights(), assumed or Assumed()
    cache = guess.utilization * gpu.memory - shape.held - guess.beyond_weights
    return Profile(
        name=gpu.name,
        about=f"HunyuanOCR (1B) under vLLM on the data sheet of a {gpu.name}",
        source=FORMULA,
        speed=_speed(gpu, shape, guess),
        kv_tokens=max(0, int(cache / shape.kv_bytes)),
        max_num_seqs=serving.max_num_seqs,
        max_num_batched_tokens=serving.max_num_batched_tokens,
        max_model_len=serving.max_model_len,
        preprocessing=Preprocessing(guess.prepare, guess.prepare_megapixel),
        lengths=serving.lengths,
    )


def _speed(gpu: Gpu, shape: Weights, guess: Assumed) -> Speed:
    """Seconds of each part: work by the share of the peak that is reached."""
    bandwidth, rate = gpu.bandwidth / guess.slower, gpu.dense_rate / guess.slower
    attention = 4.0 * shape.vision_layers * shape.vision_width
    fixed = guess.slower * guess.host + shape.bytes * shape.text / (guess.bandwidth * bandwidth)
    return Speed(
        base=guess.slower_start * fixed,
        per_sequence=guess.slower * guess.host_sequence
        + guess.context * shape.kv_bytes / (guess.kv_bandwidth * bandwidth),
        per_prefill_token=2 * shape.text / (guess.prompt_rate * rate),
        per_patch=2 * shape.vision / (guess.rate * rate),
        per_patch_pair=attention / (guess.attention * rate),
    )
