"""What decoders raise becomes a typed error."""

import pytest
from PIL import UnidentifiedImageError

from ocrgate.errors import DocumentLimit, OcrgateError, UnreadableDocument
from ocrgate.imaging.faults import RAISED, decoding


@pytest.mark.parametrize("kind", [*RAISED, UnidentifiedImageError, RecursionError, OverflowError])
def test_decoder_failures_are_unreadable_documents(kind: type[Exception]) -> None:
    """Whatever a decoder stumbles over, the caller learns which page, and no internals."""
    with pytest.raises(UnreadableDocument, match="page 3") as mapped, decoding("page 3"):
        raise kind("object at 0x7f00")
    assert "0x7f00" not in mapped.value.detail


def test_no_memory_is_a_limit() -> None:
    """A page for which there is no memory was too large, not broken."""
    with pytest.raises(DocumentLimit, match="memory"), decoding("page 3"):
        raise MemoryError


def test_own_errors_pass() -> None:
    """A typed error from inside stays what it is."""
    with pytest.raises(DocumentLimit) as kept, decoding("page 3"):
        raise DocumentLimit("too many")
    assert isinstance(kept.value, OcrgateError)
    assert kept.value.detail == "too many"
