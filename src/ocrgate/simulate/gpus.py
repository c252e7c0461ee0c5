"""GPUs by their data sheets, and what follows from them for a vision model of a billion weights.

None of this was measured. The data sheet's bandwidth and rate are peaks; the shares that are really
reached are assumptions, named below. A figure of a served model is therefore good to a factor of
about 1.5: enough to rank GPUs and to try a gate, not to promise pages.
"""

from dataclasses import dataclass, field

from ocrgate.simulate.profile import GIB, Lengths, Preprocessing, Profile, Speed

_BANDWIDTH_REACHED = 0.6  # of the data sheet, while decoding
_RATE_REACHED = 0.4  # of the dense bf16 rate, in matrix products of prompt and encoder
_ATTENTION_REACHED = 0.3  # the same, in the encoder's attention
_HOST_SECONDS = 3e-3  # a step's launch, scheduling and sampling in the server
_HOST_SECONDS_PER_SEQUENCE = 2e-5  # detokenizing and sending one token
_UTILIZATION = 0.9  # share of the memory that the server takes
_BEYOND_WEIGHTS = 2.5 * GIB  # activations and CUDA graphs at their profiled peak
_CONTEXT = 1500  # tokens of KV that a sequence reads in a step, on average


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
    """

    text: float = 0.539e9
    vision: float = 0.457e9
    kv_bytes: int = 24 * 8 * 128 * 2 * 2
    vision_layers: int = 27
    vision_width: int = 1152


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


def derived(gpu: Gpu, serving: Serving, weights: Weights | None = None) -> Profile:
    """The profile of a model on a GPU, by :data:`FORMULA`."""
    shape = weights or Weights()
    held = (shape.text + shape.vision) * 2  # bf16
    bandwidth = _BANDWIDTH_REACHED * gpu.bandwidth
    rate = _RATE_REACHED * gpu.dense_rate
    attention = 4.0 * shape.vision_layers * shape.vision_width
    cache = _UTILIZATION * gpu.memory - held - _BEYOND_WEIGHTS
    return Profile(
        name=gpu.name,
        about=f"HunyuanOCR (1B) under vLLM on the data sheet of a {gpu.name}",
        source=FORMULA,
        speed=Speed(
            base=_HOST_SECONDS + 2 * shape.text / bandwidth,
            per_sequence=_HOST_SECONDS_PER_SEQUENCE + _CONTEXT * shape.kv_bytes / bandwidth,
            per_prefill_token=2 * shape.text / rate,
            per_patch=2 * shape.vision / rate,
            per_patch_pair=attention / (_ATTENTION_REACHED * gpu.dense_rate),
        ),
        kv_tokens=int(cache / shape.kv_bytes),
        max_num_seqs=serving.max_num_seqs,
        max_num_batched_tokens=serving.max_num_batched_tokens,
        max_model_len=serving.max_model_len,
        preprocessing=Preprocessing(0.003, 0.015),
        lengths=serving.lengths,
    )
