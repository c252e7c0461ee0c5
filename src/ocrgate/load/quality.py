"""How far an answer is from what stands on the page."""

import asyncio
import re
import unicodedata
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from ocrgate.load.workload import Document

_MOST_WAITING = 64
_REMEMBERED = 4096
_CHEAP = 20_000  # characters of truth times characters of answer; some 100 microseconds
_SPELLINGS = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
    }
)


def normalized(text: str) -> str:
    """What is compared: NFKC, one kind of quotes and dashes, no white space."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).translate(_SPELLINGS))


def character_error_rate(truth: str, text: str) -> float:
    """Edits between a text and the truth as a share of the truth's characters, 1 at most.

    White space does not count. A text where the truth is empty is all wrong.
    """
    right, found = normalized(truth), normalized(text)
    if not right:
        return float(bool(found))
    return min(1.0, distance(right, found) / len(right))


def distance(pattern: str, text: str, *, anywhere: bool = False) -> int:
    """Levenshtein distance; with ``anywhere``, to the part of ``text`` nearest to ``pattern``.

    Bit-parallel (Myers, 1999, in Hyyro's form of 2003): one column of the table is two integers.
    """
    size = len(pattern)
    if not size:
        return 0 if anywhere else len(text)
    where: dict[str, int] = defaultdict(int)
    for index, character in enumerate(pattern):
        where[character] |= 1 << index
    mask, last = (1 << size) - 1, 1 << (size - 1)
    plus, minus, score = mask, 0, size
    best = size
    for character in text:
        match = where.get(character, 0)
        diagonal = ((((match & plus) + plus) ^ plus) | match | minus) & mask
        up = minus | (mask & ~(diagonal | plus))
        down = plus & diagonal
        score += bool(up & last) - bool(down & last)
        up = (up << 1) | (0 if anywhere else 1)
        plus = ((down << 1) | ~(diagonal | up)) & mask
        minus = up & diagonal & mask
        best = min(best, score)
    return best if anywhere else score


class Judge:
    """Compares answers with what is known, beside the event loop and never in its way.

    The same answer of the same page is looked at once. Where answers come faster than they can be
    compared, some are not: which ones is decided by the moment, not by the answer.

    Attributes:
        skipped: answers that were not compared.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._waiting = 0
        self._known: dict[tuple[int, int], float] = {}
        self._thread = ThreadPoolExecutor(1, "judge")

    async def compare(self, document: Document, text: str) -> float | None:
        """The character error rate of an answer; None where it is not known or not compared."""
        if document.text is None:
            return None
        place = (id(document), hash(text))
        if place in self._known:
            return self._known[place]
        if len(document.text) * len(text) < _CHEAP:
            found = character_error_rate(document.text, text)
        elif self._waiting >= _MOST_WAITING:
            self.skipped += 1
            return None
        else:
            found = await self._elsewhere(document.text, text)
        if len(self._known) < _REMEMBERED:
            self._known[place] = found
        return found

    def close(self) -> None:
        """End the thread once what it compares now is compared."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _elsewhere(self, truth: str, text: str) -> float:
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, character_error_rate, truth, text)
        finally:
            self._waiting -= 1
