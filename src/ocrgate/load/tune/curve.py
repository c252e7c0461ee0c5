"""The curve that a search found: goodput against the axis that climbs, with the knee marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ocrgate.load.tune.choose import Choice
from ocrgate.load.tune.evidence import Site, sites
from ocrgate.load.tune.trial import History, Rules, Setting, Space

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 360, 64, 48
_BAR = 30
_GOOD, _BAD, _LINE = "#1f6feb", "#c0392b", "#8a8f98"


@dataclass(frozen=True, slots=True)
class Dot:
    """One setting on the curve.

    Attributes:
        value: on the axis.
        goodput: pages a second in time; ``error``, its standard error.
        why: why it may not be recommended; empty where it may.
        mark: ``knee`` for the recommended one, ``best`` for the best, else empty.
    """

    value: float
    goodput: float
    error: float
    why: str = ""
    mark: str = ""


def curve(history: History, space: Space, rules: Rules, choice: Choice) -> list[Dot]:
    """Along the axis that climbs: of each value the best setting that was tried with it."""
    place = space.climbing or 0
    found: dict[float, Site] = {}
    for site in sites(history).values():
        at = site.setting[place]
        if at not in found or _rank(site, rules, choice) > _rank(found[at], rules, choice):
            found[at] = site
    return [_dot(found[at], at, rules, choice) for at in sorted(found)]


def _rank(site: Site, rules: Rules, choice: Choice) -> tuple[bool, bool, float]:
    return site.setting == choice.setting, site.holds(rules), site.goodput


def _dot(site: Site, at: float, rules: Rules, choice: Choice) -> Dot:
    best = choice.best[0] if choice.best else None
    mark = "knee" if site.setting == choice.setting else "best" if site.setting == best else ""
    return Dot(at, site.goodput, site.error, why_not(site, rules), mark)


def why_not(site: Site, rules: Rules) -> str:
    """Why a setting may not be recommended; empty where it may."""
    if site.stops:
        return " and ".join(sorted(str(stop) for stop in site.stops))
    if site.failures > rules.failures:
        return f"{site.failures:.1%} of the pages failed"
    return f"{site.late:.0%} of the pages were late" if site.late > rules.late else ""


def bars(dots: Sequence[Dot], name: str) -> list[str]:
    """The curve in a terminal, one line a value."""
    most = max((dot.goodput for dot in dots), default=0.0) or 1.0
    marks = {"knee": "<- recommended", "best": "<- the best", "": ""}
    width = max(len(name), 6)
    lines = [f"{name:>{width}}  pages/s in time"]
    for dot in dots:
        bar = "#" * round(_BAR * dot.goodput / most)
        told = f"({dot.why})" if dot.why else marks[dot.mark]
        lines.append(f"{dot.value:>{width}g}  {bar:<{_BAR}} {dot.goodput:7.2f} {told}".rstrip())
    return lines


def svg(dots: Sequence[Dot], name: str, setting: Setting | None) -> str:
    """The curve as a picture: one file, no script, no font of its own."""
    most = 1.08 * (max((dot.goodput for dot in dots), default=0.0) or 1.0)
    places = {dot.value: _across(number, len(dots)) for number, dot in enumerate(dots)}
    line = " ".join(
        f"{places[dot.value]:.1f},{_down(dot.goodput, most):.1f}" for dot in dots if not dot.why
    )
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(places, name, most),
        f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
    ]
    for dot in dots:
        parts += _point(dot, places[dot.value], most)
    title = "nothing can be recommended" if setting is None else ""
    parts.append(f'<text x="{_LEFT}" y="16">{title}</text></svg>')
    return "\n".join(parts)


def _across(number: int, count: int) -> float:
    return _LEFT + (number + 0.5) * (_WIDTH - _LEFT - 16) / max(1, count)


def _down(value: float, most: float) -> float:
    return _HEIGHT - _BOTTOM - value / most * (_HEIGHT - _BOTTOM - 28)


def _axes(places: dict[float, float], name: str, most: float) -> list[str]:
    floor = _HEIGHT - _BOTTOM
    parts = [
        f'<line x1="{_LEFT}" y1="{floor}" x2="{_WIDTH - 16}" y2="{floor}" stroke="black"/>',
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(name)}</text>',
        (
            f'<text x="14" y="{_HEIGHT / 2}" transform="rotate(-90 14 {_HEIGHT / 2})" '
            'text-anchor="middle">pages/s in time</text>'
        ),
    ]
    for value, at in places.items():
        parts.append(f'<text x="{at:.1f}" y="{floor + 18}" text-anchor="middle">{value:g}</text>')
    step = round_step(most / 4)
    for number in range(1, int(most / step) + 1):
        y = _down(number * step, most)
        parts += [
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 16}" y2="{y:.1f}" stroke="#e3e5e8"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number * step:g}</text>',
        ]
    return parts


def round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, ... above."""
    scale = 10.0 ** math.floor(math.log10(rough))
    return next(scale * each for each in (1, 2, 5, 10) if scale * each >= rough * (1 - 1e-9))


def _point(dot: Dot, at: float, most: float) -> list[str]:
    y = _down(dot.goodput, most)
    color = _BAD if dot.why else _GOOD
    low, high = (_down(max(0.0, dot.goodput + side * dot.error), most) for side in (-2, 2))
    told = dot.why or f"{dot.goodput:.2f} pages/s"
    parts = [
        f'<line x1="{at:.1f}" y1="{low:.1f}" x2="{at:.1f}" y2="{high:.1f}" stroke="{color}"/>',
        (
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="4" fill="{color}">'
            f"<title>{dot.value:g}: {escape(told)}</title></circle>"
        ),
    ]
    if dot.why:
        parts.append(
            f'<text x="{at:.1f}" y="{y - 14:.1f}" text-anchor="middle" font-size="10" '
            f'fill="{_BAD}">{escape(dot.why)}</text>'
        )
    if dot.mark == "knee":
        parts += [
            (
                f'<circle cx="{at:.1f}" cy="{y:.1f}" r="9" fill="none" stroke="{_GOOD}" '
                'stroke-width="2"/>'
            ),
            (
                f'<text x="{at:.1f}" y="{y - 14:.1f}" text-anchor="middle" font-weight="bold">'
                f"{dot.value:g}</text>"
            ),
        ]
    return parts
