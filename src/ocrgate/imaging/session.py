"""The object that a worker process holds: it reads what no thread of the server should touch.

One call at a time. A decoder that crashes, hangs or eats memory takes this process with it and
nothing else.
"""

import os
import resource
import warnings
from pathlib import Path

import psutil

from ocrgate.domain.document import DocumentInfo, ImageSpec, MediaType, PageImage
from ocrgate.errors import UnreadableDocument
from ocrgate.imaging import heic
from ocrgate.imaging.burden import bound_unpacking
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.media import PREFIX_BYTES
from ocrgate.imaging.pdf import PdfFile
from ocrgate.imaging.prepare import pack, prepare, prepare_tiff
from ocrgate.imaging.probe import check_bytes, check_held, media_of, probe, probe_tiff
from ocrgate.imaging.watch import Cancelled, Watch
from ocrgate.imaging.windows import FileBytes

_Key = tuple[str, int, int]
_READ_BY_PIECE = frozenset({MediaType.PDF, MediaType.TIFF})


def _never() -> bool:
    return False


class RasterSession:
    """Reads documents from files, any format.

    Args:
        limits: what a document may cost.
        pdf_dpi: resolution at which the size of a PDF page is told by ``probe``.
        confine: bound this whole process's memory; False where it is not ours alone (tests).
    """

    def __init__(self, limits: ImageLimits, *, pdf_dpi: int = 200, confine: bool = True) -> None:
        self._limits = limits
        self._pdf_dpi = pdf_dpi
        self._pdf: tuple[_Key, PdfFile] | None = None
        if confine:
            bound_unpacking()
            confine_memory(limits.memory)

    def probe(self, path: str, *, cancelled: Cancelled = _never) -> DocumentInfo:  # noqa: ARG002
        """Format, pages and size of the first page. Raises what ``imaging.probe.probe`` raises."""
        file = Path(path)
        media, size = self._identify(file)
        if media is MediaType.PDF:
            document = self._open(file)
            return DocumentInfo(media, document.pages, *document.size(1, self._pdf_dpi), size)
        if media is MediaType.HEIC:
            return DocumentInfo(media, 1, *heic.size(file, self._limits), size)
        if media is MediaType.TIFF:
            with file.open("rb") as stream:
                return probe_tiff(FileBytes(stream), self._limits)
        return probe(file.read_bytes(), self._limits)

    def prepare(
        self, path: str, page: int, spec: ImageSpec, *, cancelled: Cancelled = _never
    ) -> PageImage:
        """One 1-based page, ready for an engine. Other pages of the file still work if it fails.

        Raises:
            UnsupportedMedia, UnreadableDocument, DocumentLimit, PayloadTooLarge.
            DeadlineExceeded: ``cancelled`` became true while the page was drawn.
        """
        file = Path(path)
        media, _ = self._identify(file)
        if media is MediaType.PDF:
            return self._draw(file, page, spec, Watch(page, self._limits, cancelled))
        with warnings.catch_warnings():  # decoders warn of every oddity of a broken file
            warnings.simplefilter("ignore")
            if media is MediaType.HEIC:
                return self._heic(file, page, spec)
            if media is MediaType.TIFF:
                with file.open("rb") as stream:
                    return prepare_tiff(stream, page, spec, self._limits)
            return prepare(file.read_bytes(), page, spec, self._limits)

    def _identify(self, file: Path) -> tuple[MediaType, int]:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            check_bytes(size, self._limits)
            media = media_of(stream.read(PREFIX_BYTES))
        if media not in _READ_BY_PIECE:
            check_held(size, self._limits)
        return media, size

    def _draw(self, file: Path, page: int, spec: ImageSpec, watch: Watch) -> PageImage:
        document = self._open(file)
        image, source = document.draw(page, spec, watch)
        if page == document.pages:
            self._release()  # most likely nobody comes back for it
        return pack(image, spec, source)

    def _heic(self, file: Path, page: int, spec: ImageSpec) -> PageImage:
        if page != 1:
            raise UnreadableDocument(f"there is no page {page}, the picture is one", field="image")
        image = heic.decode(file, self._limits)
        return pack(image, spec, image.size)

    def _open(self, file: Path) -> PdfFile:
        """The document, kept open between its pages as long as the file stays the same."""
        state = file.stat()
        key = (str(file), state.st_mtime_ns, state.st_size)
        if self._pdf is None or self._pdf[0] != key:
            self._release()
            self._pdf = (key, PdfFile(file, self._limits))
        return self._pdf[1]

    def _release(self) -> None:
        if self._pdf is not None:
            self._pdf[1].close()
            self._pdf = None


def confine_memory(extra: int) -> None:
    """Let this process map ``extra`` bytes more than it has now, and write no core files.

    A decoder that wants more gets told that there is none, instead of the machine running out.
    """
    bound = psutil.Process().memory_info().vms + extra
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (bound if hard < 0 else min(bound, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
