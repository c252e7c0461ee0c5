"""The one place where what decoders raise becomes our errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ocrgate.errors import DocumentLimit, UnreadableDocument

# Pillow's readers are written in Python over untrusted bytes: besides OSError ("truncated",
# "broken data stream") they let out whatever their parsing runs into. pypdfium2 and pi_heif add
# RuntimeError. struct.error and zlib.error derive from Exception alone; Pillow turns both into
# OSError or SyntaxError before they reach us, and a property test over damaged files watches it.
RAISED: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    EOFError,
)


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Run a decoder: its failures become typed errors that name ``what`` (``page 3``).

    Raises:
        UnreadableDocument: the decoder gave up on the bytes.
        DocumentLimit: it asked for more memory than there is.
    """
    try:
        yield
    except MemoryError as error:
        raise DocumentLimit(
            f"{what} takes more memory to decode than one page may", field="image"
        ) from error
    except RAISED as error:
        raise UnreadableDocument(f"{what} {_reason(error)}", field="image") from error


def _reason(error: Exception) -> str:
    # Decoder messages hold addresses and internals; only their gist is passed on.
    text = str(error).lower()
    if "truncated" in text or isinstance(error, EOFError):
        return "is cut off before its end"
    return "is damaged and cannot be decoded"
