"""``ocrgate report``: what load runs said, as a page, a table or a comparison."""

import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, installing, say, show

if TYPE_CHECKING:
    from ocrgate.load.record import Record
    from ocrgate.load.report.several import Several
    from ocrgate.load.report.summary import Say
    from ocrgate.load.report.tables import Table
    from ocrgate.load.report.words import Words


class ReportFormat(StrEnum):
    """What a report is written as."""

    HTML = "html"
    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    SAMPLES = "samples"


class Language(StrEnum):
    """In which language it is written."""

    EN = "en"
    ZH = "zh"


Records = Annotated[
    list[Path],
    typer.Argument(
        metavar="RECORD...",
        help="Records of `ocrgate bench --out`; further ones are compared with the first.",
    ),
]
FormatOption = Annotated[
    ReportFormat,
    typer.Option(
        "--format",
        "-f",
        help="html: a page with plots, beside the record; text, json: printed; csv: a line for "
        "each load; samples: a line for each request.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Where it is written; - is standard output."),
]
LanguageOption = Annotated[Language, typer.Option(help="Language of the report.")]
ReplaceOption = Annotated[
    bool, typer.Option("--force", help="Replace a file that is not a report of ours.")
]
_MARK = {"good": "+", "bad": "x", "warn": "!", "plain": " "}
_SHOWN = ("load", "throughput", "goodput", "errors", "p50", "p95", "p99", "cer", "slo", "client")


def report(
    records: Records,
    *,
    output_format: FormatOption = ReportFormat.HTML,
    out: OutOption = None,
    language: LanguageOption = Language.EN,
    force: ReplaceOption = False,
) -> None:
    """Say what load runs showed: one as a page of plots, several as a comparison.

    The page is one file that works without a network. A run that was killed is read from the
    `.partial` file that it left. Comparing says what changed beyond noise, and what did not.
    """
    from ocrgate.load.report.words import Words

    runs = _read(records)
    words = Words(language)
    if output_format is ReportFormat.HTML:
        _write_page(runs, records, words, out, force=force)
        return
    lines = _lines(runs, output_format, words)
    if out is None or str(out) == "-":
        for line in lines:
            sys.stdout.write(line)
        return
    _check(out, force=force)
    _write(out, "".join(lines))


def _read(paths: Sequence[Path]) -> list[tuple[str, "Record"]]:
    """The records, each with a name that tells it from the others."""
    from ocrgate.load.record import PARTIAL, read

    found = [(path, read(path)) for path in paths]
    stems = [path.name.removesuffix(PARTIAL).removesuffix(".json") for path, _ in found]
    names = [
        stem if stems.count(stem) == 1 else str(path)
        for stem, (path, _) in zip(stems, found, strict=True)
    ]
    counted = [
        name if names.count(name) == 1 else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]
    return [(name, record) for name, (_, record) in zip(counted, found, strict=True)]


def _write_page(
    runs: Sequence[tuple[str, "Record"]],
    paths: Sequence[Path],
    words: "Words",
    out: Path | None,
    *,
    force: bool,
) -> None:
    from ocrgate.load.record import PARTIAL
    from ocrgate.load.report.page import render
    from ocrgate.load.report.several import Several
    from ocrgate.load.report.single import page_of

    stem = paths[0].with_name(paths[0].name.removesuffix(PARTIAL))
    ending = ".html" if len(runs) == 1 else ".compared.html"
    place = out or stem.with_suffix(ending)
    to_pipe = str(place) == "-"
    if not to_pipe:
        _check(place, force=force)
    several = Several(runs) if len(runs) > 1 else None
    page = several.page(words) if several else page_of(runs[0][1], words)
    try:
        text = render(page, words)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "plotly":
            raise
        raise CommandFailed(
            "a page with plots needs plotly, which is not installed",
            Exit.ENVIRONMENT,
            installing("'ocrgate[report]'") + " brings it; --format text needs nothing",
        ) from None
    if to_pipe:
        sys.stdout.write(text)
        return
    _write(place, text)
    for line in _text(runs, several, words):
        show(line)
    say(f"The report is in {place}")


def _check(place: Path, *, force: bool) -> None:
    """Whether a file may be written here; an older report of ours may be replaced."""
    if place.is_dir():
        raise CommandFailed(f"{place} is a folder; name a file")
    if not place.parent.is_dir():
        raise CommandFailed(f"{place.parent} is no folder", Exit.ENVIRONMENT)
    if place.exists() and not force and not _ours(place):
        raise CommandFailed(f"{place} exists", hint="--force replaces it")


def _ours(place: Path) -> bool:
    with place.open("rb") as file:
        return b'name="generator" content="ocrgate' in file.read(2000)


def _write(place: Path, text: str) -> None:
    """Whole or not at all: a full disk leaves no half report."""
    unfinished = place.with_name(f"{place.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(place)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        error.filename = str(place)
        raise


def _lines(
    runs: Sequence[tuple[str, "Record"]], output_format: ReportFormat, words: "Words"
) -> Iterator[str]:
    from ocrgate.load.report import sheets
    from ocrgate.load.report.digest import digest
    from ocrgate.load.report.several import Several

    if output_format in {ReportFormat.CSV, ReportFormat.SAMPLES} and len(runs) > 1:
        raise CommandFailed(f"--format {output_format} takes one record", Exit.USAGE)
    if output_format is ReportFormat.CSV:
        yield from sheets.steps(digest(runs[0][1]))
    elif output_format is ReportFormat.SAMPLES:
        yield from sheets.samples(runs[0][1])
    else:
        several = Several(runs) if len(runs) > 1 else None
        if output_format is ReportFormat.JSON:
            told = json.dumps(_json(runs, several), indent=2, ensure_ascii=False)
            yield f"{told}\n"
        else:
            yield from (f"{line}\n" for line in _text(runs, several, words))


def _text(
    runs: Sequence[tuple[str, "Record"]], several: "Several | None", words: "Words"
) -> Iterator[str]:
    """Sentences and a table for a terminal."""
    from ocrgate.load.report import tables
    from ocrgate.load.report.digest import digest
    from ocrgate.load.report.summary import summary

    if several:
        yield from _said(several.said(words))
        yield ""
        yield tables.plain(several.changes(words))
        return
    found = digest(runs[0][1])
    yield from _said(summary(found, words))
    if found.steps:
        yield ""
        yield tables.plain(_narrow(tables.steps(found, words), words))


def _said(said: Sequence["Say"]) -> Iterator[str]:
    return (f"{_MARK[each.tone]} {each.text}" for each in said)


def _narrow(table: "Table", words: "Words") -> "Table":
    """The columns that fit a terminal."""
    from dataclasses import replace

    wanted = {words(f"column.{key}") for key in _SHOWN}
    places = [place for place, name in enumerate(table.columns) if name in wanted]
    rows = [[row[place] for place in places] for row in table.rows]
    return replace(table, columns=[table.columns[place] for place in places], rows=rows)


def _json(runs: Sequence[tuple[str, "Record"]], several: "Several | None") -> dict[str, Any]:
    from ocrgate.cli.benching.summary import as_json

    if several is None:
        return as_json(runs[0][1])
    return {
        "ocrgate_bench_comparison": 1,
        "first": runs[0][0],
        "runs": {name: as_json(record) for name, record in runs},
        "changes": [
            {
                "run": comparison.name,
                "loop": change.load.step.loop,
                "load": change.load.load,
                "measure": change.measure,
                "before": change.before,
                "after": change.after,
                "interval": change.interval,
                "verdict": change.verdict,
            }
            for comparison in several.comparisons
            for change in comparison.changes
        ],
    }
