"""One run of ``ocrgate bench``: find the target, make the work, hold the loads, keep the record."""

import asyncio
import contextlib
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ocrgate.cli.benching.gpus import GpuMeter
from ocrgate.cli.benching.order import Order, with_prompt
from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, say
from ocrgate.errors import InvalidRequest
from ocrgate.load.documents import from_files
from ocrgate.load.journal import Journal
from ocrgate.load.live import shown
from ocrgate.load.pages import synthetic
from ocrgate.load.probe import detect, try_out
from ocrgate.load.record import OK, Record
from ocrgate.load.runner import Offer, Session, describe
from ocrgate.load.sampling import Meter, MetricsPage, Reading, own_page
from ocrgate.load.sending import Result
from ocrgate.load.targets import PROMPT, Api, Endpoint
from ocrgate.load.workload import Workload
from ocrgate.settings import is_loopback
from ocrgate.simulate.workload import MIXES
from ocrgate.telemetry.gpu import open_nvml

_PATIENCE = 2.0  # seconds of preparation that need no word


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        record: of what was measured.
        gone: why the target was given up; empty where it was not.
        signalled: the signal that ended it early; 0 without one.
        unwritten: why the record is not where it should be; None where it is.
    """

    record: Record
    gone: str = ""
    signalled: int = 0
    unwritten: OSError | None = None


def perform(order: Order) -> Outcome:
    """Do all of it.

    Raises:
        OcrgateError: the target cannot be tested, and why.
        OSError: a file cannot be read, or the record not be begun.
        CommandFailed: Ctrl-C while the run was prepared.
    """
    _raise_file_limit()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_perform(order))
    except KeyboardInterrupt:  # at the end of the loop too; later ones have something to keep
        message = "interrupted before anything was measured"
        raise CommandFailed(message, Exit.INTERRUPTED) from None


def _raise_file_limit() -> None:
    """A connection is a file, and an open loop may need thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):  # not allowed here: then with what there is
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for this system
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _perform(order: Order) -> Outcome:
    endpoint = await _endpoint(order)
    workload = _workload(order, endpoint)
    smallest = min(workload.documents, key=lambda document: len(document.data))
    _tried(endpoint, await try_out(endpoint, smallest, order.callers, order.span.timeout))
    offer = Offer(workload, order.callers, order.slo)
    run = describe(endpoint, offer, order.loads[0], order.span, order.command)
    if len(order.loads) > 1:
        run.arrivals["law"] = "; ".join(load.name for load in order.loads)
    journal = Journal(order.out, run)
    stop = _Stop()
    meters = await _meters(order, endpoint)
    async with Session(endpoint, offer, journal, meters=meters, stop=stop.event) as session:
        with stop:
            async with shown(sys.stderr, lambda: (session.counters, session.now)):
                for load in order.loads:
                    if not (stop.event.is_set() or session.gone):
                        await session.hold(load, order.span)
        gone = session.gone
    if stop.signalled:
        at = journal.steps[-1].ends if journal.steps else 0.0
        journal.event(at, "interrupted", signal.Signals(stop.signalled).name)
    try:
        record = journal.close()
    except OSError as error:
        return Outcome(journal.record(), gone, stop.signalled, error)
    return Outcome(record, gone, stop.signalled)


async def _endpoint(order: Order) -> Endpoint:
    key = order.callers.keys[0]
    endpoint = await detect(order.url, order.asking, api=order.api, key=key, verify=order.verify)
    if endpoint.api is Api.OPENAI and not endpoint.asking.model:
        raise InvalidRequest("the server does not say what its model is called", field="--model")
    if endpoint.api is Api.OPENAI and not endpoint.asking.prompt:
        words = PROMPT if endpoint.kind == "ocrgate" else _words_for(endpoint.asking.model)
        endpoint = replace(endpoint, asking=with_prompt(endpoint.asking, words))
    return endpoint


def _words_for(model: str) -> str:
    """What the model is used to be asked with, where its recipe is known."""
    from ocrgate.domain.recognition import PageRequest
    from ocrgate.engines.recipes import recipe_for
    from ocrgate.engines.recipes.catalogue import UnsupportedModel

    try:
        return recipe_for(model).instruction(PageRequest()).text or PROMPT
    except UnsupportedModel:
        return PROMPT


def _workload(order: Order, endpoint: Endpoint) -> Workload:
    told = _Told("files" if order.files else "pages")
    if order.files:
        whole = endpoint.whole_documents
        return from_files(order.files, whole=whole, seed=order.span.seed, told=told)
    return synthetic(MIXES[order.mix], order.pages, order.span.seed, told)


def _tried(endpoint: Endpoint, results: list[Result]) -> None:
    served = f" ({endpoint.asking.model})" if endpoint.asking.model else ""
    where = endpoint.address.url + endpoint.address.path
    say(f"{where}: {endpoint.kind or endpoint.api} {endpoint.version}".rstrip() + served)
    for result in results:
        if result.outcome != OK:
            say(f"WARNING: it is full before the run begins: {result.message}")
            return


async def _meters(order: Order, endpoint: Endpoint) -> tuple[Meter, ...]:
    """What can be read beside the load: what was named, else the target's own page of metrics."""
    key = order.callers.keys[0]
    if order.metrics is None:
        own = await own_page(endpoint, key)
        pages = [own] if own is not None else []
    else:
        pages = [await _named_page(url, key, order.metrics) for url in order.metrics]
    meters: list[Meter] = [page for page, _ in pages]
    told = {name for _, readings in pages for name, *_ in readings}
    near = is_loopback(endpoint.address.host) and order.metrics != ()
    if near and not any(name.startswith("gpu_") for name in told):
        meters += await asyncio.to_thread(_gpus)
    return tuple(meters)


_Page = tuple[MetricsPage, list[Reading]]


async def _named_page(url: str, key: str, named: Sequence[str]) -> _Page:
    page = MetricsPage(url, key, name=f"{named.index(url) + 1}" if len(named) > 1 else "")
    if (readings := await page.read()) is None:
        page.close()
        raise CommandFailed(f"--metrics {url}: no page of metrics that are known", Exit.ENGINE)
    return page, readings


def _gpus() -> list[Meter]:
    """The GPUs of this machine, where there are any and NVML's binding is installed."""
    source = open_nvml()
    return [] if source is None else [GpuMeter(source)]


class _Told:
    """Says that pages are being made, where that takes a while."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = time.monotonic()
        self._said = False

    def __call__(self, done: int, total: int) -> None:
        if not self._said and time.monotonic() - self._begun > _PATIENCE and done < total:
            self._said = True
            say(f"Preparing {total} {self._what}")


class _Stop:
    """Ctrl-C and SIGTERM: the first ends the run and keeps what was measured."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signalled = 0
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._caught, number)

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.remove_signal_handler(number)

    def _caught(self, number: int) -> None:
        self.signalled = self.signalled or number
        self.event.set()
