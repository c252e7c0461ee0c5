"""From the recognizer's steps to characters: greedy CTC decoding.

Connectionist temporal classification (Graves et al., 2006): one class per step, repeats folded,
blanks dropped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of one line.

    Attributes:
        text: as recognized, spaces included.
        scores: probability of each character of ``text``.
        places: centre of each character along the line, 0 at its start and 1 at its end.
    """

    text: str = ""
    scores: tuple[float, ...] = ()
    places: tuple[float, ...] = ()

    @property
    def confidence(self) -> float:
        """Mean probability of the characters; 0 for no text."""
        return sum(self.scores) / len(self.scores) if self.scores else 0.0


def decode(probabilities: NDArray[np.float32], alphabet: tuple[str, ...], extent: float) -> Reading:
    """Fold the steps of one line into characters.

    Args:
        probabilities: shape (steps, classes), class 0 the blank.
        alphabet: the character of each class.
        extent: share of the steps that the line covers; the rest is padding.
    """
    classes = probabilities.argmax(axis=1)
    scores = probabilities[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    runs = [
        (int(classes[start]), start, end)
        for start, end in zip(starts, ends, strict=True)
        if classes[start]
    ]
    return Reading(
        text="".join(alphabet[index] for index, _, _ in runs),
        scores=tuple(float(scores[start:end].max()) for _, start, end in runs),
        places=tuple(
            min(1.0, float((start + end) / 2 / (len(classes) * extent))) for _, start, end in runs
        ),
    )


def stripped(reading: Reading) -> Reading:
    """The reading without white space at its ends."""
    text = reading.text
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    if last <= first:
        return Reading()
    return Reading(text[first:last], reading.scores[first:last], reading.places[first:last])


def joined(parts: list[tuple[Reading, float, float]]) -> Reading:
    """One reading from parts of a line.

    Args:
        parts: each with where it begins and ends along the line, from 0 to 1. Parts were cut
            apart at gaps wide enough for a space, so words on both sides get one between them.
    """
    whole = Reading()
    for part, begin, end in parts:
        reading = stripped(part)
        if not reading.text:
            continue
        places = tuple(begin + place * (end - begin) for place in reading.places)
        glue = " " if whole.text and _spaced(whole.text[-1]) and _spaced(reading.text[0]) else ""
        whole = Reading(
            whole.text + glue + reading.text,
            (*whole.scores, *(1.0 for _ in glue), *reading.scores),
            (*whole.places, *(begin for _ in glue), *places),
        )
    return whole


def _spaced(character: str) -> bool:
    """Whether the script of ``character`` separates words by spaces."""
    return ord(character) < 0x2E80
