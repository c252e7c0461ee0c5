"""How far a recognized text is from the truth."""

import re
import unicodedata
from collections import defaultdict

_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u00ad": "-",
    }
)


def normalized(text: str, compare: str | None, *, spaces: bool = False) -> str:
    """What is compared: NFKC, one kind of quotes and dashes, white space gone or single."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    if compare == "casefold":
        text = text.casefold()
    keep = spaces and compare != "nospace"
    return re.sub(r"\s+", " " if keep else "", text.strip())


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


def in_order(truth: str, text: str, compare: str | None, *, spaces: bool = False) -> int:
    """Edits between the truth and the text as it was put out."""
    return distance(
        normalized(truth, compare, spaces=spaces), normalized(text, compare, spaces=spaces)
    )


def order_free(truth: str, text: str, compare: str | None) -> int:
    """Edits when every line of the truth may stand anywhere in the text; additions are free."""
    output = normalized(text, compare)
    lines = (normalized(line, compare) for line in truth.splitlines())
    return sum(distance(line, output, anywhere=True) for line in lines)


def size_of(truth: str, compare: str | None, *, spaces: bool = False) -> int:
    """Characters of the truth as they are compared."""
    return len(normalized(truth, compare, spaces=spaces))
