"""What is written over and over at the end of an answer, and cutting it to one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """When a repeated ending is a loop rather than print.

    Attributes:
        characters: answers shorter than this are left alone.
        repeats: how often the unit stands at the end, at least twice.
        shortest: characters of the shortest unit looked for.
    """

    characters: int
    repeats: int = 10
    shortest: int = 2


def without_loop(text: str, rule: RepeatRule) -> str:
    """The text with the looping ending cut to one unit; the same text where there is no loop.

    What HunyuanOCR's own clients do after the fact. The unit has from ``rule.shortest`` characters
    up to ``1 / rule.repeats`` of the text; the shortest that repeats often enough counts.
    """
    if len(text) < rule.characters:
        return text
    for unit, size in endings(text, range(rule.shortest, len(text) // rule.repeats + 1)):
        repeats = size // unit
        if repeats >= rule.repeats:
            return text[: len(text) - unit * (repeats - 1)]
    return text


def endings(text: str, units: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Those of the lengths whose unit stands at the end of ``text`` twice or more, each with the
    characters over which it does.

    A text ends in few different squares (their number is logarithmic, Crochemore and Rytter,
    1995), so nearly all of the work is comparing halves that differ early.
    """
    for unit in units:
        if text[-2 * unit : -unit] == text[-unit:]:
            yield unit, covered(text, unit)


def covered(text: str, unit: int) -> int:
    """The greatest length of the end of ``text`` that repeats every ``unit`` characters."""
    low, high = unit, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text[-middle:-unit] == text[unit - middle or None :]:
            low = middle
        else:
            high = middle - 1
    return low
