"""All servers of one machine: set up, started together, ended together."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from ocrgate.control.guard import Load
from ocrgate.engines.launch.command import Start
from ocrgate.engines.launch.find import Found
from ocrgate.engines.launch.gpus import Seat, sequences
from ocrgate.engines.launch.instance import Instance
from ocrgate.engines.launch.layout import Layout
from ocrgate.engines.launch.learning import Lessons
from ocrgate.engines.launch.memory import MemoryFile
from ocrgate.engines.launch.pace import Hooks, Observer, Pace, State
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.pinning import pin
from ocrgate.engines.launch.served import ServedModel
from ocrgate.errors import EngineUnavailable
from ocrgate.ports import Clock, Coming

_log = structlog.get_logger(__name__)


class Supervisor:
    """Starts the servers and keeps them running until it is closed.

    Args:
        params: what the user set.
        served: the model.
        layout: which vLLM is started, and where its servers sit.
        clock: for every wait.
        observe: told about every change of a server's state, in the event loop; it must not raise.
        hooks: what is asked of whoever sends the pages.
        pace: how often servers are looked at.
        chance: draws from [0, 1).
        wall: seconds since the epoch, for what is remembered across restarts.
        environ: what servers inherit; None means our own environment.
    """

    def __init__(
        self,
        params: VllmParams,
        served: ServedModel,
        layout: Layout,
        clock: Clock,
        observe: Observer,
        *,
        hooks: Hooks | None = None,
        pace: Pace | None = None,
        chance: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._params = params
        self._served = served
        self._layout = layout
        self._clock = clock
        self._observe = observe
        self._hooks = hooks or Hooks()
        self._pace = pace or Pace()
        self._chance = chance
        self._wall = wall
        self._environ = os.environ if environ is None else environ
        self._instances: tuple[Instance, ...] = ()
        self._running: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the servers answer, in the order of their index; empty before the start."""
        return tuple(instance.url for instance in self._instances)

    def coming(self, index: int) -> Coming:
        """How far the server of that index is, while it is not up."""
        if index < len(self._instances):
            return self._instances[index].coming()
        return Coming("vLLM: it is about to start")

    async def start(self) -> None:
        """Start all servers; return when each has read a page or failed, and one at least has.

        A server that failed beside others that work is started again and again, like one that
        dies later.

        Raises:
            EngineUnavailable: no server can be started. Nothing runs then.
        """
        try:
            self._instances = self._set_up()
            self._running = {asyncio.create_task(one.run()) for one in self._instances}
            await self._first_pages()
            await self._pin()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish the pages in flight, then end every server. Safe to call twice, and any time."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(instance.close() for instance in self._instances))

    async def _first_pages(self) -> None:
        firsts = [instance.first for instance in self._instances]
        results = await asyncio.gather(*firsts, return_exceptions=True)
        failed = [error for error in results if error is not None]
        if len(failed) == len(firsts):
            raise failed[0]

    async def _pin(self) -> None:
        """Hold on to the weights that were just served."""
        if self._served.revision is not None:
            return
        model, state = self._served.model, self._params.state
        commit = await asyncio.to_thread(pin, model, state, self._environ)
        if commit is not None:
            _log.info("model pinned", model=model, revision=commit)

    def _set_up(self) -> tuple[Instance, ...]:
        if self._closing is not None:
            raise EngineUnavailable("vLLM was stopped while it was starting")
        made = tuple(self._instance(self._layout.found, seat) for seat in self._layout.seats)
        for one in made:
            one.may_pause = partial(_all_up, tuple(other for other in made if other is not one))
        return made

    def _instance(self, found: Found, seat: Seat) -> Instance:
        most = Load(sequences(self._params, seat), self._served.pixels)
        start = Start(found.words, self._served, self._params, seat, most, found.version)
        file = MemoryFile(self._params.state, self._about(found, seat))
        return Instance(
            Lessons(start, self._pace.patience, file, self._wall),
            self._pace,
            self._hooks,
            self._clock,
            self._observe,
            chance=self._chance,
            environ=self._environ,
        )

    def _about(self, found: Found, seat: Seat) -> tuple[object, ...]:
        """Lessons hold for as long as all of this stays the same."""
        served, params = self._served, self._params
        return (
            *(served.model, served.revision, str(found.version), seat.gpus, seat.memory),
            *(params.gpu_memory, params.args, seat.index),
        )


def _all_up(others: tuple[Instance, ...]) -> bool:
    return all(other.state is State.UP for other in others)
