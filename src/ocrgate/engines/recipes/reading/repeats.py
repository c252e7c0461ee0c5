"""An answer that ends in the same thing over and over is cut to one of them.

What HunyuanOCR's own clients do after the fact, here in linear time: all lengths of the repeated
unit are tried at once with Z values (the length of the common beginning of a text and its rest),
taken over the reversed text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """When a repeated ending is a loop rather than print.

    Attributes:
        characters: answers shorter than this are left alone.
        repeats: how often the unit stands at the end, at least.
        shortest: characters of the shortest unit looked for.
    """

    characters: int
    repeats: int = 10
    shortest: int = 2


def without_loop(text: str, rule: RepeatRule) -> str:
    """The text with the looping ending cut to one unit; the same text where there is no loop.

    The unit has from ``rule.shortest`` characters up to ``1 / rule.repeats`` of the text; the
    shortest that repeats often enough counts.
    """
    if len(text) < rule.characters:
        return text
    for unit, shared in enumerate(_shared_endings(text, len(text) // rule.repeats)):
        repeats = shared // unit + 1 if unit else 0
        if unit >= rule.shortest and repeats >= rule.repeats:
            return text[: len(text) - unit * (repeats - 1)]
    return text


def _shared_endings(text: str, most: int) -> list[int]:
    """For every shift up to ``most``: how long an ending the text shares with itself shifted.

    The Z algorithm (Gusfield, 1997): ``left`` to ``right`` is the known match that reaches
    furthest, and what it covers is copied rather than compared.
    """
    back, size = text[::-1], len(text)
    shared = [size] + [0] * most
    left = right = 0
    for shift in range(1, most + 1):
        known = min(right - shift, shared[shift - left]) if shift < right else 0
        while shift + known < size and back[known] == back[shift + known]:
            known += 1
        shared[shift] = known
        if shift + known > right:
            left, right = shift, shift + known
    return shared
