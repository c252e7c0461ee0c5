"""Reading one line of text: a convolutional recognizer with a CTC head."""

from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import cv2
import numpy as np

from ocrgate.engines.cpu.ctc import Reading, decode, joined
from ocrgate.engines.cpu.geometry import Pixels
from ocrgate.engines.cpu.inference import Inference, Tensor
from ocrgate.engines.cpu.ink import Run, blank_runs, ink_columns, length

HEIGHT = 48  # the only height the networks were trained for
_STEP = 8  # columns of the crop per step of the output
_WIDEST = 1280  # columns; wider lines are cut at gaps, which bounds memory
_WIDE_GAP = 36  # blank columns at which a line is always cut
_HARD_CUT = 4000  # columns; without a gap, a line is cut here whatever stands there
_GAP = 14  # blank columns at height 48 that count as a gap between words


class Recognizer:
    """Turns crops into text."""

    def __init__(self, network: Inference, alphabet: tuple[str, ...], least_width: int) -> None:
        self._network = network
        self._alphabet = alphabet
        self._least_width = least_width

    def read(self, crop: Pixels, *, whole: bool = False) -> Reading:
        """The text of one crop, (height, width) gray or (height, width, 3) RGB.

        ``whole`` forbids to cut it at wide gaps.
        """
        line = _scaled(crop)
        width = line.shape[1]
        cuts = [0, *([] if whole else cut_places(line)), width]
        return joined(
            [
                (self._read(line[:, begin:end]), begin / width, end / width)
                for begin, end in pairwise(cuts)
            ]
        )

    def _read(self, line: Pixels) -> Reading:
        tensor = _tensor(line, self._least_width)
        steps = self._network.run(tensor)[0]
        return decode(steps, self._alphabet, line.shape[1] / tensor.shape[3])


def _scaled(crop: Pixels) -> Pixels:
    height, width = crop.shape[:2]
    target = max(_STEP, round(width * HEIGHT / height))
    method = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    return cast("Pixels", cv2.resize(crop, (target, HEIGHT), interpolation=method))


def _tensor(line: Pixels, least_width: int) -> Tensor:
    """Shape (1, 3, 48, width): -1 to 1, blue first, padded with middle gray."""
    width = max(least_width, -(-line.shape[1] // _STEP) * _STEP)
    tensor = np.zeros((1, 3, HEIGHT, width), np.float32)
    planes = (line,) * 3 if line.ndim == 2 else tuple(cv2.split(line))[::-1]
    for index, plane in enumerate(planes):
        part = tensor[0, index, :, : line.shape[1]]
        np.multiply(plane, 1 / 127.5, out=part)
        part -= 1
    return tensor


def cut_places(line: Pixels) -> list[int]:
    """Where to cut a line of height 48: in all very wide gaps, and where else it is too long.

    Across a gap as wide as a character the network's idea of the text before it does harm.
    """
    gaps = [run for run in blank_runs(ink_columns(line)) if length(run) >= _GAP]
    edges = [0, *(_middle(gap) for gap in gaps if length(gap) >= _WIDE_GAP), line.shape[1]]
    cuts: list[int] = []
    for begin, end in pairwise(edges):
        cuts += [*_shortened(begin, end, gaps), end]
    return cuts[:-1]


def _shortened(begin: int, end: int, gaps: list[Run]) -> Iterator[int]:
    """Cuts in the widest gaps, as few as needed to have no part wider than 1,280 columns."""
    while end - begin > _WIDEST:
        near = [gap for gap in gaps if _WIDEST // 2 <= _middle(gap) - begin <= _WIDEST]
        if near:
            begin = _middle(max(near, key=length))
        elif end - begin > _HARD_CUT:
            begin += _WIDEST
        else:
            return
        yield begin


def _middle(run: Run) -> int:
    return (run[0] + run[1]) // 2
