"""Lines of a page to text: the fast weights first, the strong ones where they are not sure."""

from dataclasses import dataclass, field

import numpy as np

from ocrgate.engines.cpu.cancel import Check
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.geometry import Pixels, Quad, crop, is_tall
from ocrgate.engines.cpu.models import Models, Plan
from ocrgate.engines.cpu.recognize import Recognizer
from ocrgate.engines.cpu.script import is_cjk_text

_SURE = 0.95  # mean confidence from which a line of the fast weights stands
_HARD_PAGE = 0.25  # share of unsure lines from which the whole page is read again
_TURN_SURE = 0.85  # confidence from which a downward line is not tried the other way


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One line: what it says and where.

    ``quad`` begins at the text's own top left, so for a word that runs up along a margin it
    begins at the bottom left of its box. ``vertical`` text has upright characters below each
    other; its quad begins at the top left of its column. ``strong`` is whether the strong
    weights had the last word.
    """

    quad: Quad
    reading: Reading
    strong: bool = False
    vertical: bool = False


@dataclass(slots=True)
class LineReader:
    """Reads lines of one page by one plan; a line is never read twice by the same weights."""

    models: Models
    plan: Plan
    page: Pixels
    check: Check
    _known: dict[bytes, ReadLine] = field(default_factory=dict)

    def first(self, quad: Quad) -> ReadLine:
        """The line as the plan's first weights read it."""
        key = quad.tobytes()
        if key not in self._known:
            self.check()
            self._known[key] = read_line(self.models.recognizer(self.plan.first), self.page, quad)
        return self._known[key]

    def read(self, quads: list[Quad]) -> list[ReadLine]:
        """All lines, with the unsure ones read again where the plan says so."""
        lines = [self.first(quad) for quad in quads]
        if self.plan.again is None:
            return lines
        unsure = [line.reading.confidence < _SURE for line in lines]
        if sum(unsure) >= _HARD_PAGE * len(lines):
            unsure = [True] * len(lines)
        recognizer = self.models.recognizer(self.plan.again)
        return [
            self._again(recognizer, quad) if again else line
            for quad, line, again in zip(quads, lines, unsure, strict=True)
        ]

    def _again(self, recognizer: Recognizer, quad: Quad) -> ReadLine:
        self.check()
        return read_line(recognizer, self.page, quad, strong=True)


def read_line(
    recognizer: Recognizer, page: Pixels, quad: Quad, *, strong: bool = False
) -> ReadLine:
    """One line; a tall one is tried as running downwards, then as running upwards."""
    pixels = crop(page, quad)
    if not is_tall(quad):
        return ReadLine(quad, recognizer.read(pixels), strong)
    down = recognizer.read(np.rot90(pixels))
    if down.confidence < _TURN_SURE:
        up = recognizer.read(np.rot90(pixels, -1))
        if up.confidence > down.confidence:
            return ReadLine(np.roll(quad, 1, axis=0), up, strong)
    if is_cjk_text(down.text):
        return ReadLine(quad, down, strong, vertical=True)
    return ReadLine(np.roll(quad, -1, axis=0), down, strong)


def read_cells(recognizer: Recognizer, page: Pixels, quad: Quad, reading: Reading) -> Reading:
    """Read the characters of a downward line upright: each cut out and set beside the others.

    Text set downwards then reads as it did, and a line of a page that lies on its side does not.
    """
    pixels = crop(page, quad)
    height, width = pixels.shape[:2]
    half = max(1, width // 2)
    cells = []
    for place in reading.places:
        middle = min(max(round(place * height), half), height - half)
        cells.append(pixels[middle - half : middle + half])
    if not cells:
        return Reading()
    return recognizer.read(np.concatenate(cells, axis=1))
