"""Engines by name. Where a figure is from is said in each one's ``source``."""

from collections.abc import Mapping
from types import MappingProxyType

from ocrgate.errors import InvalidRequest
from ocrgate.simulate.gpus import GPUS, Serving, derived
from ocrgate.simulate.profile import (
    GIB,
    Drift,
    Lengths,
    Memory,
    Preprocessing,
    Profile,
    Speed,
)

_F = Profile(
    name="f-model",
    about="the reference engine of the control laws: 48 slots, 40,000 tokens of KV",
    source="Defined, not measured: step of 8 ms + 0.1 ms a sequence + 0.01 ms a prompt token, "
    "chunks of 4096, whole prompts reserved; about 9.2 pages/s at 32 to 48 at once.",
    speed=Speed(base=0.008, per_sequence=1e-4, per_prefill_token=1e-5),
    kv_tokens=40_000,
    max_num_seqs=48,
    max_num_batched_tokens=4096,
    lengths=Lengths(220.0, 0.6, 2048, 0.02),
)

_FOUNDING = Profile(
    name="founding-4090d",
    about="HunyuanOCR (1B) on an RTX 4090D that died in 7 of 10 runs with 64 slots",
    source="Fitted to a team's table: 22, 26 and 38 pages/s at 16, 32 and 64 slots, dead in 0, 30 "
    "and over 70 of 100 runs of two minutes. The three rates lie on no straight line, so "
    "the step's time is given by knots through them. Memory: 10 % of 24 GiB is left outside"
    " the engine, each page in the batch takes 16 MiB that was not profiled, and a "
    "neighbour takes up to 2.05 GiB for 5 s, 24 s apart on average; these three were chosen"
    " so that the deaths agree, they were not measured.",
    speed=Speed(
        base=0.0,
        per_sequence=0.0,
        per_prefill_token=8e-6,
        per_patch=4.3e-6,
        knots=((1, 0.005), (8, 0.006), (16, 0.00695), (32, 0.011), (64, 0.012)),
    ),
    kv_tokens=160_000,
    max_num_seqs=64,
    max_num_batched_tokens=8192,
    preprocessing=Preprocessing(0.002, 0.012),
    memory=Memory(
        headroom=2.4 * GIB,
        per_sequence=16 * 1024**2,
        per_patch=96 * 1024,
        profiled_patches=4 * 8192,
        neighbour=2.05 * GIB,
        wakes_per_second=1 / 19,
        holds=5.0,
    ),
    lengths=Lengths(64.0, 0.6, 1024, 0.02),
)

_TINY = Profile(
    name="tiny-cpu",
    about="a two-layer model under a real vLLM 0.32 on one CPU core, KV cut to 48 blocks",
    source="Fitted to 13 measured runs (512 x 512 pages, 16 or 512 tokens, 2 to 16 slots, 1 to 48 "
    "clients): pages/s within 10 % on average, 22 % at worst; the measurements of equal "
    "settings differ by up to 26 %. Preemptions within one of each measured count. The "
    "encoder's square term is from single pages of 1024 and 2048 pixels.",
    speed=Speed(0.003, 0.0002, 2e-5, 8e-6, 1.5e-8),
    kv_tokens=48 * 128,
    max_num_seqs=16,
    max_num_batched_tokens=2048,
    max_model_len=2048,
    block_size=128,
    preprocessing=Preprocessing(0.003, 0.008),
    lengths=Lengths(64.0, 0.8, 512, 0.02),
)

_ODD = (
    Profile(
        name="narrow",
        about="8 slots, 20,000 tokens of KV",
        source="Made up: a small cache and few slots.",
        speed=Speed(0.012, 4e-4, 2e-5, 4e-6),
        kv_tokens=20_000,
        max_num_seqs=8,
        max_num_batched_tokens=2048,
        max_model_len=8192,
    ),
    Profile(
        name="wide",
        about="256 slots, 2,000,000 tokens of KV: slots run out long before memory",
        source="Made up: a large GPU that is limited by its slots.",
        speed=Speed(0.006, 4e-5, 1e-6, 2e-7),
        kv_tokens=2_000_000,
        max_num_seqs=256,
        max_num_batched_tokens=16_384,
    ),
    Profile(
        name="fast",
        about="a step of 2 ms, 128 slots, 120,000 tokens of KV: memory runs out first",
        source="Made up: quick steps and a cache that 90 pages fill.",
        speed=Speed(0.002, 1e-5, 5e-7, 1e-7),
        kv_tokens=120_000,
        max_num_seqs=128,
        max_num_batched_tokens=8192,
    ),
    Profile(
        name="slow",
        about="a step of 60 ms, 32 slots, preparing that takes longer than reading",
        source="Made up: an old GPU behind one slow core.",
        speed=Speed(0.06, 1e-3, 1e-4, 2e-5),
        kv_tokens=60_000,
        max_num_seqs=32,
        max_num_batched_tokens=2048,
        preprocessing=Preprocessing(0.05, 0.1),
    ),
    Profile(
        name="drifting",
        about="f-model whose speed wanders by a quarter every 90 s, with 5 % noise",
        source="Made up: clocks that follow the temperature.",
        speed=_F.speed,
        kv_tokens=_F.kv_tokens,
        max_num_seqs=_F.max_num_seqs,
        max_num_batched_tokens=_F.max_num_batched_tokens,
        drift=Drift(amplitude=0.25, period=90.0, noise=0.05),
        lengths=_F.lengths,
    ),
)

_SERVING = {"h100-80gb": Serving(1024, 8192)}
_DERIVED = tuple(derived(gpu, _SERVING.get(gpu.name, Serving())) for gpu in GPUS.values())

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (_F, _FOUNDING, *_DERIVED, _TINY, *_ODD)}
)


def profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        InvalidRequest: there is none; the message names those that are.
    """
    if name not in PROFILES:
        names = ", ".join(PROFILES)
        raise InvalidRequest(f"there is no profile {name!r}; there are {names}", field="--profile")
    return PROFILES[name]
