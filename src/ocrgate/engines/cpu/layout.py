"""Reading order of lines, from their boxes alone.

A page is read row by row unless white space proves columns: a gutter that no line crosses, with
running text on both of its sides. A gutter in a table is crossed by no line either, but its cells
are short, or stand in rows that go with each other; those are read row by row. Headings across
columns end a gutter, so what stands above and below them is ordered apart. It is the recursive
X-Y cut (Nagy and Seth, 1984) with evidence asked for before every vertical cut.

Everything here is a pure function of boxes: no text, no pixels. Lengths are compared with line
heights, never with pixels, so the order does not depend on scale or place.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ocrgate.domain.recognition import Box

_TRIM_X, _TRIM_Y = 0.15, 0.2  # shares of the height by which the detector's boxes are too large
_GUTTER = 0.6  # narrowest gutter, in line heights
_LONG = 9.0  # width in heights from which a line is running text rather than a cell
_FULL = 0.7  # share of its column's width that a full line takes
_FULL_SHARE = 0.5  # of a column's lines that are full in running text
_AIRY = 2.6  # pitch in heights above which lines are not one text
_ALIGNED = 0.25  # heights by which the middles of cells in one row differ at most
_LOOSE_SHARE = 0.5  # aligned lines below which two sides have nothing to do with each other
_PARAGRAPH = 0.75  # blank heights between lines that part paragraphs
_RATIO = 1.45  # of line heights that part a heading from its text
_TALL_HEIGHTS = 2.5


class Item(NamedTuple):
    """A line's box and the place it had in the input."""

    box: Box
    number: int

    @property
    def middle(self) -> float:
        """Its centre, from the top."""
        return (self.box.y1 + self.box.y2) / 2

    @property
    def height(self) -> float:
        """Its height, never 0."""
        return max(self.box.y2 - self.box.y1, 1e-9)


Items = list[Item]


def arrange(boxes: Sequence[Box]) -> list[list[int]]:
    """Paragraphs in reading order, each the indexes of its lines in reading order.

    Args:
        boxes: one per line, in any order, of a page whose lines run level from left to right.
    """
    items = [Item(_trimmed(box), index) for index, box in enumerate(boxes)]
    usual = median(item.height for item in items) if items else 0.0
    tall = [item for item in items if _is_tall(item.box, usual)]
    level = [item for item in items if not _is_tall(item.box, usual)]
    blocks = _ordered(sorted(level, key=_natural))
    blocks += [[item] for item in sorted(tall, key=_natural)]
    return [[item.number for item in block] for block in blocks]


def _natural(item: Item) -> tuple[float, ...]:
    """Makes the result independent of the order of the input."""
    return (item.box.y1, item.box.x1, item.box.y2, item.box.x2, item.number)


def _trimmed(box: Box) -> Box:
    height = min(box.y2 - box.y1, box.x2 - box.x1)
    dx, dy = _TRIM_X * height, _TRIM_Y * height
    return Box(box.x1 + dx, box.y1 + dy, box.x2 - dx, box.y2 - dy)


def _is_tall(box: Box, usual: float) -> bool:
    height = box.y2 - box.y1
    return height > _TALL_HEIGHTS * usual and height > box.x2 - box.x1


def _ordered(items: Items) -> list[Items]:
    """Paragraphs of one region."""
    blocks: list[Items] = []
    loose: Items = []
    for part in _runs(_bands(items)):
        for piece, gutters in _pieces(part):
            if not gutters:
                loose += piece
                continue
            blocks += paragraphs(rows(loose))
            loose = []
            for column in _columns(piece, gutters):
                blocks += _ordered(column)
    return blocks + paragraphs(rows(loose))


def _bands(items: Items) -> list[Items]:
    """Groups that a level line through blank paper can part, from the top down."""
    bands: list[Items] = []
    bottom = float("-inf")
    for item in sorted(items, key=_natural):
        if not bands or item.box.y1 >= bottom:
            bands.append([])
        bands[-1].append(item)
        bottom = max(bottom, item.box.y2)
    return bands


def _runs(bands: list[Items]) -> list[list[Items]]:
    """Longest runs of bands, from the top, that have a gutter in common (or stand alone)."""
    runs: list[list[Items]] = []
    for band in bands:
        if runs and _gutters([*_flat(runs[-1]), *band]):
            runs[-1].append(band)
        else:
            runs.append([band])
    return runs


def _flat(bands: Iterable[Items]) -> Items:
    return [item for band in bands for item in band]


def _gutters(items: Items) -> list[float]:
    """Middles of the gaps that no line crosses, from the left."""
    least = _GUTTER * median(item.height for item in items)
    found: list[float] = []
    edge = None
    for item in sorted(items, key=lambda item: item.box.x1):
        if edge is not None and item.box.x1 - edge >= least:
            found.append((edge + item.box.x1) / 2)
        edge = item.box.x2 if edge is None else max(edge, item.box.x2)
    return found


def _pieces(bands: list[Items]) -> list[tuple[Items, list[float]]]:
    """Cut a run where it must be, so that every piece is in columns throughout or not at all."""
    items = _flat(bands)
    gutters = _proven(items)
    cut = _weak_end(bands, gutters) if gutters else _widest_gap(bands)
    if cut is None:
        return [(items, gutters)]
    return _pieces(bands[:cut]) + _pieces(bands[cut:])


def _widest_gap(bands: list[Items]) -> int | None:
    """Index of the band below the widest blank, if that is wider than between lines of a text."""
    if len(bands) < 2 or not _gutters(_flat(bands)):
        return None
    usual = median(item.height for item in _flat(bands))
    gap, place = max((_blank(bands, place), -place) for place in range(1, len(bands)))
    return -place if gap > _PARAGRAPH * usual else None


def _weak_end(bands: list[Items], gutters: list[float]) -> int | None:
    """Where to cut off a first or last band that only happens to respect the gutters.

    That is a band set apart by a blank whose lines are too few to be columns themselves: a running
    head, a page number, a caption below.
    """
    usual = median(item.height for item in _flat(bands))
    for place in (1, len(bands) - 1):
        if not 0 < place < len(bands) or _blank(bands, place) <= _PARAGRAPH * usual:
            continue
        end = bands[0] if place == 1 else bands[-1]
        if not _proven(end) and (len(_columns(end, gutters)) > 1 or _set_otherwise(end, usual)):
            return place
    return None


def _set_otherwise(items: Items, usual: float) -> bool:
    height = median(item.height for item in items)
    return max(height, usual) > _RATIO * min(height, usual)


def _blank(bands: list[Items], place: int) -> float:
    above = max(item.box.y2 for item in bands[place - 1])
    return min(item.box.y1 for item in bands[place]) - above


def _proven(items: Items) -> list[float]:
    """Those gutters that have columns of text on both sides."""
    gutters = _gutters(items)
    columns = _columns(items, gutters)
    return [
        gutter
        for gutter, left, right in zip(gutters, columns, columns[1:], strict=False)
        if _are_columns(left, right)
    ]


def _columns(items: Items, gutters: list[float]) -> list[Items]:
    """The items between gutters, from the left; columns without any are left out."""
    edges = [float("-inf"), *gutters, float("inf")]
    columns = [
        [item for item in items if left <= (item.box.x1 + item.box.x2) / 2 < right]
        for left, right in pairwise(edges)
    ]
    return [column for column in columns if column]


def _are_columns(left: Items, right: Items) -> bool:
    """Whether two neighbours are texts of their own rather than cells of the same rows."""
    left_rows, right_rows = rows(left), rows(right)
    fewest = min(len(left_rows), len(right_rows))
    running = [_is_running(left_rows), _is_running(right_rows)]
    if fewest < 2:
        return False
    if all(running):
        return True
    return fewest >= 3 and any(running) and _aligned(left, right) < _LOOSE_SHARE


def _is_running(lines: list[Items]) -> bool:
    """Whether lines are set as running text: long, mostly full, close to each other."""
    spans = [_span(line) for line in lines]
    heights = [span.y2 - span.y1 for span in spans]
    usual = median(heights)
    width = max(span.x2 for span in spans) - min(span.x1 for span in spans)
    full = [span for span in spans if span.x2 - span.x1 >= _FULL * width]
    tops = [span.y1 for span in spans]
    pitches = [below - above for above, below in pairwise(tops)]
    return (
        width >= _LONG * usual
        and len(full) >= _FULL_SHARE * len(spans)
        and (not pitches or median(pitches) <= _AIRY * usual)
    )


def _aligned(left: Items, right: Items) -> float:
    """Share of the side with fewer lines that have a line at the same height on the other side."""
    few, many = sorted((left, right), key=len)
    paired = sum(
        any(abs(item.middle - other.middle) <= _ALIGNED * item.height for other in many)
        for item in few
    )
    return paired / len(few)


def _span(items: Items) -> Box:
    return Box(
        min(item.box.x1 for item in items),
        min(item.box.y1 for item in items),
        max(item.box.x2 for item in items),
        max(item.box.y2 for item in items),
    )


def rows(items: Items) -> list[Items]:
    """Lines that stand beside each other, from the top; each row from the left."""
    found: list[Items] = []
    for item in sorted(items, key=lambda item: (item.middle, item.box.x1, item.number)):
        if found and _beside(found[-1], item):
            found[-1].append(item)
        else:
            found.append([item])
    return [sorted(row, key=lambda item: (item.box.x1, item.number)) for row in found]


def _beside(row: Items, item: Item) -> bool:
    """Whether ``item`` overlaps the last of ``row`` by more than half of the lower one."""
    last = row[-1]
    overlap = min(last.box.y2, item.box.y2) - max(last.box.y1, item.box.y1)
    return overlap > min(last.height, item.height) / 2


def paragraphs(lines: list[Items]) -> list[Items]:
    """Rows gathered until a blank or another size of letters parts them."""
    found: list[Items] = []
    above: Box | None = None
    for line in lines:
        span = _span(line)
        if above is None or _parted(above, span):
            found.append([])
        found[-1] += line
        above = span
    return found


def _parted(above: Box, below: Box) -> bool:
    heights = sorted((above.y2 - above.y1, below.y2 - below.y1))
    blank = below.y1 - above.y2
    return blank > _PARAGRAPH * heights[0] or heights[1] > _RATIO * heights[0]
