"""Engines by the kind of their parameters."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.domain.document import PageImage
from ocrgate.engines.cpu.engine import SESSION, CpuEngine, worker_count
from ocrgate.engines.cpu.known_page import known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.ports import Engine
from ocrgate.runtime.workers import PoolEvent, WorkerParams, WorkerPool

EngineParams = CpuParams
"""The engines that can be chosen, told apart by ``kind``."""

MEMORY = 2**30  # resident bytes at which a worker of the embedded engine is replaced
TIMEOUT = 120.0  # seconds; the longest page known takes about ten


@dataclass(frozen=True, slots=True)
class EngineParts:
    """An engine, the processes it works in (if any) and a page that it must be able to read."""

    engine: Engine
    pools: tuple[WorkerPool, ...]
    canary: PageImage


@functools.singledispatch
def build_engine(params: object, observe: Callable[[PoolEvent], None]) -> EngineParts:
    """Put an engine together. Nothing is started.

    Raises:
        TypeError: no engine has such parameters.
    """
    raise TypeError(f"no engine is set up by {type(params).__name__} (observed by {observe})")


@build_engine.register
def _(params: CpuParams, observe: Callable[[PoolEvent], None]) -> EngineParts:
    pool = WorkerPool(
        WorkerParams(
            factory=SESSION,
            args=(params,),
            size=worker_count(params),
            nice=params.nice,
            timeout=TIMEOUT,
            memory=MEMORY,
        ),
        observe,
    )
    return EngineParts(CpuEngine(params, pool), (pool,), known_page())
