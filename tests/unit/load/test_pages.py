"""Drawn pages: what they show is known, and no two are alike."""

import io
import random

import pytest
from PIL import Image

from ocrgate.load.pages import draw, synthetic
from ocrgate.simulate.workload import MIXES, SMALLER, Page


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_a_page_is_no_two_times_the_same_picture() -> None:
    """Number and pixels differ, the text does not."""
    document = synthetic(SMALLER, 1, 0).documents[0]
    assert document.fresh is not None
    first, second = (opened(document.fresh(number)) for number in (5, 6))
    assert first.size == second.size
    assert first.tobytes() != second.tobytes()
    below = (0, 40, *first.size)
    assert first.crop(below).tobytes() == second.crop(below).tobytes()


def test_the_same_seed_draws_the_same_pages() -> None:
    first, second, other = (synthetic(SMALLER, 4, seed).documents for seed in (1, 1, 2))
    assert [d.text for d in first] == [d.text for d in second]
    assert [d.data for d in first] == [d.data for d in second]
    assert [d.text for d in first] != [d.text for d in other]


def test_pages_have_the_size_of_the_mix_and_a_strip_above() -> None:
    """As wide as drawn by lot, and at most 16 pixels higher."""
    page = Page("page", 900, 700, 0, 0, 120)
    image = opened(draw(page, "p", random.Random(0)).data)
    assert image.width == 900
    assert 700 < image.height <= 716


def test_more_words_make_smaller_type_and_then_less_text() -> None:
    """What does not fit is not drawn and not in the text that is compared."""
    few = draw(Page("page", 600, 400, 0, 0, 20), "few", random.Random(0))
    many = draw(Page("page", 600, 400, 0, 0, 5000), "many", random.Random(0))
    assert few.text is not None
    assert many.text is not None
    assert 10 <= len(few.text.split()) <= 20
    assert len(few.text.split()) < len(many.text.split()) < 3800


@pytest.mark.parametrize("name", [name for name in MIXES if name != "ocr"])
def test_every_mix_can_be_drawn(name: str) -> None:
    """Each with some text on each page."""
    documents = synthetic(MIXES[name], 3, 0).documents
    assert all(document.text for document in documents)


def test_the_text_is_on_the_page() -> None:
    """Ink where the text is: a page of few words is nearly white, a dense one is not."""

    def ink(tokens: int) -> float:
        image = opened(draw(Page("p", 800, 800, 0, 0, tokens), "p", random.Random(1)).data)
        return sum(image.histogram()[:128]) / (800 * 800)

    assert 0 < ink(10) < 0.05 < ink(2000) < 0.5
