"""Makes vLLM write what :mod:`tests.vllm.script` says; loaded inside vLLM, by its own option."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
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


class Dying(Script):
    """Dies for want of memory in the words of an H100, with some pages in the batch."""

    def apply(self, logits: Any) -> Any:
        """The script, or the end."""
        flag = Path(os.environ[script.DIES])
        if len(self.req_info) >= 4 and flag.exists():
            flag.unlink()
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 32.00 MiB. GPU 0 has a total capacity of "
                "79.18 GiB of which 2.62 MiB is free. Including non-PyTorch memory, this process "
                "has 612.00 MiB memory in use. Process 1625 has 78.56 GiB memory in use."
            )
        return super().apply(logits)
