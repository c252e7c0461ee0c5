"""Small pictures get a frame."""

import numpy as np

from ocrgate.engines.cpu.snippet import as_one_line, frame_of, framed


def test_only_snippets_are_framed() -> None:
    """A page of ordinary size is not copied."""
    page = np.zeros((600, 400), np.uint8)
    assert frame_of(page) == 0
    assert framed(page, 0) is page


def test_the_frame_has_the_color_of_the_paper() -> None:
    """White letters on blue get a blue frame."""
    picture = np.full((20, 60, 3), (30, 40, 90), np.uint8)
    picture[5:15, 20:40] = 255
    frame = frame_of(picture)
    whole = framed(picture, frame)
    assert whole.shape == (20 + 2 * frame, 60 + 2 * frame, 3)
    assert whole[0, 0].tolist() == [30, 40, 90]


def test_a_snippet_with_ink_is_one_line() -> None:
    """The guess covers the picture inside its frame."""
    picture = np.full((20, 60), 255, np.uint8)
    picture[5:15, 20:40] = 0
    (quad,) = as_one_line(framed(picture, 8), 8)
    assert quad.min(axis=0).tolist() == [8, 8]
    assert quad.max(axis=0).tolist() == [68, 28]


def test_a_blank_snippet_is_no_line() -> None:
    """Paper alone is not read."""
    assert as_one_line(framed(np.full((20, 60), 250, np.uint8), 8), 8) == []
