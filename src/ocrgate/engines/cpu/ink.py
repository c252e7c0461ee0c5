"""Where a line of text has ink, and where only paper."""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrgate.engines.cpu.geometry import Pixels

Run = tuple[int, int]  # first column and past the last

_FAINTEST = 24  # gray levels; less is noise of the camera or the compression
_FAINT = 0.35  # share of the line's strongest contrast


def ink_columns(line: Pixels) -> NDArray[np.bool_]:
    """Which columns of a line's crop hold ink: pixels that stand out from the line's paper."""
    gray = line if line.ndim == 2 else cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    contrast = np.abs(gray.astype(np.int16) - np.int16(np.median(gray)))
    strongest = contrast.max(axis=0)
    limit = max(_FAINTEST, _FAINT * float(np.percentile(strongest, 90)))
    return cast("NDArray[np.bool_]", strongest > limit)


def blank_runs(ink: NDArray[np.bool_]) -> Iterator[Run]:
    """Runs of columns without ink, from the left."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], ink, [True])).astype(np.int8)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(last)


def length(run: Run) -> int:
    """Columns of a run."""
    return run[1] - run[0]
