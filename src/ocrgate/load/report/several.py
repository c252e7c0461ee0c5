"""The page and the words of runs that are compared."""

from collections.abc import Iterator, Sequence

from ocrgate.load.record import Record
from ocrgate.load.report import tables
from ocrgate.load.report.comparison import Change, Comparison, compare
from ocrgate.load.report.digest import Digest, digest
from ocrgate.load.report.page import Page, Section
from ocrgate.load.report.plots import against
from ocrgate.load.report.summary import Say
from ocrgate.load.report.tables import Cell, Table, Tone
from ocrgate.load.report.words import NOTHING, Words, measured, moment, rate, seconds, share

Runs = Sequence[tuple[str, Record]]
"""Records and what they are called; the first one is what the others are compared with."""

_TIMES = 9.0  # ten times as much is no percentage that anybody reads
_TONE: dict[str, Tone] = {"better": "good", "worse": "bad"}


class Several:
    """Runs, digested and compared once for whatever is asked of them.

    Args:
        runs: at least two.
    """

    def __init__(self, runs: Runs) -> None:
        self.named: list[tuple[str, Digest]] = [(name, digest(record)) for name, record in runs]
        self.comparisons: list[Comparison] = compare(self.named[0][1], self.named[1:])

    def said(self, words: Words) -> list[Say]:
        """What changed beyond noise, in sentences."""
        first = self.named[0][0]
        found = [Say("plain", words("compare.baseline", run=first))]
        found += [say for each in self.comparisons for say in _sentences(each, words)]
        found += [Say("warn", text) for text in self._unlike(words)]
        tests = sum(1 for c in self.comparisons for each in c.changes if each.verdict != "unsure")
        if tests:
            found.append(Say("plain", words("compare.how", tests=tests)))
        return found

    def changes(self, words: Words) -> Table:
        """Every measure of every load that the runs share."""
        rows = [
            _row(comparison.name, change, words)
            for comparison in self.comparisons
            for change in comparison.changes
        ]
        names = ("run", "load", "measure", "before", "after", "change", "interval", "verdict")
        columns = [words(f"column.{name}") for name in names]
        return Table("changes", words("section.changes"), columns, rows, named=3)

    def page(self, words: Words) -> Page:
        """All of it as one page."""
        when = ", ".join(f"{name}: {moment(d.record.run.started)}" for name, d in self.named)
        measured_runs = [(name, found) for name, found in self.named if found.answered]
        sections = [Section("changes", words("section.changes"), tables=[self.changes(words)])]
        if measured_runs:
            curves = against.curves(measured_runs, words)
            shapes = against.shapes(measured_runs, words)
            sections.insert(0, Section("load", words("section.load"), curves))
            sections.insert(1, Section("latency", words("section.latency"), shapes))
        sections += [
            Section(f"run-{place}", f"{words('section.facts')}: {name}", tables=_told(found, words))
            for place, (name, found) in enumerate(self.named)
        ]
        return Page(words("page.title_compare"), when, self.said(words), sections=sections)

    def _unlike(self, words: Words) -> Iterator[str]:
        """What makes the runs hard to compare."""
        first = self.named[0][1].record.run
        others = [found.record.run for _, found in self.named[1:]]
        if any(other.slo != first.slo for other in others):
            yield words("compare.different_slo")
        keys = {
            key
            for other in others
            for key in {*first.work, *other.work}
            if first.work.get(key) != other.work.get(key)
        }
        if keys:
            yield words("compare.different_work", what=", ".join(sorted(keys)))
        if not any(each.changes for each in self.comparisons):
            yield words("compare.fewer")


def _told(found: Digest, words: Words) -> list[Table]:
    shown = (tables.steps(found, words), tables.facts(found, words))
    return [table for table in shown if table.rows]


def _sentences(each: Comparison, words: Words) -> Iterator[Say]:
    changed = each.changed
    loads = {id(change.load): change.load for change in changed}
    for load in loads.values():
        mine = [change for change in changed if change.load is load]
        what = "; ".join(_worded(change, words) for change in mine)
        tone: Tone = "bad" if any(change.verdict == "worse" for change in mine) else "good"
        text = words("compare.changed", run=each.name, load=words.load(load), what=what)
        yield Say(tone or "plain", text)
    if each.changes and all(change.verdict == "unsure" for change in each.changes):
        yield Say("warn", words("compare.too_short", run=each.name))
    elif each.changes and not changed:
        yield Say("plain", words("compare.nothing", run=each.name))
    if each.alone:
        names = ", ".join(words.loads(each.alone))
        yield Say("plain", words("compare.unmatched", run=each.name, loads=names))


def _worded(change: Change, words: Words) -> str:
    return words(
        "compare.change_one",
        measure=words(f"measure.{change.measure}"),
        direction=words(f"compare.{change.verdict}"),
        before=measured(_unit(change.measure), change.before),
        after=measured(_unit(change.measure), change.after),
        change=_difference(change),
    )


def _difference(change: Change) -> str:
    """Shares in points, the rest in percent of what it was, or so many times as much."""
    difference = change.after - change.before
    if _unit(change.measure) in {"errors", "wrong", "cer"}:
        return f"{100 * difference:+.3g} pp"
    if change.relative is None:
        return NOTHING
    if change.relative >= _TIMES:
        return f"\u00d7{rate(change.relative + 1)}"
    return f"{100 * change.relative:+.3g} %"


def _row(run: str, change: Change, words: Words) -> list[Cell]:
    unit = _unit(change.measure)
    low, high = change.interval or (None, None)
    interval = NOTHING if low is None else f"{_signed(unit, low)} … {_signed(unit, high or 0.0)}"
    relative = change.relative if change.relative is not None else change.after - change.before
    return [
        Cell(run, run),
        Cell(words.load(change.load), change.load.load),
        Cell(words(f"measure.{change.measure}"), change.measure),
        Cell(measured(unit, change.before), change.before),
        Cell(measured(unit, change.after), change.after),
        Cell(_difference(change), relative),
        Cell(interval, low),
        Cell(words(f"compare.{change.verdict}"), change.verdict, _TONE.get(change.verdict, "")),
    ]


def _signed(unit: str, value: float) -> str:
    sign = "−" if value < 0 else "+"  # noqa: RUF001 - a minus as wide as the plus
    if unit in {"errors", "wrong", "cer"}:
        return f"{sign}{share(abs(value))}"
    return f"{sign}{rate(abs(value)) if unit in {'throughput', 'goodput'} else seconds(abs(value))}"


def _unit(measure: str) -> str:
    return measure.rpartition("_")[2] if measure.startswith("first") else measure
