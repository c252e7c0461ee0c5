"""Is the cost that is computed from an image's size what a real vLLM counts? For 200 random sizes.

Each size is sent twice: to ``/tokenize``, which only prepares the image, and as a page of which one
token is written, whose ``usage.prompt_tokens`` is what is billed and what fills the cache.

    python -m benchmarks.engines.token_cost [--sizes 200] [--seed 1]
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from benchmarks.engines.stand import vllm
from tests.vllm.calls import CHAT
from tests.vllm.pages import completion
from tests.vllm.reading import RECIPE
from tests.vllm.server import Vllm

from ocrgate.engines.recipes.families.hunyuan import MARKERS
from ocrgate.errors import InvalidRequest

Size = tuple[int, int]
REFUSED = -1


def counted(server: Vllm, size: Size) -> tuple[int, int]:
    """Prompt tokens by ``/tokenize`` and by ``usage``; REFUSED for a 400."""
    status, text = server.post("/tokenize", completion(*size))
    tokens = json.loads(text)["count"] if status == 200 else REFUSED
    status, text = server.post(CHAT, completion(*size, max_tokens=1))
    usage = json.loads(text)["usage"]["prompt_tokens"] if status == 200 else REFUSED
    return tokens, usage


def computed(size: Size, words: int) -> int:
    """What we say, before anything is sent."""
    try:
        return words + MARKERS + RECIPE.cost.tokens(*size)
    except InvalidRequest:
        return REFUSED


def measure(server: Vllm, count: int, seed: int) -> None:
    """Compare all sizes; print what differs and a summary."""
    rng = random.Random(seed)
    sizes = [(int(8 * 400 ** rng.random()), int(8 * 400 ** rng.random())) for _ in range(count)]
    words = counted(server, (512, 512))[0] - MARKERS - RECIPE.cost.tokens(512, 512)
    start, wrong, refused, costs = time.monotonic(), 0, 0, []
    for size in sizes:
        ours, theirs = computed(size, words), counted(server, size)
        refused += ours == REFUSED
        costs.append(ours)
        if theirs != (ours, ours):
            wrong += 1
            print(
                f"{size[0]} x {size[1]}: computed {ours}, /tokenize {theirs[0]}, usage {theirs[1]}"
            )
    seen = [cost for cost in costs if cost != REFUSED]
    print(
        f"{count} sizes of 8 to 3200 pixels a side, {min(seen)} to {max(seen)} tokens, {refused} "
        f"too narrow on both sides: {count - wrong} exact, {wrong} wrong "
        f"({time.monotonic() - start:.0f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, vllm(Path(folder)) as server:
        measure(server, options.sizes, options.seed)


if __name__ == "__main__":
    main()
