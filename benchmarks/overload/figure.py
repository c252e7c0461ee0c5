"""Curves as SVG, by hand and without a library: axes, ticks, lines, a legend."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]
FONT = 'font-family="sans-serif" font-size="11" fill="#222"'
COLOURS = ("#0b6e4f", "#c0392b", "#2c6fbb", "#e08e0b", "#7d3c98", "#555555", "#16a3a3", "#b8548a")
DASHES = ("", "6 3", "2 3", "8 3 2 3")
_HEIGHT, _LEFT, _TOP, _BOTTOM = 300, 62, 42, 46
_ROW = _HEIGHT + _BOTTOM + 18


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram.

    Attributes:
        title: above it.
        across: what x is; ``up``: what y is.
        lines: points by name.
        top: of the y axis; None: the highest value.
        logarithmic: whether x is drawn by its logarithm.
        ticks: of x.
        mark: a horizontal line at this height; None for none.
    """

    title: str
    across: str
    up: str
    lines: Mapping[str, Points]
    top: float | None = None
    logarithmic: bool = False
    ticks: Sequence[float] = ()
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """A diagram of groups of bars.

    Attributes:
        title: above it.
        up: what y is.
        groups: values by name, by group.
        top: of the y axis; None: the highest value.
        mark: a horizontal line at this height; None for none.
    """

    title: str
    up: str
    groups: Mapping[str, Mapping[str, float]]
    top: float | None = None
    mark: float | None = None

    @property
    def names(self) -> list[str]:
        """Of the bars."""
        return list(dict.fromkeys(name for group in self.groups.values() for name in group))


Diagram = Panel | Bars


def draw(
    path: Path, title: str, panels: Sequence[Diagram], width: int = 430, across: int = 4
) -> None:
    """Panels, ``across`` of them side by side, one legend below; written to ``path``."""
    names = list(dict.fromkeys(name for panel in panels for name in _names(panel)))
    styles = {name: _style(place) for place, name in enumerate(names)}
    whole = width * min(across, len(panels))
    bottom = _ROW * math.ceil(len(panels) / across) + _TOP - 18
    rows = math.ceil(len(names) / max(1, whole // 205))
    height = bottom + 20 * rows + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" {FONT}>',
        f'<rect width="{whole}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="18" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for place, panel in enumerate(panels):
        moved = f"translate({place % across * width} {place // across * _ROW})"
        parts.append(f'<g transform="{moved}">')
        if isinstance(panel, Panel):
            parts.extend(_panel(panel, styles, width))
        else:
            parts.extend(_bars(panel, styles, width))
        parts.append("</g>")
    parts.extend(_legend(styles, whole, bottom))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _style(place: int) -> str:
    dash = DASHES[place // len(COLOURS) % len(DASHES)]
    wide = 3 if place == 0 else 1.8
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{_colour(place)}" stroke-width="{wide}"{dashed}'


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places on the sheet."""

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.begin + (value - low) / ((high - low) or 1.0) * (self.end - self.begin)


def _names(panel: Diagram) -> list[str]:
    return list(panel.lines) if isinstance(panel, Panel) else panel.names


def _panel(panel: Panel, styles: Mapping[str, str], width: int) -> Iterator[str]:
    points = [point for line in panel.lines.values() for point in line]
    xs = [*(x for x, _ in points), *panel.ticks] or [0.0, 1.0]
    top = panel.top or 1.08 * max((y for _, y in points), default=1.0) or 1.0
    x = _Scale(min(xs), max(xs), _LEFT, width - 14, panel.logarithmic)
    y = _Scale(0.0, top, _TOP + _HEIGHT, _TOP + 10)
    yield f'<text x="{_LEFT}" y="{_TOP - 2}" font-weight="bold">{escape(panel.title)}</text>'
    yield from _upwards(panel, x, y)
    yield from _across(panel, x, y, width)
    for name, line in panel.lines.items():
        path = " ".join(f"{x.at(a):.1f},{y.at(min(b, top)):.1f}" for a, b in line)
        yield f'<polyline fill="none" stroke-linejoin="round" {styles[name]} points="{path}"/>'


def _bars(panel: Bars, styles: Mapping[str, str], width: int) -> Iterator[str]:
    values = [v for group in panel.groups.values() for v in group.values() if not math.isnan(v)]
    top = panel.top or 1.08 * max(values, default=1.0) or 1.0
    x = _Scale(0.0, float(len(panel.groups)), _LEFT, width - 14)
    y = _Scale(0.0, top, _TOP + _HEIGHT, _TOP + 10)
    yield f'<text x="{_LEFT}" y="{_TOP - 2}" font-weight="bold">{escape(panel.title)}</text>'
    yield from _upwards(panel, x, y)
    names = panel.names
    wide = 0.8 * (x.at(1.0) - x.at(0.0)) / max(1, len(names))
    for place, (label, group) in enumerate(panel.groups.items()):
        left = x.at(place + 0.1)
        for name, value in group.items():
            if math.isnan(value):
                continue
            at, high = left + names.index(name) * wide, y.at(min(value, top))
            fill = _colour(list(styles).index(name))
            yield (
                f'<rect x="{at:.1f}" y="{high:.1f}" width="{0.9 * wide:.1f}" '
                f'height="{y.begin - high:.1f}" fill="{fill}"/>'
            )
        middle = f'x="{x.at(place + 0.5):.1f}" y="{y.begin + 16}" text-anchor="middle"'
        yield f"<text {middle}>{escape(label)}</text>"


def _upwards(panel: Diagram, x: _Scale, y: _Scale) -> Iterator[str]:
    grid = 'stroke="#e3e3e3"'
    step = _step(y.high)
    for count in range(int(y.high / step + 1e-9) + 1):
        value, at = count * step, y.at(count * step)
        yield f'<line x1="{x.begin}" x2="{x.end}" y1="{at:.1f}" y2="{at:.1f}" {grid}/>'
        yield f'<text x="{x.begin - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
    if panel.mark is not None:
        at = y.at(panel.mark)
        dashed = 'stroke="#888" stroke-dasharray="4 4"'
        yield f'<line x1="{x.begin}" x2="{x.end}" y1="{at:.1f}" y2="{at:.1f}" {dashed}/>'
    turn, half = x.begin - 44, (y.begin + y.end) / 2
    yield (
        f'<text x="{turn}" y="{half}" text-anchor="middle" '
        f'transform="rotate(-90 {turn} {half})">{escape(panel.up)}</text>'
    )


def _across(panel: Panel, x: _Scale, y: _Scale, right: float) -> Iterator[str]:
    grid = 'stroke="#e3e3e3"'
    for value in panel.ticks or [count * _step(x.high) for count in range(20)]:
        if x.low <= value <= x.high:
            at = x.at(value)
            yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y.begin}" y2="{y.end}" {grid}/>'
            middle = 'text-anchor="middle"'
            yield f'<text x="{at:.1f}" y="{y.begin + 16}" {middle}>{value:g}</text>'
    last = f'x="{right - 14}" y="{y.begin + 32}" text-anchor="end"'
    yield f"<text {last}>{escape(panel.across)}</text>"


def _step(high: float) -> float:
    """A round distance of about six ticks."""
    rough = max(high, 1e-9) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _legend(styles: Mapping[str, str], whole: int, top: int) -> Iterator[str]:
    columns = max(1, whole // 205)
    for place, (name, style) in enumerate(styles.items()):
        left = 14 + place % columns * 205
        line = top + 20 * (place // columns)
        yield f'<line x1="{left}" x2="{left + 26}" y1="{line}" y2="{line}" {style}/>'
        yield f'<text x="{left + 32}" y="{line + 4}">{escape(name)}</text>'
