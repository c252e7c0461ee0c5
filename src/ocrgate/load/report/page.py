"""One file of HTML that holds all of a report and asks nothing of any network.

The plotting library and the figures travel packed; the page unpacks them with what browsers bring.
Whatever a server said is text here: it is escaped in the markup, and the page's own policy lets no
script run but the one it came with.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources

import msgspec

from ocrgate import __version__
from ocrgate.load.report.bundle import packed, plotting_library
from ocrgate.load.report.plots.figure import Figure
from ocrgate.load.report.summary import Say
from ocrgate.load.report.tables import Cell, Table
from ocrgate.load.report.words import Words

_MARK = {"good": "✓", "bad": "✗", "warn": "!", "plain": ""}


@dataclass(frozen=True)
class Section:
    """A part of a page: plots, tables, or a sentence on why there is none."""

    name: str
    title: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    words: str = ""


@dataclass(frozen=True)
class Page:
    """All that a page shows, as text that is not yet escaped."""

    title: str
    meta: str
    said: Sequence[Say]
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default_factory=tuple)


def render(page: Page, words: Words) -> str:
    """The page as HTML.

    Raises:
        ModuleNotFoundError: plotly is not installed; the extra ``report`` brings it.
    """
    script, style = _file("report.js"), _file("report.css")
    figures = [figure for section in page.sections for figure in section.figures]
    title = html.escape(page.title)
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="{"zh-CN" if words.language == "zh" else words.language}">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta name="generator" content="ocrgate {__version__}">',
            '<link rel="icon" href="data:,">',
            f"<title>{title}</title>",
            f"<style>\n{style}</style></head>",
            "<body><main>",
            *_head(page, words, title),
            *(part for section in page.sections for part in _section(section, words)),
            "</main>",
            *(_data(figures) if figures else ()),
            f"<script>{script}</script>",
            "</body></html>",
            "",
        )
    )


def _policy(script: str) -> str:
    """Nothing is fetched, and no script runs but this one (and what it unpacks)."""
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{allowed}' 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("page_files", name).read_text("utf-8")


def _data(figures: Sequence[Figure]) -> Iterable[str]:
    told = [
        {"name": f.name, "traces": f.traces, "layout": f.layout, "tall": f.tall, "solid": f.solid}
        for f in figures
    ]
    yield "<!-- plotly.js, MIT licence, Copyright Plotly, Inc.; gzip, base64 -->"
    yield f'<script type="text/plain" id="library">{plotting_library()}</script>'
    packed_figures = packed(msgspec.json.encode(told))
    yield f'<script type="text/plain" id="figures">{packed_figures}</script>'


def _head(page: Page, words: Words, title: str) -> Iterable[str]:
    yield f"<header><div><h1>{title}</h1>"
    yield f'<p class="meta">{html.escape(page.meta)}</p></div>'
    theme = html.escape(words("page.theme"))
    yield f'<button class="theme" type="button">{theme}</button></header>'
    links = "".join(
        f'<a href="#{section.name}">{html.escape(section.title)}</a>' for section in page.sections
    )
    yield f"<nav>{links}</nav>"
    told = html.escape(words("page.no_script"))
    hidden = "<style>.plots{display:none}</style>"
    yield f"<noscript>{hidden}<p class='message'>{told}</p></noscript>"
    yield (
        f'<p class="message" id="message" hidden data-unpack="{_quoted(words("page.no_unpack"))}" '
        f'data-webgl="{_quoted(words("page.no_webgl"))}"></p>'
    )
    if page.tiles:
        tiles = "".join(
            f'<div class="tile"><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>'
            for name, value in page.tiles
        )
        yield f'<div class="tiles">{tiles}</div>'
    items = "".join(_said(say) for say in page.said)
    yield f'<ul class="said" aria-label="{_quoted(words("page.summary"))}">{items}</ul>'


def _said(say: Say) -> str:
    mark = f'<b class="{say.tone}">{_MARK[say.tone]}</b> ' if _MARK[say.tone] else ""
    return f'<li class="{say.tone}">{mark}{html.escape(say.text)}</li>'


def _section(section: Section, words: Words) -> Iterable[str]:
    yield f'<h2 id="{section.name}">{html.escape(section.title)}</h2>'
    if section.words:
        yield f'<p class="meta">{html.escape(section.words)}</p>'
    flat = [figure for figure in section.figures if not figure.wide]
    if section.figures:
        thirds = " thirds" if len(flat) % 3 == 0 and flat else ""
        drawn = "".join(_figure(figure, words) for figure in section.figures)
        yield f'<div class="plots{thirds}">{drawn}</div>'
    for table in section.tables:
        yield from _table(table, words, headed=len(section.tables) > 1)


def _figure(figure: Figure, words: Words) -> str:
    return (
        f'<figure class="{"wide" if figure.wide else ""}"><h3>{html.escape(figure.title)}</h3>'
        f'<p class="help">{html.escape(figure.explained)}</p>'
        f'<div class="drawn waiting" id="plot-{figure.name}" style="min-height:{figure.tall}px">'
        f"{html.escape(words('page.drawing'))}</div></figure>"
    )


def _table(table: Table, words: Words, *, headed: bool) -> Iterable[str]:
    if headed:
        yield f"<h3>{html.escape(table.title)}</h3>"
    sortable = len(table.rows) > 1
    if sortable:
        yield f'<p class="hint">{html.escape(words("page.sort_hint"))}</p>'
    heads = "".join(
        _heading(name, named=place < table.named, sortable=sortable)
        for place, name in enumerate(table.columns)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(c, named=n < table.named) for n, c in enumerate(row))}</tr>\n"
        for row in table.rows
    )
    yield f'<div class="scroll"><table id="table-{table.name}"><thead><tr>{heads}</tr></thead>'
    yield f"<tbody>\n{rows}</tbody></table></div>"


def _heading(name: str, *, named: bool, sortable: bool) -> str:
    text = html.escape(name)
    inner = f'<button type="button">{text}</button>' if sortable else text
    return f'<th scope="col"{_named(named)}>{inner}</th>'


def _cell(cell: Cell, *, named: bool) -> str:
    value = "" if cell.value is None else f' data-value="{_quoted(str(cell.value))}"'
    names = [name for name, there in (("name", named), (cell.tone, bool(cell.tone))) if there]
    names += ["long"] if len(cell.text) > 60 else []
    styled = f' class="{" ".join(names)}"' if names else ""
    return f"<td{styled}{value}>{html.escape(cell.text)}</td>"


def _named(named: bool) -> str:
    return ' class="name"' if named else ""


def _quoted(text: str) -> str:
    return html.escape(text, quote=True)
