"""How far a start is, from real lines of vLLM."""

from functools import reduce

import pytest

from ocrgate.engines.launch.stages import FIRST, stage

LINES = {
    "(APIServer pid=7) INFO 11-26 14:23:00 [model.py:2152] Using max model len 4992": FIRST,
    "model.safetensors:  40%|####      | 812M/2.03G [00:07<00:11]": "it downloads the model, 40 %",
    "(Worker pid=9) INFO 11-26 14:23:34 [cpu_model_runner.py:68] Starting to load model /m...": (
        "it loads the weights"
    ),
    "Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01]": (
        "it loads the weights, 50 %"
    ),
    "(Worker pid=9) INFO 11-26 [backends.py:1] Dynamo bytecode transform time: 4.20 s": (
        "it compiles"
    ),
    "(EngineCore pid=8) INFO [kv_cache_utils.py:2327] CPU KV cache size: 12,288 tokens": (
        "it lays out its cache"
    ),
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 100%|##| 35/35": (
        "it captures CUDA graphs, 100 %"
    ),
    "(APIServer pid=7) INFO [entry.py:140] Starting vLLM server on http://127.0.0.1:58519": (
        "it reads a first page"
    ),
}


@pytest.mark.parametrize(("line", "words"), LINES.items())
def test_a_line_tells_the_stage(line: str, words: str) -> None:
    assert stage(FIRST, line) == words


def test_what_says_nothing_changes_nothing_and_no_line_goes_out() -> None:
    """Nothing of the machine stands in what strangers read."""
    noise = "INFO [core.py:1] config: model='/home/ann/secret', 37% of nothing"
    assert stage("it compiles", noise) == "it compiles"
    told = [stage(FIRST, f"{line} /home/ann/secret") for line in LINES]
    assert not any("secret" in words or "http" in words for words in told)


def test_the_last_line_counts() -> None:
    assert reduce(stage, LINES, FIRST) == "it reads a first page"
