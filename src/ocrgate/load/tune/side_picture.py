"""The choice of a side as a picture: wrong characters at each, with what it costs beneath."""

from ocrgate.load.tune.curve import round_step
from ocrgate.load.tune.picture import SideChoice, SideLine

_WIDTH, _HEIGHT, _LEFT, _FLOOR, _TOP = 640, 360, 64, 270, 40
_GOOD, _BAD, _GREY = "#1f6feb", "#c0392b", "#8a8f98"


def side_svg(choice: SideChoice, allowed: float) -> str:
    """One file, no script, no font of its own.

    A dot is the share of wrong characters, the line above it what it surely is below; what is red
    may not be recommended. The dashed line is what was allowed.
    """
    largest = choice.lines[0].trial.error
    most = max(largest + max(line.surely, allowed, 0.0) for line in choice.lines)
    most = 1.15 * max(most, 0.001)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20">wrong characters at each longest side, in pixels</text>',
        *_scale(most),
        *_allowed(_down(largest + allowed, most)),
    ]
    for number, line in enumerate(choice.lines):
        at = _LEFT + (number + 0.5) * (_WIDTH - _LEFT - 16) / len(choice.lines)
        parts += _column(line, at, most, largest, chosen=line.trial.side == choice.side)
    return "\n".join([*parts, "</svg>"])


def _down(share: float, most: float) -> float:
    return _FLOOR - share / most * (_FLOOR - _TOP)


def _scale(most: float) -> list[str]:
    parts = []
    step = round_step(most / 4)
    for number in range(int(most / step) + 1):
        share = step * number
        y = _down(share, most)
        parts += [
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 16}" y2="{y:.1f}" stroke="#e3e5e8"/>',
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.2%}</text>',
        ]
    return parts


def _allowed(y: float) -> list[str]:
    return [
        (
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 16}" y2="{y:.1f}" '
            f'stroke="{_GREY}" stroke-dasharray="5 4"/>'
        ),
        (
            f'<text x="{_WIDTH - 16}" y="{y - 5:.1f}" text-anchor="end" font-size="10" '
            f'fill="{_GREY}">allowed</text>'
        ),
    ]


def _column(line: SideLine, at: float, most: float, largest: float, *, chosen: bool) -> list[str]:
    trial, color = line.trial, _BAD if line.why_not else _GOOD
    y, high = _down(trial.error, most), _down(largest + max(line.surely, 0.0), most)
    parts = [
        f'<line x1="{at:.1f}" y1="{y:.1f}" x2="{at:.1f}" y2="{high:.1f}" stroke="{color}"/>',
        f'<circle cx="{at:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>',
    ]
    if chosen:
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="9" fill="none" stroke="{_GOOD}" '
            'stroke-width="2"/>'
        )
    tokens = f"{trial.tokens:,.0f} tokens" if trial.tokens else ""
    words = (f"{trial.side}", f"{trial.goodput:.2f} pages/s", tokens, line.why_not)
    for number, word in enumerate(filter(None, words)):
        weight = ' font-weight="bold"' if number == 0 and chosen else ""
        fill = _BAD if word == line.why_not else "black"
        parts.append(
            f'<text x="{at:.1f}" y="{_FLOOR + 20 + 18 * number}" text-anchor="middle" '
            f'font-size="{13 if number == 0 else 11}" fill="{fill}"{weight}>{word}</text>'
        )
    return parts
