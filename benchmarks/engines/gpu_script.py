"""What ``tests/vllm/scripted.py`` does, for a whole batch at once; loaded inside vLLM.

One copy to the GPU and two kernels a step, whatever the batch, so that a step takes about as long
as it does with a trained model's text.
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from tests.vllm import script
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


@functools.lru_cache(maxsize=2**20)
def token(prompt_tokens: int, position: int) -> int:
    """The id at a position of a page's text."""
    return script.token(prompt_tokens, position, script.TIMES)


def _held(_prompt: Sequence[int], _output: Sequence[int], logits: Any) -> Any:
    """Keeps both lists of a request; all rows are worked on together below."""
    return logits


class Batched(AdapterLogitsProcessor):  # type: ignore[misc]  # vLLM is not in our environment
    """Leaves one possible token at every position of every request."""

    def is_argmax_invariant(self) -> bool:
        """It changes what greedy sampling picks."""
        return False

    def new_req_logits_processor(self, _params: Any) -> Any:
        """The same for every request."""
        return _held

    def apply(self, logits: Any) -> Any:
        """All rows at once."""
        if self.req_info:
            held = (one.args for one in self.req_info.values())
            ids = [token(len(prompt), len(output)) for prompt, output in held]
            placed = torch.tensor([list(self.req_info), ids]).to(logits.device)
            logits.fill_(float("-inf"))
            logits[placed[0], placed[1]] = 0.0
        return logits
