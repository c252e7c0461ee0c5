"""Page selection over everything that can be typed."""

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.domain.document import PageSelection
from ocrgate.errors import InvalidRequest

PAGES = st.integers(1, 60)


def chosen(text: str, pages: int) -> tuple[int, ...] | InvalidRequest:
    """The pages, or the refusal."""
    try:
        return PageSelection.parse(text).resolve(pages)
    except InvalidRequest as error:
        return error


@given(st.text(alphabet="0123456789-, x", max_size=12), PAGES)
def test_any_text_gives_pages_of_the_document_or_a_typed_refusal(text: str, pages: int) -> None:
    """Whatever is asked for, the answer is existing pages, each once, or a typed error."""
    answer = chosen(text, pages)
    if isinstance(answer, InvalidRequest):
        assert answer.field == "pages"
    else:
        assert len(set(answer)) == len(answer)
        assert all(1 <= page <= pages for page in answer)


@given(st.lists(PAGES, min_size=1, max_size=8), PAGES)
def test_a_list_of_pages_comes_back_in_order(numbers: list[int], extra: int) -> None:
    """Single pages come back as they were listed, repeats dropped."""
    selection = PageSelection.parse(",".join(map(str, numbers)))
    assert selection.resolve(max(numbers) + extra) == tuple(dict.fromkeys(numbers))
