"""Snippets: pictures so small that they may be one word or line, cut out close to its letters.

The detector was trained on pages and misses text that touches the border, so a snippet gets a
frame of its own paper. If still nothing is found in it, it is taken for one line as a whole.
"""

from typing import cast

import cv2
import numpy as np

from ocrgate.engines.cpu.geometry import Pixels, Quad
from ocrgate.engines.cpu.ink import ink_columns

_SHORT_SIDE = 200  # px up to which a picture is a snippet
_LEAST_FRAME = 8  # px
_FRAME = 0.25  # of the short side


def frame_of(page: Pixels) -> int:
    """Width in pixels of the frame that a page needs; 0 for anything but a snippet."""
    short = min(page.shape[:2])
    return max(_LEAST_FRAME, round(_FRAME * short)) if short <= _SHORT_SIDE else 0


def framed(page: Pixels, frame: int) -> Pixels:
    """The page with a frame in the middle color of its border."""
    if not frame:
        return page
    border = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    paper = np.median(border.reshape(len(border), -1), axis=0)
    return cast(
        "Pixels",
        cv2.copyMakeBorder(
            page, frame, frame, frame, frame, cv2.BORDER_CONSTANT, value=paper.tolist()
        ),
    )


def as_one_line(page: Pixels, frame: int) -> list[Quad]:
    """The quad of a whole snippet inside its frame, if there is any ink on it."""
    height, width = page.shape[:2]
    inside = page[frame : height - frame, frame : width - frame]
    if not frame or not ink_columns(inside).any():
        return []
    left, top, right, bottom = frame, frame, width - frame, height - frame
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return [np.array(corners, np.float32)]
