"""A search carried out: on the virtual engine in seconds, or on a real one in minutes."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ocrgate.cli.benching.order import named_mix
from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, say
from ocrgate.cli.tuning import names
from ocrgate.cli.tuning.keeping import keeping, kept, tell_lost
from ocrgate.cli.tuning.order import Order
from ocrgate.cli.tuning.steer import Command, Still
from ocrgate.cli.tuning.words import worded
from ocrgate.errors import OcrgateError
from ocrgate.load.documents import from_files
from ocrgate.load.pages import synthetic
from ocrgate.load.probe import detect, try_out
from ocrgate.load.tune.choose import Choice, conclude
from ocrgate.load.tune.curve import why_not
from ocrgate.load.tune.evidence import sites
from ocrgate.load.tune.live import LiveTrials
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.session import Search
from ocrgate.load.tune.state import StateFile, observation
from ocrgate.load.tune.trial import History, Observation, Trial, warmup
from ocrgate.load.workload import Workload
from ocrgate.simulate.workload import MIXES

if TYPE_CHECKING:
    from ocrgate.load.tune.virtual import Shape

_Found = TypeVar("_Found")

_FIRST = 120.0  # seconds that the first page may take, at least: some servers load what they need

STATE = Path("ocrgate-tune.json")
"""Where trials are kept, unless told otherwise."""


def place_of(order: Order) -> Path | None:
    """Where trials are kept; None in virtual time, which is over in a second."""
    return None if order.given.profile else order.given.state or STATE


def search(order: Order) -> tuple[Choice, History]:
    """Do it.

    Raises:
        OcrgateError: nothing can be measured, and why.
        CommandFailed: something is in the way on this machine.
    """
    if order.given.profile is not None:
        return _virtual(order)
    return guarded(_live(order))


_ENDING = "Ending: the engine is brought back to what it was ..."
_GOES_ON = "the search was broken off; the same command goes on where it was"


def guarded(
    work: Coroutine[Any, Any, _Found], ending: str = _ENDING, broken: str = _GOES_ON
) -> _Found:
    """Run it so that Ctrl-C and SIGTERM end it in order, however often they come.

    Args:
        work: what is run.
        ending: said at the first of them, and
        broken: at the end.

    Raises:
        CommandFailed: one of them came; by then the engine is as it was.
    """
    signalled: list[int] = []

    async def run() -> _Found:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()

        def caught(number: int) -> None:
            say("" if not signalled else "Still ending ...")
            signalled.append(number)
            if len(signalled) == 1:
                say(ending)
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, caught, number)
        return await task

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        code = Exit.TERMINATED if signalled[:1] == [signal.SIGTERM] else Exit.INTERRUPTED
        raise CommandFailed(broken, code) from None


def told(order: Order, trial: Trial, seen: Observation | None, number: int) -> None:
    """Say how a trial went."""
    what = names.shown(order.space.named(trial.setting))
    if seen is None:
        length = f", {trial.length:g} times as long" if trial.length > 1 else ""
        say(
            f"[{number}/{order.rules.most(len(order.space.axes))}] {what} ({trial.purpose}{length})"
        )
        return
    site = sites((seen,))[trial.setting]
    why = why_not(site, order.rules)
    late = f", {seen.late:.1%} late" if seen.late else ""
    failed = f", {seen.failed} failed" if seen.failed else ""
    ended = f": {why}" if why else ""
    say(f"      {seen.goodput:.2f} pages/s in time{late}{failed}{ended}")


class _Teller:
    """Numbers the trials, those of an earlier run too."""

    def __init__(self, order: Order, done: int) -> None:
        self._order = order
        self._number = done

    def __call__(self, trial: Trial, seen: Observation | None) -> None:
        self._number += seen is None
        told(self._order, trial, seen, self._number)


# ------------------------------------------------------------------ virtual


def _virtual(order: Order) -> tuple[Choice, History]:
    from ocrgate.load.tune.virtual import Stand

    given = order.given
    stand = Stand(
        _shape(order),
        MIXES[named_mix(given.mix)],
        order.slo.time("e2e") or float("inf"),
        order.seconds,
        warmup(order.seconds, order.slo.time("e2e") or 0.0),
        seed=given.seed,
        max_tokens=given.max_tokens or 8192,
        first=order.slo.time("ttft") or float("inf"),
        each=order.slo.time("tpot") or float("inf"),
    )
    stand = replace(stand, watch=replace(stand.watch, failures=order.rules.failures))
    history: History = ()
    tell = _Teller(order, 0)
    while (trial := propose(history, order.space, order.rules)) is not None:
        tell(trial, None)
        seen = stand.measure(trial, len(history))
        tell(trial, seen)
        history = (*history, seen)
    return conclude(history, order.space, order.rules), history


def _shape(order: Order) -> "Shape":
    from ocrgate.load.tune.virtual import GPU_24, serving
    from ocrgate.simulate.gpus import SHEETS
    from ocrgate.simulate.profiles import profile

    name = order.given.profile or ""
    made = profile(name)
    memory = SHEETS[name].memory if name in SHEETS else GPU_24
    axes = [axis.name for axis in order.space.axes]

    whole = serving(made, memory)
    usual = {names.BATCHED: float(made.max_num_batched_tokens), names.MEMORY: 0.9}

    def shape(setting: tuple[float, ...]) -> "object":
        values = usual | dict(zip(axes, setting, strict=True))
        return whole((values[names.SEQUENCES], values[names.BATCHED], values[names.MEMORY]))

    return shape  # type: ignore[return-value]


# --------------------------------------------------------------------- live


async def _live(order: Order) -> tuple[Choice, History]:
    assert order.steer is not None
    place = order.given.state or STATE
    state = StateFile(place, order.about(), observation)
    done = kept(state, place, fresh=order.given.fresh)
    await _check(order)
    _announce(order)
    workload = _workload(order)
    if isinstance(order.steer, Still):
        await _first_page(order, workload)
    run = Search(
        order.space,
        order.rules,
        order.steer,
        trials(order, workload),
        state,
        _Teller(order, len(done)),
        partial(tell_lost, place),
        lambda error: say(f"      it did not start: {error}"),
    )
    with keeping(state, place):
        return await run.run()


def trials(order: Order, workload: Workload) -> LiveTrials:
    """How trials are made."""
    made = LiveTrials(
        workload,
        order.asking,
        order.slo,
        order.callers,
        order.api,
        not order.given.insecure,
        seconds=order.seconds,
        warmup=warmup(order.seconds, order.slo.time("e2e") or 0.0),
        words=worded,
    )
    return replace(made, watch=replace(made.watch, failures=order.rules.failures))


def _workload(order: Order) -> Workload:
    given = order.given
    if order.files:
        return from_files(order.files, whole=False, seed=given.seed)
    say(f"Drawing {given.pages} pages of the mix {given.mix} ...")
    return synthetic(MIXES[named_mix(given.mix)], given.pages, given.seed)


async def _check(order: Order) -> None:
    """What runs now must be there again afterwards; what is not touched must be there at all."""
    steer, given = order.steer, order.given
    if order.url is None:
        return
    ask = partial(detect, order.url, order.asking, api=order.api, verify=not given.insecure)
    key = order.callers.keys[0]
    if isinstance(steer, Still):
        await ask(key=key)
        return
    if isinstance(steer, Command) and not (given.restore_command or given.now):
        try:
            await ask(key=key)
        except OcrgateError:
            return  # nothing runs there, so nothing has to be brought back
        raise CommandFailed(
            f"an engine runs at {order.url}: how is it to be brought back afterwards?",
            hint="--now max-num-seqs=16 (the settings that it has now), or --restore-command",
        )


async def _first_page(order: Order, workload: Workload) -> None:
    """Send one page, so that a wrong route or key is told at once and not after a trial.

    Raises:
        OcrgateError: why it is not read, in the server's words.
    """
    given, callers = order.given, order.callers
    verify, key = not given.insecure, callers.keys[0]
    found = await detect(order.url or "", order.asking, api=order.api, key=key, verify=verify)
    patience = max(_FIRST, 3 * (order.slo.time("e2e") or 0.0))
    await try_out(worded(found), workload.documents[0], callers, patience)


def _announce(order: Order) -> None:
    most = order.rules.most(len(order.space.axes))
    each = order.seconds + warmup(order.seconds, order.slo.time("e2e") or 0.0)
    minutes = most * each / 60
    whole = f"{minutes:.0f} minutes" if minutes >= 2 else f"{60 * minutes:.0f} seconds"
    say(
        f"At most {most} trials of {order.seconds:g} s and their warm-up, so {whole} and the time "
        "of starts; longer where pages are slow or noisy, or an engine dies. Ctrl-C keeps what was "
        "measured."
    )
    sys.stderr.flush()
