"""How far a recognized text is from the truth."""

import re
import unicodedata

from ocrgate.load.quality import distance

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
