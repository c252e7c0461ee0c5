"""The text of a page: the same picture gives the same words, another picture gives others."""

import json
from functools import lru_cache

_SYLLABLES = [first + last for first in "bdfklmnprstv" for last in "aeiou"]
_WORDS = tuple(first + second for first in _SYLLABLES for second in _SYLLABLES)
_LINE = 12  # tokens; every line of the text has as many words
_LOOP = 8  # tokens that repeat when the model loops


class PageText:
    """What the model writes of one picture, by tokens: one token is one word.

    Args:
        digest: of the picture; the first word is ``page`` and the second the digest itself, so that
            mixed-up answers are seen at once.
        loops_at: the token from which the last words repeat; None when they do not.
    """

    __slots__ = ("_digest", "_loops_at")

    def __init__(self, digest: int, loops_at: int | None = None) -> None:
        self._digest = digest
        self._loops_at = loops_at

    def between(self, first: int, last: int) -> str:
        """Tokens ``first`` to ``last`` (the latter not among them), with the space before each."""
        return "".join([self._token(place) for place in range(first, last)])

    def _token(self, place: int) -> str:
        loops_at = self._loops_at
        if loops_at is not None and place >= loops_at:
            start = max(0, loops_at - _LOOP)
            place = start + (place - loops_at) % max(1, loops_at - start)
        if place == 0:
            return "page"
        if place == 1:
            return f" {self._digest:016x}"
        gap = "\n" if place % _LINE == 0 else " "
        return gap + _word(self._digest, place)


@lru_cache(maxsize=4096)
def _word(digest: int, place: int) -> str:
    mixed = (digest ^ (place * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93
    return _WORDS[(mixed >> 29) % len(_WORDS)]


def quoted(text: str) -> bytes:
    """The text as the inside of a JSON string."""
    return json.dumps(text).encode()[1:-1]
