"""Facts about characters that several formats need: what may be written, how wide, how joined."""

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Not allowed in XML 1.0 (production 2, Char), or able to steer a terminal (C0, DEL, C1), or half
# of a character (surrogates). Tab and newline stay.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Scripts written without spaces between words, so that a line end inside a paragraph is nothing.
# Hangul is not among them: Korean separates words.
_SPACELESS = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u30ff"  # CJK radicals and punctuation, kana
    "\u3100-\u312f\u31a0-\u31ff"  # Bopomofo, small kana
    "\u3400-\u4dbf\u4e00-\u9fff"  # Han
    "\uf900-\ufaff\ufe30-\ufe4f"  # compatibility forms
    "\uff00-\uff9f"  # full-width forms, half-width kana
    "\U00020000-\U0003ffff"  # Han extensions
    "]"
)

NARROW, MEDIUM, BROAD, FULL = 280, 550, 750, 1000
_NARROW = frozenset("!'()*,-./:;I[]`fijlrt{|}\u00ad\u00b7\u2018\u2019\u201c\u201d")
_BROAD = frozenset("%&@MWmw\u00c6\u00e6\u0152\u0153\u2014\u2026")


def clean(text: str) -> str:
    """Text with newlines made uniform and what no file should carry replaced by U+FFFD."""
    return _UNWRITABLE.sub(REPLACEMENT, text.replace("\r\n", "\n").replace("\r", "\n"))


def is_spaceless(character: str) -> bool:
    """Whether the character's script sets no space between words."""
    return _SPACELESS.match(character) is not None


def is_leftward(text: str) -> bool:
    """Whether the text runs from right to left: its first letter with a direction does."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False


def advance(character: str) -> int:
    """Its usual width in a plain sans-serif face, in thousandths of the type size.

    Four classes are enough to place a character inside a word whose ends are known.
    """
    if character in _NARROW:
        return NARROW
    if character in _BROAD:
        return BROAD
    return FULL if unicodedata.east_asian_width(character) in {"W", "F"} else MEDIUM


def width(text: str) -> int:
    """Sum of :func:`advance` over the text."""
    return sum(map(advance, text))
