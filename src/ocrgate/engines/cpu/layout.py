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
from ocrgate.engines.cpu.rows import (
    Item,
    Items,
    natural,
    paragraphs,
    plain_rows,
    rows,
    span_of,
)

_TRIM_X, _TRIM_Y = 0.15, 0.2  # shares of the height by which the detector's boxes are too large
_GUTTER = 0.6  # narrowest gutter, in line heights
_LONG = 12.0  # width in heights from which lines are running text rather than cells
_LONGER = 24.0  # the same where there are few lines
_MANY = 5  # lines of a column from which it needs not be so wide
_SHORT = 7.0  # the same where the lines of both sides stand at heights of their own
_FULL = 0.7  # share of its column's width that a full line takes
_FULL_SHARE = 0.6  # of a column's lines that are full in running text
_AIRY = 4.6  # pitch in heights above which long lines are no text (double spacing is 4.5)
_DENSE = 2.6  # the same for short ones
_ALIGNED = 0.45  # heights by which the middles of cells in one row differ at most
_LOOSE_SHARE = 0.65  # aligned lines below which two sides have nothing to do with each other
_PARAGRAPH = 0.75  # blank heights between lines that part paragraphs
_RATIO = 1.45  # of line heights that part a heading from its text
_TALL_HEIGHTS = 2.5
_MOST_TRIES = 40  # regions looked at for columns before a region is read row by row
_HEAD = 1.3  # blank heights that set a running head or a page number apart from columns


class _Extent(NamedTuple):
    """Bands from ``first`` to before ``last`` that leave the same place free.

    ``support`` is how many lines stand on the side that has fewer; ``middle`` the place.
    """

    support: int
    first: int
    last: int
    middle: float

    def holds(self, place: int, gap: "Gap") -> bool:
        """Whether the gap of that band is a part of this one."""
        return self.first <= place < self.last and gap[0] < self.middle < gap[1]


class _Columns(NamedTuple):
    """Bands from ``first`` to before ``last``, and the gutters that part them into columns."""

    first: int
    last: int
    gutters: list[float]


Gap = tuple[float, float]


def arrange(boxes: Sequence[Box]) -> list[list[int]]:
    """Paragraphs in reading order, each the indexes of its lines in reading order.

    Args:
        boxes: one per line, in any order, of a page whose lines run level from left to right.
    """
    left = min((box.x1 for box in boxes), default=0.0)
    top = min((box.y1 for box in boxes), default=0.0)
    items = [Item(_trimmed(box, left, top), index) for index, box in enumerate(boxes)]
    usual = median(item.height for item in items) if items else 0.0
    tall = [item for item in items if _is_tall(item.box, usual)]
    level = [item for item in items if not _is_tall(item.box, usual)]
    blocks = _ordered(sorted(level, key=natural))
    blocks += [[item] for item in sorted(tall, key=natural)]
    return [[item.number for item in block] for block in blocks]


def _trimmed(box: Box, left: float, top: float) -> Box:
    """The box without the detector's margin, seen from the corner of the text."""
    height = min(box.y2 - box.y1, box.x2 - box.x1)
    dx, dy = _TRIM_X * height, _TRIM_Y * height
    x1, y1, x2, y2 = box.x1 - left, box.y1 - top, box.x2 - left, box.y2 - top
    return Box(x1 + dx, y1 + dy, x2 - dx, y2 - dy)


def _is_tall(box: Box, usual: float) -> bool:
    height = box.y2 - box.y1
    return height > _TALL_HEIGHTS * usual and height > box.x2 - box.x1


def _ordered(items: Items) -> list[Items]:
    """Paragraphs of one region: what is above its best columns, these, what is below."""
    bands = _bands(items)
    found = _best_columns(bands)
    if found is None:
        return paragraphs(rows(items))
    inside = _flat(bands[found.first : found.last])
    blocks = _ordered(_flat(bands[: found.first]))
    for column in _columns(inside, found.gutters):
        blocks += _ordered(column)
    return blocks + _ordered(_flat(bands[found.last :]))


def _bands(items: Items) -> list[Items]:
    """Groups that a level line through blank paper can part, from the top down."""
    bands: list[Items] = []
    bottom = float("-inf")
    for item in sorted(items, key=natural):
        if not bands or item.box.y1 >= bottom:
            bands.append([])
        bands[-1].append(item)
        bottom = max(bottom, item.box.y2)
    return bands


def _flat(bands: Iterable[Items]) -> Items:
    return [item for band in bands for item in band]


def _gutters(items: Items) -> list[float]:
    """Middles of the gaps that no line crosses, from the left."""
    least = _GUTTER * _height(items)
    found: list[float] = []
    edge = None
    for item in sorted(items, key=lambda item: item.box.x1):
        if edge is not None and item.box.x1 - edge >= least:
            found.append((edge + item.box.x1) / 2)
        edge = item.box.x2 if edge is None else max(edge, item.box.x2)
    return found


def _best_columns(bands: list[Items]) -> _Columns | None:
    """The proven columns with most lines beside each other."""
    waiting = sorted(_extents(bands), reverse=True)
    for _ in range(_MOST_TRIES):
        if not waiting or waiting[0].support < 2:
            return None
        extent = waiting.pop(0)
        gutters = _proven(_flat(bands[extent.first : extent.last]))
        cut = (_weak_end if gutters else _widest_blank)(bands, extent)
        if gutters and cut is None:
            return _Columns(extent.first, extent.last, gutters)
        if cut is not None:
            waiting = sorted({*waiting, *_halves(bands, extent, cut)}, reverse=True)
    return None


def _extents(bands: list[Items]) -> list[_Extent]:
    """For the gaps inside bands: how far up and down each goes on."""
    free = [_free(band) for band in bands]
    least = _GUTTER * _height(_flat(bands)) if bands else 0.0
    found: list[_Extent] = []
    for place, gaps in enumerate(free):
        for gap in gaps[1:-1]:
            if any(known.holds(place, gap) for known in found):
                continue
            up, narrower = _followed(free[:place][::-1], gap, least)
            down, narrower = _followed(free[place + 1 :], narrower, least)
            middle = (narrower[0] + narrower[1]) / 2
            found.append(_supported(bands, place - up, place + 1 + down, middle))
    return found


def _free(items: Items) -> list[Gap]:
    """Stretches without any item, from far left to far right."""
    found: list[Gap] = []
    edge = float("-inf")
    for item in sorted(items, key=lambda item: item.box.x1):
        if item.box.x1 > edge:
            found.append((edge, item.box.x1))
        edge = max(edge, item.box.x2)
    return [*found, (edge, float("inf"))]


def _followed(free: list[list[Gap]], gap: Gap, least: float) -> tuple[int, Gap]:
    """Through how many bands a gap goes on, and what is left of its width."""
    for count, gaps in enumerate(free):
        parts = [(max(gap[0], left), min(gap[1], right)) for left, right in gaps]
        widest = max(parts, key=lambda part: part[1] - part[0])
        if widest[1] - widest[0] < least:
            return count, gap
        gap = widest
    return len(free), gap


def _supported(bands: list[Items], first: int, last: int, middle: float) -> _Extent:
    sides = [item.box.x2 <= middle for item in _flat(bands[first:last])]
    return _Extent(min(sum(sides), len(sides) - sum(sides)), first, last, middle)


def _halves(bands: list[Items], extent: _Extent, cut: int) -> list[_Extent]:
    return [
        _supported(bands, first, last, extent.middle)
        for first, last in ((extent.first, cut), (cut, extent.last))
    ]


def _widest_blank(bands: list[Items], extent: _Extent) -> int | None:
    """The band below the widest blank of an extent, if that is wider than inside its texts."""
    places = range(extent.first + 1, extent.last)
    if not places:
        return None
    inside = _flat(bands[extent.first : extent.last])
    least = _usual_blank(inside, [extent.middle]) + _PARAGRAPH * _height(inside)
    widest = max(places, key=lambda place: _blank(bands, place))
    return widest if _blank(bands, widest) > least else None


def _weak_end(bands: list[Items], extent: _Extent) -> int | None:
    """Where to cut off a first or last band that only happens to leave the gutter free.

    That is a band set apart by a blank whose lines are no columns themselves: a running head, a
    page number, a caption below.
    """
    inside = _flat(bands[extent.first : extent.last])
    usual, blank = _height(inside), _usual_blank(inside, [extent.middle])
    for place in (extent.first + 1, extent.last - 1):
        if not extent.first < place < extent.last:
            continue
        end = bands[extent.first] if place == extent.first + 1 else bands[extent.last - 1]
        least = _PARAGRAPH if _set_otherwise(end, usual) else _HEAD
        if _blank(bands, place) > blank + least * usual and not _proven(end):
            return place
    return None


def _height(items: Items) -> float:
    return median(item.height for item in items)


def _usual_blank(items: Items, gutters: list[float]) -> float:
    """Median blank between the lines of the columns."""
    blanks = [
        max(0.0, span_of(below).y1 - span_of(above).y2)
        for column in _columns(items, gutters)
        for above, below in pairwise(plain_rows(column))
    ]
    return median(blanks) if blanks else 0.0


def _set_otherwise(items: Items, usual: float) -> bool:
    """Whether lines are much larger or smaller than usual."""
    height = _height(items)
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
    sides = plain_rows(left), plain_rows(right)
    fewest = min(map(len, sides))
    if fewest < 2:
        return False
    loose = _aligned(left, right) < _LOOSE_SHARE
    least = _LONG if fewest >= _MANY or (loose and fewest > 2) else _LONGER
    if all(_is_text(lines, least, _AIRY) for lines in sides):
        return True
    return loose and fewest > 2 and all(_is_text(lines, _SHORT, _DENSE) for lines in sides)


def _is_text(lines: list[Items], least: float, airy: float) -> bool:
    """Whether rows are set as text: long in heights, mostly full, close to each other."""
    spans = [span_of(line) for line in lines]
    inked = [_inked(line) for line in lines]
    usual = median(span.y2 - span.y1 for span in spans)
    width = max(span.x2 for span in spans) - min(span.x1 for span in spans)
    pitches = [below.y1 - above.y1 for above, below in pairwise(spans)]
    return (
        median(inked) >= least * usual
        and sum(ink >= _FULL * width for ink in inked) >= _FULL_SHARE * len(inked)
        and median(pitches) <= airy * usual
    )


def _inked(line: Items) -> float:
    """Width of a row without the blanks between its items."""
    return sum(item.box.x2 - item.box.x1 for item in line)


def _aligned(left: Items, right: Items) -> float:
    """Share of the side with fewer lines that have a line at the same height on the other side."""
    few, many = sorted((left, right), key=len)
    paired = sum(
        any(abs(item.middle - other.middle) <= _ALIGNED * item.height for other in many)
        for item in few
    )
    return paired / len(few)
