"""A load as it goes, on a terminal; now and then a line elsewhere."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ocrgate.load.counters import Counters
from ocrgate.load.quantities import seconds
from ocrgate.load.record import OK

_EVERY = 0.25  # seconds between pictures
_LINE_EVERY = 10.0  # seconds between lines where there is no terminal
_TOLD = 6  # outcomes that are named

View = Callable[[], tuple[Counters, float]]
"""Gives the counts of the load under way and the second of the run."""


@contextlib.asynccontextmanager
async def shown(stream: TextIO, view: View) -> AsyncIterator[None]:
    """Show a load while it is held: a picture on a terminal, a line every ten seconds elsewhere."""
    painter = _paint if stream.isatty() else _write
    task = asyncio.create_task(painter(stream, view))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _paint(stream: TextIO, view: View) -> None:
    console = Console(file=stream, highlight=False)
    # Without rich's own thread: it would take the interpreter from whoever sends.
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        while True:
            live.update(picture(*view()), refresh=True)
            await asyncio.sleep(_EVERY)


async def _write(stream: TextIO, view: View) -> None:
    while True:
        await asyncio.sleep(_LINE_EVERY)
        stream.write(line(*view()) + "\n")
        stream.flush()


def line(counters: Counters, now: float) -> str:
    """A load in one line, for logs."""
    parts = [
        f"{counters.label}: {now:.0f} s",
        f"{counters.ended} done",
        f"{counters.throughput(now):.3g}/s",
        f"p50 {_time(counters, 0.5)}",
        f"p99 {_time(counters, 0.99)}",
        f"{counters.in_flight.value} in flight",
    ]
    if counters.failed:
        parts.append(_failures(counters))
    return ", ".join(parts)


def picture(counters: Counters, now: float) -> Group:
    """A load as a small table."""
    table = Table.grid(padding=(0, 2))
    table.add_row("throughput", f"{counters.throughput(now):.3g}/s{_tokens(counters, now)}")
    table.add_row("latency", "   ".join(_quantiles(counters)))
    if (first := counters.first.quantile(0.5)) is not None:
        last = counters.first.quantile(0.99) or first
        table.add_row("first text", f"p50 {seconds(first)}   p99 {seconds(last)}")
    most = f", {counters.in_flight.most} at most"
    table.add_row("in flight", f"{counters.in_flight.value}{most}")
    table.add_row("answered", f"{counters.outcomes[OK]} of {counters.ended}{_good(counters)}")
    if counters.failed:
        table.add_row("failed", Text(_failures(counters), style="red"))
    if counters.cer is not None:
        table.add_row("characters", f"{counters.cer:.1%} wrong")
    parts: list[RenderableType] = [_head(counters, now), table]
    if counters.trouble:
        parts.append(Text(counters.trouble, style="yellow"))
    return Group(*parts)


def _head(counters: Counters, now: float) -> Table:
    head = Table.grid(padding=(0, 2))
    total = (counters.ends or now) - counters.begun
    done = now - counters.begun
    if counters.requests is not None:
        total, done = float(counters.requests), float(counters.ended)
    bar = ProgressBar(total=max(total, 1e-9), completed=min(done, total), width=24)
    head.add_row(Text(counters.label, style="bold"), bar, _phase(counters, now))
    return head


def _phase(counters: Counters, now: float) -> str:
    if counters.draining:
        return "waiting for the last answers; Ctrl-C hangs up"
    if now < counters.begins:
        return f"warming up, {seconds(counters.begins - now)}"
    left = counters.left(now)
    return "" if left is None else f"{seconds(left)} left"


def _quantiles(counters: Counters) -> list[str]:
    return [f"p{share * 100:.0f} {_time(counters, share)}" for share in (0.5, 0.95, 0.99)]


def _time(counters: Counters, share: float) -> str:
    found = counters.latency.quantile(share)
    return "-" if found is None else seconds(found)


def _tokens(counters: Counters, now: float) -> str:
    rate = counters.tokens(now)
    return f"   {rate:,.0f} tokens/s" if rate else ""


def _good(counters: Counters) -> str:
    return f", {counters.late} not as promised" if counters.late else ""


def _failures(counters: Counters) -> str:
    wrong = [pair for pair in counters.outcomes.most_common() if pair[0] != OK]
    more = ", ..." if len(wrong) > _TOLD else ""
    return ", ".join(f"{name} {count}" for name, count in wrong[:_TOLD]) + more
