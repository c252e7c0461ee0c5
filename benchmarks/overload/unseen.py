"""Two engines that no law was made with, and where all profiles of the bench are looked up.

They were made up once, after the laws, and nothing was changed for them since.
"""

from benchmarks.overload.strangers import PREFIX, stranger

from ocrgate.simulate.profile import Drift, Lengths, Preprocessing, Profile, Speed
from ocrgate.simulate.profiles import profile

CLIFF = Profile(
    name="cliff",
    about="steps that jump at 33 and 65 sequences, as where a captured graph ends; 96 slots",
    source="Made up: a staircase, so that throughput has two local best points.",
    speed=Speed(
        base=0.0,
        per_sequence=0.0,
        per_prefill_token=4e-6,
        per_patch=1e-6,
        knots=((1, 0.004), (32, 0.006), (33, 0.011), (64, 0.013), (65, 0.022), (96, 0.03)),
    ),
    kv_tokens=90_000,
    max_num_seqs=96,
    max_num_batched_tokens=4096,
    lengths=Lengths(120.0, 0.9, 2048, 0.02),
)

PONDEROUS = Profile(
    name="ponderous",
    about="a step of 45 ms, 200 slots, 700,000 tokens of KV in blocks of 128, prompts in small "
    "chunks, a speed that trembles",
    source="Made up: reading prompts is the bottleneck, neither slots nor memory.",
    speed=Speed(0.045, 2e-5, 1e-5, 1.2e-5),
    kv_tokens=700_000,
    max_num_seqs=200,
    max_num_batched_tokens=1024,
    block_size=128,
    watermark=0.02,
    preprocessing=Preprocessing(0.004, 0.002),
    drift=Drift(amplitude=0.1, period=37.0, noise=0.08),
    lengths=Lengths(90.0, 0.5, 1024, 0.02),
)

UNSEEN = {each.name: each for each in (CLIFF, PONDEROUS)}


def engine_profile(name: str) -> Profile:
    """The profile of that name: of ``ocrgate simulate``, of the two above, or drawn by chance.

    Raises:
        InvalidRequest: there is none.
    """
    if name.startswith(PREFIX):
        return stranger(int(name.removeprefix(PREFIX)))
    return UNSEEN.get(name) or profile(name)
