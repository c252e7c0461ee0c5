"""Engines by the kind of their parameters."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from ocrgate.control.guard import Load
from ocrgate.domain.document import PageImage
from ocrgate.engines.cpu.engine import SESSION, CpuEngine, worker_count
from ocrgate.engines.cpu.known_page import known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.launch.gpus import sequences
from ocrgate.engines.launch.layout import Layout, layout
from ocrgate.engines.launch.pace import Hooks, Observer
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.probe import url_of
from ocrgate.engines.launch.served import ServedModel, recipe_of, served
from ocrgate.engines.launch.supervisor import Supervisor
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.images import canary
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.engines.recipes import Recipe
from ocrgate.ports import Engine
from ocrgate.runtime.clock import LoopClock
from ocrgate.runtime.launched import Launch, Watched
from ocrgate.runtime.workers import PoolEvent, WorkerParams, WorkerPool

EngineParams = CpuParams | OpenAIParams | VllmParams
"""The engines that can be chosen, told apart by ``kind``."""

MEMORY = 2**30  # resident bytes at which a worker of the embedded engine is replaced
TIMEOUT = 120.0  # seconds; the longest page known takes about ten


def _nobody(_watched: Watched) -> None:
    """Nothing comes and goes."""


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What reads pages.

    Attributes:
        engines: one, or several of the same kind: the replicas.
        canary: a page that they must be able to read.
        pools: the processes that they work in, if any.
        watch: called with whoever is to be told which servers come and go.
        here: whether it works on the GPUs of this machine.
    """

    engines: Sequence[Engine]
    canary: PageImage
    pools: tuple[WorkerPool, ...] = ()
    watch: Callable[[Watched], None] = _nobody
    here: bool = False


@functools.singledispatch
def build_engine(params: object, observe: Callable[[PoolEvent], None]) -> EngineParts:
    """Put an engine together. Nothing is started.

    Raises:
        TypeError: no engine has such parameters.
        EngineUnavailable: what it needs is not on this machine.
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
    return EngineParts((CpuEngine(params, pool),), known_page(), (pool,))


@build_engine.register
def _(params: OpenAIParams, observe: Callable[[PoolEvent], None]) -> EngineParts:
    del observe  # it has no processes
    engines = tuple(OpenAIEngine(params, url, LoopClock()) for url in params.url)
    return EngineParts(engines, canary(), here=all(map(_is_here, params.url)))


@build_engine.register
def _(params: VllmParams, observe: Callable[[PoolEvent], None]) -> EngineParts:
    del observe  # its processes are watched by their supervisor
    recipe = recipe_of(params)
    model = served(recipe, params)
    place = layout(params, model, os.environ)
    placed = place.seats
    most = Load(min(sequences(params, seat) for seat in placed), model.pixels)
    launch = Launch(
        partial(_supervisor, params, model, place),
        partial(_fitted, params, recipe, model, ranks=placed[0].ranks),
        [url_of(params.host, seat.port) for seat in placed],
        most,
    )
    here = not any(seat.cpu for seat in placed)
    return EngineParts(launch.engines, canary(), watch=launch.watch, here=here)


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def _supervisor(
    params: VllmParams, model: ServedModel, place: Layout, observe: Observer, hooks: Hooks
) -> Supervisor:
    return Supervisor(params, model, place, LoopClock(), observe, hooks=hooks)


def _fitted(
    params: VllmParams, recipe: Recipe, model: ServedModel, url: str, load: Load, *, ranks: int
) -> OpenAIEngine:
    """The engine for a server that was started for ``load``."""
    if load.pixels < model.pixels:
        recipe = recipe.capped(load.pixels)
    page_side = OpenAIParams(
        url=(url,),
        model=model.name,
        server="vllm",
        api_key=os.environ.get("VLLM_API_KEY"),  # which vLLM inherits and then asks for
        slots=None if params.slots is None else min(load.sequences * ranks, params.slots),
        most=load.sequences * ranks,
        max_side=params.max_side,
        lossless=params.lossless,
        stall=params.stall,
        first_token=params.first_token,
        custom_prompts=params.custom_prompts,
        max_tokens=params.max_tokens,
        encoder_tokens=model.page_tokens(load.pixels),
    )
    return OpenAIEngine(page_side, url, LoopClock(), recipe=recipe)
