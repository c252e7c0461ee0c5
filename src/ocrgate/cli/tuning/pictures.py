"""``ocrgate tune --what side``: how small pages may be sent, by what it does to their text."""

import json
from typing import TYPE_CHECKING

from ocrgate.cli.report import CommandFailed, say, show
from ocrgate.cli.tuning.order import Order, sides
from ocrgate.cli.tuning.result import SETTINGS
from ocrgate.cli.tuning.run import guarded
from ocrgate.cli.tuning.words import worded
from ocrgate.load.documents import from_files
from ocrgate.load.pages import synthetic
from ocrgate.load.quantities import share
from ocrgate.load.tune.picture import SideChoice, SideTrial, choose_side
from ocrgate.load.tune.settings_file import write
from ocrgate.load.tune.sides import SideTrials
from ocrgate.simulate.workload import MIXES

if TYPE_CHECKING:
    from ocrgate.load.workload import Workload


def tune_side(order: Order) -> SideChoice:
    """Read the same pages at every side, print what came of it.

    Raises:
        OcrgateError: the server cannot be asked, or the text of the pages is not known.
        CommandFailed: there is no server to ask.
    """
    if order.url is None:
        raise CommandFailed("--what side needs a server that reads: give its URL")
    allowed = share(order.given.max_error_increase, "--max-error-increase")
    choice = guarded(_tried(order, order.url, allowed))
    if order.given.as_json:
        show(json.dumps(_as_json(choice, allowed), indent=2))
    else:
        for line in table(choice, allowed):
            show(line)
    if order.given.apply:
        path = order.given.config or SETTINGS
        write(path, {"engine.max_side": choice.side})
        say(f"Written into {path}")
    return choice


async def _tried(order: Order, url: str, allowed: float) -> SideChoice:
    given = order.given
    trials = SideTrials(
        _workload(order).documents,
        order.asking,
        order.slo,
        given.concurrency,
        order.callers,
        order.api,
        not given.insecure,
        worded,
    )
    found: list[SideTrial] = []
    for side in sides(given):
        say(f"Reading {len(trials.documents)} pages at {side} pixels ...")
        found.append(await trials(side, url))
    return choose_side(found, allowed)


def _workload(order: Order) -> "Workload":
    given = order.given
    if order.files:
        return from_files(order.files, whole=False, seed=given.seed)
    return synthetic(MIXES[given.mix], given.pages, given.seed)


def table(choice: SideChoice, allowed: float) -> list[str]:
    """For people: what each side costs and gives."""
    lines = [
        f"{'side':>6} {'wrong':>8} {'more than at the largest':>26} {'tokens':>8} {'pages/s':>8}"
    ]
    for line in choice.lines:
        trial = line.trial
        more = f"{line.more:+.2%}, surely under {line.surely:.2%}"
        mark = " <- recommended" if trial.side == choice.side else ""
        refused = "" if line.allowed else " (loses too much text)"
        tokens = f"{trial.tokens:,.0f}" if trial.tokens else "-"
        lines.append(
            f"{trial.side:>6} {trial.error:>8.2%} {more:>26} {tokens:>8} {trial.goodput:>8.2f}"
            f"{refused}{mark}"
        )
    lines += [
        "",
        (
            f"Allowed are {allowed:.2%} more wrong characters than at the largest side "
            "(--max-error-increase). The bound holds with 95 %, on these pages."
        ),
        f"engine.max_side = {choice.side}",
    ]
    return lines


def _as_json(choice: SideChoice, allowed: float) -> dict[str, object]:
    return {
        "recommended": {"side": choice.side},
        "max_error_increase": allowed,
        "tried": [
            {
                "side": line.trial.side,
                "cer": line.trial.error,
                "cer_increase": line.more,
                "cer_increase_at_most": line.surely,
                "allowed": line.allowed,
                "goodput": line.trial.goodput,
                "input_tokens": line.trial.tokens,
            }
            for line in choice.lines
        ],
    }
