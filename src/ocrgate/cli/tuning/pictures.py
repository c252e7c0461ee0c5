"""``ocrgate tune --what side``: how small pages may be sent, by what it does to their text."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ocrgate.cli.benching.order import named_mix
from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, say, show
from ocrgate.cli.tuning.keeping import keeping, kept, tell_lost, written
from ocrgate.cli.tuning.order import SETTINGS, Order, sides
from ocrgate.cli.tuning.run import guarded
from ocrgate.cli.tuning.words import worded
from ocrgate.load.documents import from_files
from ocrgate.load.pages import synthetic
from ocrgate.load.quantities import share
from ocrgate.load.tune.picture import LEAST_PAGES, SideChoice, SideTrial, choose_side
from ocrgate.load.tune.settings_file import write
from ocrgate.load.tune.side_picture import side_svg
from ocrgate.load.tune.sides import SideTrials
from ocrgate.load.tune.state import StateFile, side_trial
from ocrgate.simulate.workload import MIXES

if TYPE_CHECKING:
    from ocrgate.load.workload import Workload


STATE = Path("ocrgate-tune-side.json")
"""Where sides that were read are kept, unless told otherwise."""

_NO_TEXT = 0.5  # of the characters wrong: the server does not read


def tune_side(order: Order) -> SideChoice:
    """Read the same pages at every side, print what came of it.

    Raises:
        OcrgateError: the server cannot be asked, or the text of the pages is not known.
        CommandFailed: there is no server to ask.
    """
    if order.url is None:
        raise CommandFailed("--what side needs a server that reads: give its URL")
    allowed = share(order.given.max_error_increase, "--max-error-increase")
    choice = guarded(_tried(order, order.url, allowed), ending="Ending ...")
    with written(order.given.state or STATE):
        _told(order, choice, allowed)
    return choice


def _told(order: Order, choice: SideChoice, allowed: float) -> None:
    """Print, draw and write what was found."""
    if order.given.as_json:
        show(json.dumps(_as_json(choice, allowed), indent=2))
    else:
        for line in table(choice, allowed):
            show(line)
    if order.given.plot is not None:
        order.given.plot.write_text(side_svg(choice, allowed), encoding="utf-8")
        say(f"The picture is in {order.given.plot}")
    if order.given.apply:
        path = order.given.config or SETTINGS
        write(path, {"engine.max_side": choice.side})
        say(f"Written into {path}")


async def _tried(order: Order, url: str, allowed: float) -> SideChoice:
    given = order.given
    place = given.state or STATE
    state = StateFile(place, _about(order), side_trial)
    found = {trial.side: trial for trial in kept(state, place, fresh=given.fresh)}
    trials = SideTrials(
        _workload(order).documents,
        order.asking,
        given.concurrency,
        order.callers,
        order.api,
        not given.insecure,
        worded,
        told=lambda text: say(f"      {text}"),
    )
    wanted, count = sides(given), len(trials.documents)
    if count < LEAST_PAGES:
        say(f"{count} pages say what a side costs, but {LEAST_PAGES} are needed to recommend one.")
    with keeping(state, place):
        state.check()
        for side in wanted:
            if side in found:
                continue
            say(f"Reading {count} pages at {side} pixels ...")
            found[side] = seen = await trials(side, url)
            say(f"      {_in_short(seen)}")
            if side == wanted[0]:
                _check(seen)
            state.keep(tuple(found.values()), partial(tell_lost, place))
    return choose_side([found[side] for side in wanted], allowed)


def _about(order: Order) -> dict[str, object]:
    """What a side's trial holds for: other sides may be asked for afterwards, and less or more
    text be allowed to be lost.
    """
    given = order.given
    looks = [at.stat() for at, _ in order.files]
    return {
        "what": "side",
        "target": order.url,
        "pages": [given.mix, given.pages, given.seed, [str(at) for at, _ in order.files]],
        "files": [(look.st_size, look.st_mtime_ns) for look in looks],
        "asking": [given.api, given.model, given.prompt, given.max_tokens, given.concurrency],
    }


def _check(largest: SideTrial) -> None:
    """Whether there is a text to lose at all."""
    if not largest.read:
        raise CommandFailed(
            f"no page was read at {largest.side} pixels: {largest.why}", Exit.ENGINE
        )
    if largest.error > _NO_TEXT:
        raise CommandFailed(
            f"{largest.error:.0%} of the characters are wrong at {largest.side} pixels: there is "
            "no text that a smaller side could lose",
            Exit.MISSED,
            hint="a simulated engine does not read; else try files of yours with their texts",
        )


def _in_short(seen: SideTrial) -> str:
    unread = f", {seen.unread} not read ({seen.why})" if seen.unread else ""
    return f"{seen.goodput:.2f} pages/s, {seen.error:.2%} of the characters wrong{unread}"


def _workload(order: Order) -> "Workload":
    given = order.given
    if order.files:
        return from_files(order.files, whole=False, seed=given.seed)
    return synthetic(MIXES[named_mix(given.mix)], given.pages, given.seed)


def table(choice: SideChoice, allowed: float) -> list[str]:
    """For people: what each side costs and gives."""
    lines = [
        f"{'side':>6} {'wrong':>8} {'more than at the largest':>28} {'tokens':>8} {'pages/s':>8}"
    ]
    for line in choice.lines:
        trial = line.trial
        more = f"{line.more:+.2%}, surely under {line.surely:.2%}"
        more = more if line is not choice.lines[0] else "-"
        mark = " <- recommended" if trial.side == choice.side else ""
        why = f" ({line.why_not})" if line.why_not else ""
        tokens = f"{trial.tokens:,.0f}" if trial.tokens else "-"
        lines.append(
            f"{trial.side:>6} {trial.error:>8.2%} {more:>28} {tokens:>8} {trial.goodput:>8.2f}"
            f"{why}{mark}"
        )
    return [*lines, "", *_words(choice, allowed), f"engine.max_side = {choice.side}"]


def _words(choice: SideChoice, allowed: float) -> list[str]:
    first = choice.lines[0].trial
    told = [
        (
            f"Allowed are {allowed:.2%} more wrong characters than at {first.side} pixels "
            "(--max-error-increase). The bound holds with 95 % for pages like these; a fault that "
            f"shows on one page in {max(1, len(first.read) // 3)} may have been missed."
        )
    ]
    if first.unread:
        told.append(
            f"{first.unread} pages were not read at {first.side} pixels ({first.why}) and are left "
            "out of the comparison."
        )
    if choice.side == first.side:
        told.append("No smaller side gives more and surely keeps the text.")
    return told


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
                "unread": line.trial.unread,
                "allowed": not line.why_not,
                "why_not": line.why_not or None,
                "goodput": line.trial.goodput,
                "input_tokens": line.trial.tokens,
            }
            for line in choice.lines
        ],
    }
