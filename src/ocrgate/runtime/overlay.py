"""What runs in the worker that puts text into callers' PDFs. Imported there only."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ocrgate.domain.recognition import PageReading
from ocrgate.errors import DeadlineExceeded
from ocrgate.formats.searchable_pdf.writer import PdfWriter
from ocrgate.imaging.session import confine_memory
from ocrgate.runtime.spool import room


class OverlaySession:
    """Copies a PDF with unseen text over its pages. The parser sees files of strangers.

    Args:
        memory: bytes that this process may map beyond what it has at the start.
    """

    def __init__(self, memory: int) -> None:
        confine_memory(memory)

    def overlay(
        self,
        source: str,
        made: str,
        readings: Sequence[PageReading],
        *,
        cancelled: Callable[[], bool],
    ) -> None:
        """Write ``made``: the pages of ``source`` that were read, in that order, with their text.

        Raises:
            InvalidRequest: the engine gave no places.
            UnreadableDocument: the source is damaged or locked.
            Overloaded: there is no room on the disk.
            DeadlineExceeded: the caller is gone.
        """
        with room(_untold), PdfWriter(Path(made), Path(source)) as writer:
            for reading in readings:
                if cancelled():
                    raise DeadlineExceeded("the caller is gone", where="engine")
                writer.page(reading)


def _untold(_reason: str, _seconds: float) -> None:
    """Metrics are counted in the process that serves."""
