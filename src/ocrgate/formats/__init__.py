"""Results as text, Markdown, JSON, hOCR, ALTO and searchable PDF: pure of what made them."""

from ocrgate.formats.document import document_json
from ocrgate.formats.files import FileWriter, open_writer
from ocrgate.formats.kinds import Format
from ocrgate.formats.stream import PageWriter, render, text_writer

__all__ = [
    "FileWriter",
    "Format",
    "PageWriter",
    "document_json",
    "open_writer",
    "render",
    "text_writer",
]
