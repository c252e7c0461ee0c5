"""ONNX Runtime sessions that stay on one core and in little memory."""

import ctypes
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Tensor = NDArray[np.float32]

_NEXT_POWER_OF_TWO = 0
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGE_BLOCK = 1 << 20
_SHRINK = "memory.enable_memory_arena_shrinkage"


class Inference:
    """One network with one input and one output, both float32."""

    def __init__(self, path: Path) -> None:
        _share_arena()
        self._session = ort.InferenceSession(
            str(path), _options(), providers=["CPUExecutionProvider"]
        )
        self._input: str = self._session.get_inputs()[0].name

    def run(self, tensor: Tensor, *, shrink: bool = False) -> Tensor:
        """The output for ``tensor``; ``shrink`` hands unused memory back to the system after it."""
        options = _shrinking() if shrink else None
        return cast("Tensor", self._session.run(None, {self._input: tensor}, options)[0])


def _options() -> ort.SessionOptions:
    """One compute thread that sleeps while it waits: spinning would double the CPU time."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # input sizes differ from call to call
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


@cache
def _share_arena() -> None:
    """Let all networks of this process draw from one arena, since only one runs at a time.

    Large blocks go back to the system as soon as they are free: the C library would otherwise
    raise its own thresholds and keep up to 100 MB (mallopt(3), M_MMAP_THRESHOLD).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _LARGE_BLOCK)
    memory = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    config = ort.OrtArenaCfg({"arena_extend_strategy": _NEXT_POWER_OF_TWO})
    ort.create_and_register_allocator(memory, config)


@cache
def _shrinking() -> ort.RunOptions:
    options = ort.RunOptions()
    options.add_run_config_entry(_SHRINK, "cpu:0")
    return options
