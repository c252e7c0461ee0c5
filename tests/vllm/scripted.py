"""Makes vLLM write what :mod:`tests.vllm.script` says; loaded inside vLLM, by its own option."""

from collections.abc import Sequence
from typing import Any

from tests.vllm import script
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


def _only_the_script(prompt: Sequence[int], output: Sequence[int], logits: Any) -> Any:
    wanted = script.token(len(prompt), len(output))
    logits.fill_(float("-inf"))
    logits[wanted] = 0.0
    return logits


class Script(AdapterLogitsProcessor):  # type: ignore[misc]  # vLLM is not in our environment
    """Leaves one possible token at every position of every request."""

    def is_argmax_invariant(self) -> bool:
        """It changes what greedy sampling picks."""
        return False

    def new_req_logits_processor(self, params: Any) -> Any:
        """The same for every request."""
        return _only_the_script
