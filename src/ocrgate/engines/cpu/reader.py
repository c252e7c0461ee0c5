"""Lines of a page to text: the fast weights first, the strong ones where they are not sure."""

from dataclasses import dataclass, field

import numpy as np

from ocrgate.engines.cpu.cancel import Check
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.geometry import Pixels, Quad, crop, is_tall, sides
from ocrgate.engines.cpu.models import Models, Plan
from ocrgate.engines.cpu.recognize import Recognizer
from ocrgate.engines.cpu.script import has_accents, has_rare_characters, is_cjk_text

_SURE = 0.97  # mean confidence from which a line of the fast weights stands
_SURE_CHARACTER = 0.5  # and what its least sure character must reach
_SURE_ACCENT = 0.7  # the same in a language with accents: one wrong mark hardly shows in the mean
_ACCENTED_PAGE = 0.2  # share of lines with accents that show such a language
_HARD = 0.95  # mean confidence below which a line is hard for the fast weights
_HARD_PAGE = 0.25  # share of hard lines from which the whole page is read by the strong weights
_FIRST_LINES = 8  # if all of the first so many are hard, the rest is not tried by the fast weights
_WIDEST_LETTER = 2.0  # heights of the line that one letter and the space beside it take at most
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

    @property
    def confidence(self) -> float:
        """Mean probability of its characters, less where they are too few to fill the line.

        Of a script they do not know, the networks often read nothing but a full stop, and that
        for sure.
        """
        length, height = max(sides(self.quad)), min(sides(self.quad))
        letters = len(self.reading.text.replace(" ", ""))
        filled = letters * _WIDEST_LETTER * height / max(length, 1e-6)
        return self.reading.confidence * min(1.0, filled)


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
        if self.plan.again is None:
            return [self.first(quad) for quad in quads]
        if self._hopeless(quads):
            return [self._again(quad) for quad in quads]
        lines = [self.first(quad) for quad in quads]
        hard = sum(line.confidence < _HARD for line in lines)
        every = hard >= _HARD_PAGE * len(lines)
        accented = sum(has_accents(line.reading.text) for line in lines)
        bar = _SURE_ACCENT if accented > _ACCENTED_PAGE * len(lines) else _SURE_CHARACTER
        return [
            self._again(quad) if every or is_unsure(line, bar) else line
            for quad, line in zip(quads, lines, strict=True)
        ]

    def _hopeless(self, quads: list[Quad]) -> bool:
        """Whether the fast weights fail on every one of the first lines."""
        firsts = quads[:_FIRST_LINES]
        return len(firsts) == _FIRST_LINES and all(
            self.first(quad).confidence < _HARD for quad in firsts
        )

    def _again(self, quad: Quad) -> ReadLine:
        assert self.plan.again is not None
        self.check()
        return read_line(self.models.recognizer(self.plan.again), self.page, quad, strong=True)


def is_unsure(line: ReadLine, bar: float) -> bool:
    """Whether the fast weights' reading of a line should be checked by the strong ones.

    ``bar`` is the least probability that every single character must reach. The fast weights know
    few traditional and rare characters and take those they do not know for similar ones.
    """
    return (
        line.confidence < _SURE
        or min(line.reading.scores) < bar
        or has_rare_characters(line.reading.text)
    )


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
    return recognizer.read(np.concatenate(cells, axis=1), whole=True)
