"""Makes vLLM write what :mod:`tests.vllm.script` says; loaded inside vLLM, by its own option."""

from collections.abc import Sequence
from typing import Any

from tests.vllm import script
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


def _only(wanted: int, logits: Any) -> Any:
    logits.fill_(float("-inf"))
    logits[wanted] = 0.0
    return logits


def _the_script(prompt: Sequence[int], output: Sequence[int], logits: Any) -> Any:
    return _only(script.token(len(prompt), len(output)), logits)


def _four_times_as_long(prompt: Sequence[int], output: Sequence[int], logits: Any) -> Any:
    return _only(script.token(len(prompt), len(output), script.TIMES), logits)


class Script(AdapterLogitsProcessor):  # type: ignore[misc]  # vLLM is not in our environment
    """Leaves one possible token at every position of every request."""

    def is_argmax_invariant(self) -> bool:
        """It changes what greedy sampling picks."""
        return False

    def new_req_logits_processor(self, params: Any) -> Any:
        """The same for every request."""
        return _the_script


class Lengthy(Script):
    """The same with texts that are longer, for a cache that they shall fill."""

    def new_req_logits_processor(self, params: Any) -> Any:
        """The same for every request."""
        return _four_times_as_long
