"""``ocrgate bench``: put a load on a server and say what it came to."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ocrgate.cli.benching import options
from ocrgate.cli.exit import Exit
from ocrgate.cli.options import ForceOption, JsonOption
from ocrgate.cli.report import CommandFailed, say, show

if TYPE_CHECKING:
    from ocrgate.cli.benching.order import Order
    from ocrgate.cli.benching.run import Outcome
    from ocrgate.load.record import Record


def bench(
    url: options.Url,
    files: options.Files = None,
    *,
    concurrency: options.Concurrency = None,
    rate: options.Rate = None,
    burstiness: options.Burstiness = 1.0,
    ramp: options.Ramp = None,
    trace: options.Trace = None,
    duration: options.Duration = None,
    requests: options.Requests = None,
    warmup: options.Warmup = None,
    think: options.Think = "0",
    timeout: options.Timeout = "60s",
    retries: options.Retries = 0,
    seed: options.Seed = 0,
    mix: options.Mix = "ocr",
    pages: options.Pages = 64,
    api: options.Api = None,
    key: options.Key = None,
    key_shares: options.KeyShares = None,
    lanes: options.Lanes = None,
    model: options.Model = "",
    prompt: options.Prompt = "",
    max_tokens: options.MaxTokens = 2048,
    no_stream: options.NoStream = False,
    form: options.Form = "",
    header: options.Header = None,
    insecure: options.Insecure = False,
    slo: options.Slo = None,
    metrics: options.Metrics = None,
    compare: options.Compare = None,
    out: options.Out = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a load on a server that reads pages, and say what it came to.

    The server may be ocrgate, vLLM, whatever speaks OpenAI's or Mistral's contract, or any route
    that takes a file. Latency counts from when a request was due. Ctrl-C keeps what was measured.
    """
    given = dict(locals())  # by the names of the options, before anything else has a name here
    from ocrgate.cli.benching.order import Given, checked
    from ocrgate.cli.benching.run import perform
    from ocrgate.load.record import shown_command

    command = shown_command(["ocrgate", *sys.argv[1:]])
    others = given.pop("compare") or ()
    order = checked(Given(**given), command)
    if others:
        _compare(order, others, force=force, as_json=as_json)
        return
    _check_out(out, force=force)
    _finish(perform(order), out, as_json=as_json)


def _compare(order: "Order", others: Sequence[str], *, force: bool, as_json: bool) -> None:
    """The same load on several servers in turn, and a table of them."""
    from ocrgate.cli.benching import several

    plan = several.orders(order, others)
    for each in plan:
        _check_out(each.out, force=force)
    if (code := several.tell(several.perform_all(plan), as_json=as_json)) is not Exit.OK:
        raise typer.Exit(code)


def _check_out(out: Path | None, *, force: bool) -> None:
    """Told before a long run is made in vain."""
    if out is None:
        return
    if out.is_dir():
        raise CommandFailed(f"{out} is a folder; name a file")
    if out.exists() and not force:
        raise CommandFailed(f"{out} exists", hint="--force replaces it")
    if not out.parent.is_dir():
        raise CommandFailed(f"{out.parent} is no folder", Exit.ENVIRONMENT)


def _finish(outcome: "Outcome", out: Path | None, *, as_json: bool) -> None:
    """Print what was measured and end with the code for it."""
    from ocrgate.cli.benching import summary

    if as_json:
        show(json.dumps(summary.as_json(outcome.record), indent=2, ensure_ascii=False))
    else:
        for line in summary.lines(outcome.record):
            show(line)
    if out is not None and outcome.unwritten is None:
        say(f"The whole record is in {out}; `ocrgate report {shlex.quote(str(out))}` draws it")
    if (code := _code(outcome, out)) is not Exit.OK:
        raise typer.Exit(code)


def _code(outcome: "Outcome", out: Path | None) -> Exit:
    """How the run ended; each reason but a missed SLO is said."""
    if outcome.unwritten is not None:
        reason = outcome.unwritten.strerror or outcome.unwritten
        say(f"ocrgate: {out} could not be written: {reason}")
        say(f"  hint: what could be kept is in {out}.partial")
    if outcome.signalled:
        measured = any(step.tally.total for step in outcome.record.steps)
        what = "what was measured until then is above" if measured else "nothing was measured yet"
        say(f"ocrgate: interrupted; {what}")
        return Exit.INTERRUPTED if outcome.signalled == 2 else Exit.TERMINATED
    if outcome.gone:
        say(f"ocrgate: the target went away: {outcome.gone}")
        return Exit.ENGINE
    if (nothing := _nothing(outcome.record)) is not None:
        return nothing
    if outcome.unwritten is not None:
        return Exit.ENVIRONMENT
    held = all(verdict.held for step in outcome.record.steps for verdict in step.verdicts)
    return Exit.OK if held else Exit.MISSED


def _nothing(record: "Record") -> Exit | None:
    """The code of a run in which no request succeeded; says what the server said instead."""
    from ocrgate.cli.benching.summary import why_nothing

    told = why_nothing(record)
    if told is None:
        return None
    say(f"ocrgate: no request succeeded: {told.text}")
    return Exit.REFUSED if told.refused else Exit.ENGINE
