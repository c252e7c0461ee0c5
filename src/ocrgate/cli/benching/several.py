"""Several servers in turn under the same load: ``ocrgate bench URL --compare URL``."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ocrgate.cli.benching import summary
from ocrgate.cli.benching.order import Order
from ocrgate.cli.benching.run import Outcome, perform
from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, describe, say, show
from ocrgate.errors import EngineError, OcrgateError
from ocrgate.load.compare import Contender, names, table
from ocrgate.load.report.tables import plain
from ocrgate.load.report.words import Words


@dataclass(frozen=True, slots=True)
class Turn:
    """One server's turn: how it ended, or why it could not begin."""

    order: Order
    outcome: Outcome | None = None
    failure: OcrgateError | CommandFailed | OSError | None = None


def orders(order: Order, urls: Sequence[str]) -> list[Order]:
    """The same for each server; records are numbered, pages of metrics are given one for each.

    Raises:
        CommandFailed: pages of metrics that do not match the servers.
    """
    targets = [order.url, *urls]
    pages = order.metrics
    if pages and len(pages) != len(targets):
        raise CommandFailed("--metrics is given once for each server in their order, or not at all")
    return [
        replace(
            order,
            url=url,
            out=numbered(order.out, place),
            metrics=pages if not pages else (pages[place],),
        )
        for place, url in enumerate(targets)
    ]


def numbered(out: Path | None, place: int) -> Path | None:
    """Where the record of a server goes: ``run.json``, ``run.2.json``, ``run.3.json``…"""
    if out is None or place == 0:
        return out
    return out.with_name(f"{out.stem}.{place + 1}{out.suffix}")


def perform_all(plan: Sequence[Order]) -> list[Turn]:
    """Each server's turn. One that cannot be tested does not spoil it for the others."""
    turns: list[Turn] = []
    for order in plan:
        try:
            turns.append(Turn(order, perform(order)))
        except (OcrgateError, CommandFailed, OSError) as error:
            say(f"{order.url}: {describe(error)[0]}")
            turns.append(Turn(order, failure=error))
        if (ended := turns[-1].outcome) is not None and ended.signalled:
            break  # whoever stops one run wants to stop
    return turns


def tell(turns: Sequence[Turn], *, as_json: bool) -> Exit:
    """Print the table of all and the code of the worst."""
    words = Words()
    contenders = _contenders(turns, words)
    if as_json:
        show(json.dumps(_json(turns, contenders), indent=2, ensure_ascii=False))
    else:
        show(plain(table(contenders, words)))
    kept = [turn for turn in turns if turn.outcome and turn.outcome.unwritten is None]
    paths = [shlex.quote(str(turn.order.out)) for turn in kept if turn.order.out]
    for turn in kept if paths else []:
        say(f"The whole record of {turn.order.url} is in {turn.order.out}")
    if paths:
        say(f"`ocrgate report {' '.join(paths)}` draws {'them' if len(paths) > 1 else 'it'}")
    return max((_code(turn) for turn in turns), default=Exit.OK)


def _contenders(turns: Sequence[Turn], words: Words) -> list[Contender]:
    kinds = [t.outcome.record.run.target.kind if t.outcome else "" for t in turns]
    called = names([turn.order.url for turn in turns], kinds)
    return [
        Contender(name, turn.outcome.record if turn.outcome else None, _trouble(turn, words))
        for name, turn in zip(called, turns, strict=True)
    ]


def _trouble(turn: Turn, words: Words) -> str:
    if turn.failure is not None:
        return words("stability.unreachable", why=describe(turn.failure)[0])
    if turn.outcome is not None and turn.outcome.gone:
        return words("stability.gone", why=turn.outcome.gone)
    return ""


def _code(turn: Turn) -> Exit:
    """How one turn ended; a missed SLO counts least."""
    if turn.failure is not None:
        return Exit.ENGINE if isinstance(turn.failure, EngineError) else describe(turn.failure)[2]
    outcome = turn.outcome
    if outcome is None:
        return Exit.OK
    if outcome.signalled:
        return Exit.INTERRUPTED if outcome.signalled == 2 else Exit.TERMINATED
    if outcome.unwritten is not None:
        say(f"ocrgate: {turn.order.out} could not be written: {outcome.unwritten}")
        return Exit.ENVIRONMENT
    nothing = summary.why_nothing(outcome.record)
    if nothing is not None or outcome.gone:
        return Exit.REFUSED if nothing and nothing.refused else Exit.ENGINE
    held = all(verdict.held for step in outcome.record.steps for verdict in step.verdicts)
    return Exit.OK if held else Exit.MISSED


def _json(turns: Sequence[Turn], contenders: Sequence[Contender]) -> dict[str, object]:
    return {
        "ocrgate_bench_servers": 1,
        "servers": [
            {
                "name": contender.name,
                "url": turn.order.url,
                "trouble": contender.trouble,
                "run": summary.as_json(contender.record) if contender.record else None,
            }
            for turn, contender in zip(turns, contenders, strict=True)
        ],
    }
