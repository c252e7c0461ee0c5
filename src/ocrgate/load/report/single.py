"""The page of one run."""

from ocrgate.load.record import Record
from ocrgate.load.report import meters, tables
from ocrgate.load.report.blocks import resample
from ocrgate.load.report.digest import Digest, StepDigest, digest
from ocrgate.load.report.page import Page, Section
from ocrgate.load.report.plots import carries, correctness, latency, surface, timeline
from ocrgate.load.report.plots.carries import Doubts
from ocrgate.load.report.summary import Say, summary
from ocrgate.load.report.words import (
    Words,
    between,
    count,
    gibibytes,
    moment,
    rate,
    seconds,
    share,
)


def page_of(record: Record, words: Words) -> Page:
    """All that is worth seeing of a run; what was not measured is said in a sentence."""
    found = digest(record)
    run = record.run
    meta = " · ".join(
        filter(
            None,
            (
                words("page.started", when=moment(run.started)),
                words("page.by", version=run.ocrgate) if run.ocrgate else "",
                run.target.model,
            ),
        )
    )
    doubts = [resample(each) for each in found.steps]
    said = summary(found, words)
    if any(each.served and resample(each) is None for each in found.steps):
        said = [*said, Say("plain", words("say.short"))]
    return Page(
        words("page.title", target=run.target.url),
        meta,
        said,
        _tiles(found, words),
        [*_measured(found, doubts, words), *_told(found, words)],
    )


def _tiles(found: Digest, words: Words) -> list[tuple[str, str]]:
    """The few figures that fit on a slide."""
    if not found.answered:
        return []
    best = found.knee or max(found.steps, key=lambda each: each.goodput)
    lines = meters.lines(found.record.series)
    memory = meters.highest(lines, "gpu_memory_bytes")
    tiles = [
        (words("tile.throughput", load=words.load(best)), rate(best.throughput)),
        (words("column.p50"), seconds(best.latency.p50 if best.latency else None)),
        _slowest(best, words),
        (words("column.requests"), count(found.total)),
        _errors(best, words),
    ]
    if best.cer:
        tiles.append((words("column.cer"), share(best.cer.mean)))
    if memory is not None:
        tiles.append((words("column.memory"), gibibytes(memory)))
    return tiles


def _errors(best: StepDigest, words: Words) -> tuple[str, str]:
    """The share as the figure, where it lies below it."""
    return f"{words('column.errors')} ({between(best.errors_between)})", share(best.errors)


def _slowest(best: StepDigest, words: Words) -> tuple[str, str]:
    """The p99, where there are answers enough for one."""
    latency = best.latency
    name = "p99" if latency is None or latency.tells("p99") else "largest"
    return words(f"column.{name}"), seconds(getattr(latency, name) if latency else None)


def _measured(found: Digest, doubts: Doubts, words: Words) -> list[Section]:
    """The parts with plots; none where nothing was answered, but for the time line."""
    sections = []
    if found.answered and len(found.steps) > 1:
        curves = (carries.carries, carries.latency_load)
        figures = [draw(found, doubts, words) for draw in curves]
        sections.append(Section("load", words("section.load"), figures))
    if found.answered:
        shapes = [latency.ecdf(found, words), latency.percentiles(found, words)]
        first = latency.first(found, words)
        shapes += [first] if first else []
        sections.append(Section("latency", words("section.latency"), shapes))
    if found.total:
        over_time = [timeline.errors_time(found, words), timeline.latency_time(found, words)]
        sections.append(Section("time", words("section.time"), over_time))
    told = timeline.server(found, words)
    missing = "" if told else words("plot.no_server")
    sections.append(Section("server", words("section.server"), told, words=missing))
    if found.answered:
        sections.append(_correctness(found, doubts, words))
        solid = surface.surface(found, words)
        missing = "" if solid else words("plot.no_surface")
        sections.append(Section("surface", words("section.surface"), solid, words=missing))
    return sections


def _correctness(found: Digest, doubts: Doubts, words: Words) -> Section:
    cer = correctness.cer_load(found, doubts, words)
    figures = [correctness.quality(found, words), *([cer] if cer else [])]
    missing = "" if cer else words("plot.no_text")
    return Section("correctness", words("section.correctness"), figures, words=missing)


def _told(found: Digest, words: Words) -> list[Section]:
    """The parts with tables."""
    shown = [
        tables.steps(found, words) if found.steps else None,
        tables.groups(found, words),
        tables.failures(found, words),
        tables.events(found, words),
        tables.facts(found, words),
    ]
    return [Section(table.name, table.title, tables=[table]) for table in shown if table]
