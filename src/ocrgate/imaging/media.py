"""Which format some bytes are of, told by the first of them; names and suffixes do not count."""

from typing import Final

from ocrgate.domain.document import MediaType

ACCEPTED: Final = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC and PDF"

# Enough for an ISO media file's list of brands and for the junk allowed before ``%PDF-``.
PREFIX_BYTES: Final = 1024

# Files of the formats that are read into memory whole. A picture of 80 megapixels that is not
# packed at all has as many.
HELD_BYTES: Final = 256 * 2**20

# In these a decoder is large, was written for friendly files, or cannot be interrupted: PDFium,
# libtiff, libheif, and Pillow's run-length BMP decoder, which holds the interpreter lock.
_DANGEROUS: Final = frozenset({MediaType.PDF, MediaType.TIFF, MediaType.HEIC, MediaType.BMP})

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
    (b"II*\x00", MediaType.TIFF),
    (b"MM\x00*", MediaType.TIFF),
    (b"II+\x00", MediaType.TIFF),  # BigTIFF
    (b"MM\x00+", MediaType.TIFF),
    (b"GIF87a", MediaType.GIF),
    (b"GIF89a", MediaType.GIF),
    (b"%PDF-", MediaType.PDF),
)
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})

# Bytes of working memory per pixel while a page is decoded, measured with VmHWM. WebP is decoded
# through the animation decoder, which keeps two canvases; Pillow stores color at 4 bytes, and what
# is transparent takes colors, paper and mask. JPEG is never transparent.
_BYTES_PER_PIXEL: Final = {MediaType.WEBP: 18, MediaType.PDF: 12, MediaType.JPEG: 6}
_USUAL_BYTES_PER_PIXEL: Final = 10
_HEAVY: Final = 256 * 2**20  # bytes of working memory; a 12-megapixel photo of any format is less


def sniff(prefix: bytes | memoryview) -> MediaType | None:
    """The format of a file that begins with ``prefix``, or None for one not read here.

    ``PREFIX_BYTES`` bytes are always enough.
    """
    head = bytes(prefix[:PREFIX_BYTES])
    for signature, media in _SIGNATURES:
        if head.startswith(signature):
            return media
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return MediaType.WEBP
    if head.startswith(b"BM") and _is_bitmap(head):
        return MediaType.BMP
    if head[4:8] == b"ftyp" and _HEIC_BRANDS & _brands(head):
        return MediaType.HEIC
    return MediaType.PDF if b"%PDF-" in head else None


def needs_worker(media: MediaType, pixels: int = 0) -> bool:
    """Whether a page is decoded in a process of its own, never in a thread of the server.

    Always for formats with dangerous decoders; for the others when ``pixels`` (width times height
    of the page) make it heavy. Pass them where they are known.
    """
    return media in _DANGEROUS or working_memory(media, pixels) > _HEAVY


def working_memory(media: MediaType, pixels: int) -> int:
    """About how many bytes decoding a page of ``pixels`` takes, beside the file itself.

    An upper estimate for admission: a JPEG that is shrunk while it loads needs a quarter or less.
    """
    return pixels * _BYTES_PER_PIXEL.get(media, _USUAL_BYTES_PER_PIXEL)


def _is_bitmap(head: bytes) -> bool:
    # Two letters are a weak signature: the reserved fields and the header's own size must fit too.
    return head[6:10] == b"\0\0\0\0" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})


def _brands(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in range(8, size - 3, 4) if at != 12}
