"""Searchable PDF: the page as it was, and its text, unseen but found and copied."""

from ocrgate.formats.searchable_pdf.writer import PdfWriter

__all__ = ["PdfWriter"]
