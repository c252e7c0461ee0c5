"""Documents and the choice of their pages."""

from pathlib import Path

import pytest

from ocrgate.domain.document import Document, PageSelection
from ocrgate.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "pages", "chosen"),
    [
        (None, 3, (1, 2, 3)),
        ("", 2, (1, 2)),
        ("  ", 1, (1,)),
        ("2", 3, (2,)),
        ("1-3,7", 9, (1, 2, 3, 7)),
        (" 3 , 1-2 ", 3, (3, 1, 2)),
        ("5-", 7, (5, 6, 7)),
        ("2,1-3,2", 3, (2, 1, 3)),
        ("3-3", 3, (3,)),
    ],
)
def test_chosen_pages(text: str | None, pages: int, chosen: tuple[int, ...]) -> None:
    """Pages come in the order asked for, each once."""
    assert PageSelection.parse(text).resolve(pages) == chosen


@pytest.mark.parametrize("text", ["0", "-3", "3-1", "1,,2", "a", "1-2-3", "1;2", "99999999", "0-2"])
def test_nonsense_is_refused(text: str) -> None:
    """What is no page or range is refused, and the answer names the field."""
    with pytest.raises(InvalidRequest) as caught:
        PageSelection.parse(text)
    assert caught.value.field == "pages"


@pytest.mark.parametrize("text", ["4", "2-4", "4-"])
def test_a_page_past_the_end_is_refused(text: str) -> None:
    """Asking for a page that is not there is an error that says how many there are."""
    with pytest.raises(InvalidRequest) as caught:
        PageSelection.parse(text).resolve(3)
    assert caught.value.limit == "3 pages"


@pytest.mark.parametrize("text", ["1-3," * 150 + "1", "2-," * 200 + "1", "1," * 400 + "1"])
def test_the_same_pages_over_and_over_are_refused(text: str) -> None:
    """A short text can name thousands of pages thousands of times; nobody means that."""
    with pytest.raises(InvalidRequest, match="over and over") as caught:
        PageSelection.parse(text).resolve(3)
    assert caught.value.field == "pages"


def test_a_long_range_costs_nothing_before_it_is_judged() -> None:
    """Ten thousand ranges of ten million pages are a mistake, told at once."""
    spans = tuple((1, 9_999_999) for _ in range(10_000))
    with pytest.raises(InvalidRequest, match="9999999"):
        PageSelection(spans).resolve(10)


def test_a_refusal_quotes_little_of_a_long_input() -> None:
    """A megabyte of nonsense does not come back as a megabyte of error."""
    with pytest.raises(InvalidRequest) as caught:
        PageSelection.parse("x" * 1_000_000)
    assert len(caught.value.detail) < 200


def test_a_document_is_bytes_or_a_file() -> None:
    """Neither or both is a mistake of ours that shows at once."""
    with pytest.raises(ValueError, match="either"):
        Document()
    with pytest.raises(ValueError, match="either"):
        Document(data=b"x", path=Path("x"))
