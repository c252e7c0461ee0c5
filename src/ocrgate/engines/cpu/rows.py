"""Lines gathered into rows, cells and paragraphs, from their boxes alone.

Lengths are compared with line heights, never with pixels.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from ocrgate.domain.recognition import Box

_PARAGRAPH = 0.75  # blank heights between two lines that part them if nothing else is known
_AIRY = 4.6  # blank heights between lines of one text at most
_RATIO = 1.45  # of line heights that part a heading from its text
_CELL_PITCH = 2.4  # heights between the middles of two lines of one cell at most
_LEVEL = 0.25  # heights by which what stands beside one line of a cell may miss its middle
_BETWEEN = 0.3  # heights by which a row may miss the middle of a cell of two lines
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


Items = list[Item]


def natural(item: Item) -> tuple[float, ...]:
    """Makes results independent of the order of the input."""
    return (item.box.y1, item.box.x1, item.box.y2, item.box.x2, item.number)


def span_of(items: Items) -> Box:
    """The box around some items."""
    return Box(
        min(item.box.x1 for item in items),
        min(item.box.y1 for item in items),
        max(item.box.x2 for item in items),
        max(item.box.y2 for item in items),
    )


def rows(items: Items) -> list[Items]:
    """Lines that stand beside each other, from the top; each row cell by cell from the left."""
    return [_row([item for cell in row for item in cell]) for row in _clustered(_cells(items))]


def plain_rows(items: Items) -> list[Items]:
    """The same without a look at cells of several lines, in time for many lines."""
    return [[cell[0] for cell in row] for row in _clustered([[item] for item in items])]


def _clustered(cells: list[Items]) -> list[list[Items]]:
    found: list[list[Items]] = []
    for cell in sorted(cells, key=lambda cell: (_middle(cell), natural(cell[0]))):
        if found and _beside(found[-1], cell):
            found[-1].append(cell)
        else:
            found.append([cell])
    return found


def _cells(items: Items) -> list[Items]:
    """Single lines, and pairs of lines that are one cell.

    Two lines below each other are one cell when something in its row stands at the height of the
    gap between them, and nothing at theirs.
    """
    near = _Neighbors(items)
    cells: list[Items] = []
    taken: set[int] = set()
    for item in sorted(items, key=natural):
        if item.number in taken:
            continue
        mate = _mate(item, [other for other in near.of(item) if other.number not in taken])
        cells.append([item, mate] if mate else [item])
        taken.update(member.number for member in cells[-1])
    return cells


class _Neighbors:
    """Finds the items near the height of one of them without a look at all."""

    def __init__(self, items: Items) -> None:
        self._items = sorted(items, key=lambda item: (item.middle, natural(item)))
        self._middles = [item.middle for item in self._items]

    def of(self, item: Item) -> Items:
        """Those from one line above to a cell's second line below."""
        first = bisect_left(self._middles, item.middle - item.height)
        last = bisect_right(self._middles, item.middle + (_CELL_PITCH + 1) * item.height)
        return self._items[first:last]


def _mate(item: Item, near: Items) -> Item | None:
    """The second line of the cell that begins with ``item``, among the items near it."""
    below = [other for other in near if _is_next_line(item, other)]
    if len(below) != 1:
        return None
    level = [other for other in near if not _overlaps_across(item, other)]
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
    last, span = span_of(row[-1]), span_of(cell)
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
    return [item for stack in stacks for item in sorted(stack, key=natural)]


def _stacked(one: Item, other: Item) -> bool:
    """Whether one stands above the other rather than beside it."""
    across = min(one.box.x2, other.box.x2) - max(one.box.x1, other.box.x1)
    narrower = min(one.box.x2 - one.box.x1, other.box.x2 - other.box.x1)
    return across > narrower / 2


def paragraphs(lines: list[Items]) -> list[Items]:
    """Rows gathered until a wider blank or another size of letters parts them."""
    spans = [span_of(line) for line in lines]
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
