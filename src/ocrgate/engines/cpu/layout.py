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
_CELL_PITCH = 2.4  # heights between the middles of two lines of one cell at most
_LEVEL = 0.25  # heights by which what stands beside one line of a cell may miss its middle
_BETWEEN = 0.3  # heights by which a row may miss the middle of a cell of two lines
_HEAD = 1.3  # blank heights that set a running head or a page number apart from columns
_BLANK_MORE = 0.4  # heights by which the blank between paragraphs exceeds the usual one


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


class _Extent(NamedTuple):
    """Bands from ``first`` to before ``last`` that leave the same place free.

    ``support`` is how many lines stand on the side that has fewer; ``middle`` the place.
    """

    support: int
    first: int
    last: int
    middle: float


class _Columns(NamedTuple):
    """Bands from ``first`` to before ``last``, and the gutters that part them into columns."""

    first: int
    last: int
    gutters: list[float]


Items = list[Item]
Gap = tuple[float, float]


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
    for item in sorted(items, key=_natural):
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
    waiting = sorted({_extent(bands, *start) for start in _starts(bands)}, reverse=True)
    seen = set()
    while waiting:
        extent = waiting.pop(0)
        if extent in seen or extent.support < 2:
            continue
        seen.add(extent)
        gutters = _proven(_flat(bands[extent.first : extent.last]))
        cut = (_weak_end if gutters else _widest_blank)(bands, extent)
        if gutters and cut is None:
            return _Columns(extent.first, extent.last, gutters)
        if cut is not None:
            waiting = sorted([*waiting, *_halves(bands, extent, cut)], reverse=True)
    return None


def _starts(bands: list[Items]) -> Iterable[tuple[int, Gap]]:
    for place, band in enumerate(bands):
        yield from ((place, gap) for gap in _free(band)[1:-1])


def _free(items: Items) -> list[Gap]:
    """Stretches without any item, from far left to far right."""
    found: list[Gap] = []
    edge = float("-inf")
    for item in sorted(items, key=lambda item: item.box.x1):
        if item.box.x1 > edge:
            found.append((edge, item.box.x1))
        edge = max(edge, item.box.x2)
    return [*found, (edge, float("inf"))]


def _extent(bands: list[Items], place: int, gap: Gap) -> _Extent:
    """How far up and down a gap goes on from the band where it was seen."""
    least = _GUTTER * _height(_flat(bands))
    first = place
    while first > 0 and (narrower := _through(bands[first - 1], gap, least)):
        first, gap = first - 1, narrower
    last = place + 1
    while last < len(bands) and (narrower := _through(bands[last], gap, least)):
        last, gap = last + 1, narrower
    return _supported(bands, first, last, (gap[0] + gap[1]) / 2)


def _through(items: Items, gap: Gap, least: float) -> Gap | None:
    """The part of a gap that goes on through a band, if it is wide enough."""
    parts = [(max(gap[0], left), min(gap[1], right)) for left, right in _free(items)]
    widest = max(parts, key=lambda part: part[1] - part[0])
    return widest if widest[1] - widest[0] >= least else None


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
        max(0.0, _span(below).y1 - _span(above).y2)
        for column in _columns(items, gutters)
        for above, below in pairwise(rows(column))
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
    sides = rows(left), rows(right)
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
    spans = [_span(line) for line in lines]
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


def _span(items: Items) -> Box:
    return Box(
        min(item.box.x1 for item in items),
        min(item.box.y1 for item in items),
        max(item.box.x2 for item in items),
        max(item.box.y2 for item in items),
    )


def rows(items: Items) -> list[Items]:
    """Lines that stand beside each other, from the top; each row cell by cell from the left."""
    found: list[list[Items]] = []
    for cell in sorted(_cells(items), key=lambda cell: (_middle(cell), cell[0].box.x1)):
        if found and _beside(found[-1], cell):
            found[-1].append(cell)
        else:
            found.append([cell])
    return [_row(_flat(cells)) for cells in found]


def _cells(items: Items) -> list[Items]:
    """Single lines, and pairs of lines that are one cell.

    Two lines below each other are one cell when something in its row stands at the height of the
    gap between them, and nothing at theirs.
    """
    cells: list[Items] = []
    taken: set[int] = set()
    for item in sorted(items, key=_natural):
        if item.number in taken:
            continue
        mate = _mate(item, [other for other in items if other.number not in taken])
        cells.append([item, mate] if mate else [item])
        taken.update(member.number for member in cells[-1])
    return cells


def _mate(item: Item, others: Items) -> Item | None:
    """The second line of the cell that begins with ``item``."""
    below = [other for other in others if _is_next_line(item, other)]
    if len(below) != 1:
        return None
    level = [other for other in others if not _overlaps_across(item, other)]
    gap = (item.middle + below[0].middle) / 2
    between = any(abs(other.middle - gap) <= _BETWEEN * item.height for other in level)
    alone = not any(
        abs(other.middle - line.middle) <= _LEVEL * item.height
        for other in level
        for line in (item, below[0])
    )
    return below[0] if between and alone else None


def _is_next_line(above: Item, below: Item) -> bool:
    return (
        0 < below.middle - above.middle <= _CELL_PITCH * above.height
        and abs(below.box.x1 - above.box.x1) <= above.height
        and below.height <= _RATIO * above.height
    )


def _overlaps_across(one: Item, other: Item) -> bool:
    """Whether two items share some of the page's width."""
    return min(one.box.x2, other.box.x2) > max(one.box.x1, other.box.x1)


def _middle(cell: Items) -> float:
    return sum(item.middle for item in cell) / len(cell)


def _beside(row: list[Items], cell: Items) -> bool:
    """Whether ``cell`` overlaps the last of ``row`` by more than half of the lower one."""
    last, span = _span(row[-1]), _span(cell)
    overlap = min(last.y2, span.y2) - max(last.y1, span.y1)
    return overlap > min(last.y2 - last.y1, span.y2 - span.y1) / 2


def _row(items: Items) -> Items:
    """Items of one row from the left; what is stacked in one place, from the top."""
    stacks: list[Items] = []
    for item in sorted(items, key=lambda item: (item.box.x1, item.number)):
        if stacks and _stacked(stacks[-1][-1], item):
            stacks[-1].append(item)
        else:
            stacks.append([item])
    return [item for stack in stacks for item in sorted(stack, key=_natural)]


def _stacked(one: Item, other: Item) -> bool:
    """Whether one stands above the other rather than beside it."""
    across = min(one.box.x2, other.box.x2) - max(one.box.x1, other.box.x1)
    narrower = min(one.box.x2 - one.box.x1, other.box.x2 - other.box.x1)
    return across > narrower / 2


def paragraphs(lines: list[Items]) -> list[Items]:
    """Rows gathered until a wider blank or another size of letters parts them."""
    spans = [_span(line) for line in lines]
    blanks = [below.y1 - above.y2 for above, below in pairwise(spans)]
    height = median(span.y2 - span.y1 for span in spans) if spans else 0.0
    usual = min(median(blanks), _AIRY * height) if len(blanks) > 1 else _PARAGRAPH * height
    found: list[Items] = []
    for index, line in enumerate(lines):
        if index == 0 or _parted(spans[index - 1], spans[index], usual + _BLANK_MORE * height):
            found.append([])
        found[-1] += line
    return found


def _parted(above: Box, below: Box, blank: float) -> bool:
    heights = sorted((above.y2 - above.y1, below.y2 - below.y1))
    return below.y1 - above.y2 > blank or heights[1] > _RATIO * heights[0]
