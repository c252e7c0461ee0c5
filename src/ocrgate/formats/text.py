"""Plain text: the page's lines in reading order, a form feed between pages."""

from ocrgate.domain.recognition import PageReading
from ocrgate.formats.characters import clean


def page_text(reading: PageReading, *, first: bool) -> str:
    """One page, ended by a newline; pages after the first begin with a form feed."""
    return ("" if first else "\f") + clean(reading.text) + "\n"
