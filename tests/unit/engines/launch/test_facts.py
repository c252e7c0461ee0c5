"""What vLLM logs about its capacity."""

import pytest

from ocrgate.engines.launch.facts import LaunchFacts, noticed

LINES = {
    "(Worker pid=9) INFO [gpu_worker.py:760] Available KV cache memory: 12.34 GiB": {
        "kv_gib": 12.34
    },
    "INFO GPU KV cache size: 134,016 tokens, Maximum concurrency for 40,960 tokens per request:"
    " 3.27x": {"kv_tokens": 134_016, "concurrency": 3.27},
    "INFO [kv.py:1] CPU KV cache size: 2,097,152 tokens": {"kv_tokens": 2_097_152},
    "Maximum concurrency for 8,192 tokens per request: 256.00x": {"concurrency": 256.0},
    "INFO Encoder cache will be initialized with a budget of 18432 tokens, and profiled with 1"
    " image items of the maximum feature size.": {"encoder_tokens": 18_432},
    "INFO Chunked prefill is enabled with max_num_batched_tokens=18432.": {
        "batched_tokens": 18_432
    },
    "INFO Maximum nothing of interest: 7x": {},
}


@pytest.mark.parametrize("line", LINES)
def test_capacity_is_read_from_its_lines(line: str) -> None:
    """One line in some versions, two in others."""
    assert noticed(LaunchFacts(), line) == LaunchFacts(**LINES[line])  # type: ignore[arg-type]


def test_of_several_gpus_the_least_counts() -> None:
    facts = LaunchFacts()
    for size in ("9,000", "7,000", "8,000"):
        facts = noticed(facts, f"GPU KV cache size: {size} tokens")
    assert facts.kv_tokens == 7000
