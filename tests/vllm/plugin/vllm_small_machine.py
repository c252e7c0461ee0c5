"""Two fixes for vLLM 0.32.0 on a small machine without a GPU, loaded by vLLM itself as a plugin.

1. Its oneDNN linear layer insists on an input whose last axis is dense in memory, but the model's
   patch merger hands over a transposed one: the first image would end the engine with
   `Expected a.stride(-1) == 1`. Copying such an input first is all that is missing.
2. Its processes wait for each other by calling `sched_yield` in a loop. With two cores that takes
   one of them whole, and some kernels (6.18 was seen) then let every other process stand still for
   seconds: clients and gateway would time vLLM's waiting, not its work. Here they take a nap.
"""

import time
from functools import wraps
from typing import Any

NAP = 50e-6  # seconds; a step of the tiny model takes some milliseconds


def register() -> None:
    """Apply both once per process; vLLM may call this several times."""
    # Here, since only vLLM's processes have it.
    from vllm.distributed.device_communicators import shm_broadcast

    from vllm import _custom_ops

    shm_broadcast.sched_yield = lambda: time.sleep(NAP)
    inner = _custom_ops.onednn_mm
    if hasattr(inner, "__wrapped__"):
        return

    @wraps(inner)
    def dense_mm(handler: Any, activations: Any, bias: Any) -> Any:
        return inner(handler, activations.contiguous(), bias)

    _custom_ops.onednn_mm = dense_mm
