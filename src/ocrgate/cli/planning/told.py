"""A plan as it is shown."""

from collections.abc import Callable
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from ocrgate.load.plan.calibrate import Calibration
from ocrgate.load.plan.doubt import NAMED, doubt
from ocrgate.load.plan.outlook import NEVER, Interval, Outlook
from ocrgate.load.plan.wish import Wish


def as_json(wish: Wish, found: Outlook, fit: Calibration | None) -> dict[str, object]:
    """For programs: everything, rates of all GPUs together."""
    shown = {
        "gpu": asdict(wish.gpu),
        "gpus": wish.gpus,
        "model": wish.model.name,
        "side": wish.side,
        "deadline": wish.deadline,
        "late_allowed": wish.late,
        "pages_in_doubt": asdict(doubt(wish.pages)),
        "assumed": asdict(wish.assumed) | {"context": found.weight.context},
        **asdict(found),
    }
    if fit is not None:
        shown["calibration"] = {
            "slower": fit.assumed.slower,
            "slower_start": fit.assumed.slower_start,
            "off": fit.known.pace,
            "steps": fit.steps,
        }
    return shown


def show_plan(wish: Wish, found: Outlook, fit: Calibration | None) -> None:
    """For people: two tables and what to do with them."""
    console = Console(highlight=False)
    console.print(_head(wish, found))
    console.print(_rungs(found))
    for line in _words(wish, found, fit):
        console.print(line, soft_wrap=True)


def _head(wish: Wish, found: Outlook) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, title=_title(wish), title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    weight = found.weight
    table.add_row(
        "a mean page", f"{weight.before:,.0f} + {weight.after:,.0f} tokens", "of prompt + of text"
    )
    table.add_row(
        "KV cache, each GPU", f"{found.kv_tokens:,} tokens", f"{found.kv_pages:,.0f} mean pages"
    )
    table.add_row(
        "pages at once, each GPU", f"[bold]{found.at_once}[/]", f"bounded by {found.bound}"
    )
    table.add_row(
        "pages a second", f"[bold]{_rate(found.rate.middle)}[/]", _between(found.rate, _rate)
    )
    table.add_row(
        "pages a day",
        f"[bold]{_many(found.per_day.middle)}[/]",
        f"{_between(found.per_day, _many)}; the busiest time is {wish.peak:g} times the mean",
    )
    table.add_row("too late at that load", f"{found.late:.1%}", f"allowed are {wish.late:.1%}")
    return table


def _title(wish: Wish) -> str:
    share = f"{1 - wish.late:.0%} of the pages within {wish.deadline:g} s"
    return f"{wish.model.name} on {wish.gpus} x {wish.gpu.name}, {wish.side} pixels, {share}"


def _rungs(found: Outlook) -> Table:
    table = Table(box=box.SIMPLE, title="What more would give", title_justify="left")
    for name in ("change", "pages/s", "times", "at once", ""):
        table.add_column(name, justify="left" if name in {"change", ""} else "right")
    for rung in found.rungs:
        at_once = f"{rung.at_once}" if rung.at_once else "the same"
        table.add_row(rung.name, _rate(rung.rate), f"{rung.times:.2f}", at_once, rung.remark)
    return table


def _words(wish: Wish, found: Outlook, fit: Calibration | None) -> list[str]:
    lines = []
    if found.bound == NEVER:
        lines.append(
            f"[bold]This promise cannot be kept on a {wish.gpu.name}[/]: of pages one at a time "
            f"{found.late:.0%} come too late. Smaller pages, shorter texts, more time, or another "
            "GPU; the figures above are of the pages that come in time."
        )
    if fit is None:
        lines.append(
            "Nothing of this was measured. The intervals hold nine of ten guesses at what the data "
            "sheet does not say; a bench of one such GPU (--calibrate) makes them far narrower."
        )
    if doubt(wish.pages) == NAMED:
        lines.append(
            "Of the pages only their sort is known: the intervals allow for others in size, length "
            "and mixture. Tell their size and text (--pages 1240x1754:700), or take those of a run "
            "(--pages RUN.json)."
        )
    if fit is not None:
        lines.append(
            f"Calibrated: steps take {fit.assumed.slower:.2f} times as long as the data sheet's "
            f"model, their fixed part {fit.assumed.slower_start:.2f} times as long again, "
            f"give or take a factor of {fit.known.pace:.2f}."
        )
    lines.append(
        f"Start vLLM with --max-num-seqs {found.at_once} "
        f"--gpu-memory-utilization {wish.assumed.utilization:g}, or `ocrgate serve --engine vllm` "
        f"with engine.max_sequences = {found.at_once}; `ocrgate tune` finds the number on the GPU."
    )
    return lines


def _between(interval: Interval, shown: Callable[[float], str]) -> str:
    return f"{shown(interval.low)} to {shown(interval.high)}, nine times of ten"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _many(value: float) -> str:
    """Two figures say all that is known."""
    if value < 100:
        return f"{value:.0f}"
    digits = len(f"{value:.0f}") - 2
    return f"{round(value / 10**digits) * 10**digits:,}"
