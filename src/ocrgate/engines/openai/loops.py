r"""Runaway repetition: noticed while text is written, and trimmed off afterwards.

A model that has lost the page writes one unit over and over. So do pages: rules of a table
(``|---|---|``), dot leaders, runs of ``&nbsp;``, empty rows of a form, columns of zeros. A tail
that repeats one unit is a loop when it passes both bounds of the unit's kind:

=======  ==========================================================  =======  ===========
kind     its unit                                                    repeats  UTF-8 bytes
=======  ==========================================================  =======  ===========
filler   no letter or digit outside tags and entities                     16        4,000
row      cells of a table (HTML, Markdown, LaTeX)                          3        3,000
short    less than 24 bytes of letters and digits                         16        1,000
text     anything else                                                     3            0
=======  ==========================================================  =======  ===========

and then goes on: running text for 160 bytes, the others for up to 64 characters of one more repeat,
since forms in triplicate are real.
Bytes stand for tokens (about four each in every script). So running text, with 24 bytes of words or
more in its unit, is cut within 64 tokens of the end of its third repeat; shorter and structured
units later, because until then they cannot be told from what pages hold.
"""

import math
import re
from dataclasses import dataclass

from ocrgate.engines.recipes.reading.repeats import covered, endings

MAX_UNIT = 2048
"""Characters of the longest unit that is noticed."""

STEP = 32
"""Characters between two looks."""

_SLACK = 64
_KEPT = 4 * MAX_UNIT
_SCALES = tuple(16 << step for step in range((MAX_UNIT // 16).bit_length()))
_TRIES = 4
_MARKUP = re.compile(r"</?\w[^<>]{0,200}>|&#?\w{1,10};")
_CELL = re.compile(r"</?t[dhr]\b|\||\\\\")
_WORD_REST = re.compile(r"(?<=\S)\S{0,24}(?=\s)")
_WORDY = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often, and over how many bytes, a unit may be repeated."""

    repeats: int
    bytes: int
    after: int | None = None
    """Bytes beyond the repeats; None means up to :data:`_SLACK` characters of one more."""


FILLER = Bounds(16, 4000)
ROW = Bounds(3, 3000)
SHORT = Bounds(16, 1000)
TEXT = Bounds(3, 0, after=160)


def bounds_of(unit: str) -> Bounds:
    """The bounds of a unit, wherever in it the tail begins."""
    # A tag may be cut in two at the ends: three copies less two leave one whole unit.
    wordy = _wordy_bytes(unit * 3) - _wordy_bytes(unit * 2)
    if wordy == 0:
        return FILLER
    if _CELL.search(unit * 2):
        return ROW
    return SHORT if wordy < 24 else TEXT


def _wordy_bytes(text: str) -> int:
    words = _WORDY.findall(_MARKUP.sub(" ", text))
    return sum(len(word.encode()) for word in words)


def allowed(unit: str) -> int:
    """The characters over which ``unit`` may be repeated: one more look at as many is a loop."""
    bounds = bounds_of(unit)
    per_byte = len(unit) / len(unit.encode())
    after = min(len(unit), _SLACK) if bounds.after is None else math.ceil(bounds.after * per_byte)
    return max(bounds.repeats * len(unit) + after, math.ceil(bounds.bytes * per_byte))


class LoopWatch:
    """Watches one text as it is written.

    For each scale ``s`` it looks where the last ``s`` characters stood before, at most ``s``
    further up: a tail of period ``p`` with ``s/2 < p <= s`` shows there at distance ``p``. A look
    is a fixed number of searches and comparisons in bounded strings, made once per :data:`STEP`
    characters: constant work per character, and memory of some thousand characters.
    """

    __slots__ = ("_new", "_size", "_tail", "period")

    def __init__(self) -> None:
        self._tail = ""
        self._new: list[str] = []
        self._size = 0
        self.period = 0
        """Characters of the unit that is repeated; 0 while there is none."""

    def feed(self, text: str) -> bool:
        """Take more text. True once it ends in a loop."""
        self._new.append(text)
        self._size += len(text)
        if self._size < STEP or self.period:
            return self.period > 0
        self._tail = (self._tail + "".join(self._new))[-_KEPT - self._size :]
        self._new.clear()
        self._size = 0
        self.period = self._look()
        return self.period > 0

    def _look(self) -> int:
        tail = self._tail
        for scale in _SCALES:
            if 2 * scale > len(tail) and scale > 16:
                break
            if period := _repeated(tail, scale):
                return period
        return 0


def _repeated(tail: str, scale: int) -> int:
    """The period of a loop at the end of ``tail`` that shows at this scale, 0 without one."""
    size = len(tail)
    needle = tail[-scale:]
    place = size - scale
    for _ in range(_TRIES):
        place = tail.rfind(needle, max(0, size - 2 * scale), place + scale - 1)
        if place < 0:
            return 0
        if period := _loop(tail, size - scale - place):
            return period
    return 0


def _loop(tail: str, period: int) -> int:
    """The period of the loop that ``tail`` ends in, if it repeats with ``period``; else 0."""
    unit = tail[-period:]
    if tail[-2 * period : -period] != unit:
        return 0
    period = (unit + unit).find(unit, 1)  # of several units, one
    length = allowed(unit[-period:])
    looped = length <= len(tail) and tail[-length:-period] == tail[period - length :]
    return period if looped else 0


def trimmed(text: str, period: int = 0) -> str:
    """``text`` with the repeats at its end taken off, one unit left.

    Args:
        text: that ends in a loop.
        period: characters of its unit; 0 looks for the one that explains most of the end.
    """
    period = period or _best_period(text)
    if not period:
        return text
    end = len(text) - covered(text, period) + period
    # What stands before the loop may by chance look like the end of its unit: finish the word.
    rest = _WORD_REST.match(text, end)
    return text[: rest.end() if rest and rest.end() - end < period else end]


def _best_period(text: str) -> int:
    best, most = 0, 0
    for period, size in endings(text, range(1, min(MAX_UNIT, len(text) // 2) + 1)):
        if size > most and size >= most + period:
            best, most = period, size
    return best
