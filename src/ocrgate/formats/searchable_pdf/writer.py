"""One door to both kinds of searchable PDF."""

from pathlib import Path
from typing import Self

from ocrgate.domain.document import PageImage
from ocrgate.domain.recognition import PageReading, Usage
from ocrgate.errors import InvalidRequest
from ocrgate.formats.kinds import DEFAULT_DPI
from ocrgate.formats.searchable_pdf.images import ImagePages
from ocrgate.formats.searchable_pdf.overlay import OverlaidPages


class PdfWriter:
    """Writes a searchable PDF page by page; blocking, to be kept off an event loop.

    With ``source_pdf`` its pages are kept as they are and given unseen text; without, pages are
    made of the images handed in. The file is complete once ``close`` has returned, with the
    pages written until then; a writer that got no page leaves no file.
    """

    def __init__(
        self,
        path: Path,
        source_pdf: Path | None = None,
        *,
        dpi: float = DEFAULT_DPI,
        title: str | None = None,
    ) -> None:
        """``dpi`` sets the size on paper of pages made of images; a PDF's pages have theirs.

        Raises:
            UnreadableDocument: ``source_pdf`` is damaged or locked.
        """
        self._path = path
        self._images = None if source_pdf else ImagePages(path, dpi=dpi, title=title)
        self._overlaid = OverlaidPages(path, source_pdf) if source_pdf else None
        self._pages = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def page(
        self, reading: PageReading, *, image: PageImage | None = None, usage: Usage | None = None
    ) -> None:
        """Write one page. ``image`` is the page's picture, not needed with a source PDF.

        Raises:
            InvalidRequest: the engine gave no places, or there is no picture.
            UnreadableDocument: the picture or the source's page is damaged.
        """
        del usage
        if self._overlaid:
            self._overlaid.page(reading)
        elif self._images and image:
            self._images.page(reading, image)
        else:
            raise InvalidRequest(
                "a searchable PDF of images needs each page's image", field="image"
            )
        self._pages += 1

    def close(self) -> None:
        """Complete the file. Safe to call twice.

        Raises:
            UnreadableDocument: the source is too damaged to be copied.
        """
        if self._closed:
            return
        self._closed = True
        if self._images:
            self._images.close()
        if self._overlaid:
            self._overlaid.close()
        if not self._pages:
            self._path.unlink(missing_ok=True)
