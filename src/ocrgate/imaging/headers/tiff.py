"""TIFF: its pages, each a directory of tags that points to the next (TIFF 6.0; BigTIFF)."""

from ocrgate.domain.document import MediaType
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.headers import exif
from ocrgate.imaging.headers.header import Header, Sliced

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_WANTED = frozenset({_WIDTH, _HEIGHT, _ORIENTATION})


def read(data: Sliced, max_pages: int, page: int = 1) -> Header:
    """Size and orientation of one 1-based page, and how many there are.

    A chain that bites its own tail ends there.

    Raises:
        UnreadableDocument: cut off, no such page, or a page without a size.
        DocumentLimit: more than ``max_pages`` pages.
    """
    form = exif.layout(data)
    places = _directories(data, form, max_pages)
    if not 1 <= page <= len(places):
        raise UnreadableDocument(f"the TIFF has no page {page}", field="image")
    found = exif.tags(data, places[page - 1], form, _WANTED)
    orientation = found.get(_ORIENTATION, 1)
    return Header(
        MediaType.TIFF,
        found.get(_WIDTH, 0),
        found.get(_HEIGHT, 0),
        frames=len(places),
        orientation=orientation if 1 <= orientation <= 8 else 1,
    )


def _directories(data: Sliced, form: exif.Layout, max_pages: int) -> list[int]:
    places: dict[int, None] = {}  # a set that keeps its order
    at = form.first
    while at and at not in places:
        if len(places) == max_pages:
            raise DocumentLimit(
                "the TIFF has too many pages", field="image", limit=f"{max_pages} pages"
            )
        places[at] = None
        try:
            at = exif.following(data, at, form)
        except UnreadableDocument:
            if len(places) == 1:
                raise
            break  # a broken tail does not take the pages before it away
    return list(places)
