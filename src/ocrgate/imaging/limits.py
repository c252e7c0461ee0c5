"""What a document may cost before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Bounds checked before anything is decoded.

    Attributes:
        max_bytes: size of the encoded document. `ocrgate read` on this machine allows 4 GiB
            where this is not set. No setting lets a JPEG, PNG, WebP, GIF, BMP or HEIC file on
            disk have more than 256 MiB.
        max_pixels: width times height of one page or frame.
        max_side: longest side of one page or frame, pixels.
        max_pages: pages of a PDF or frames of an image. `ocrgate read` on this machine allows
            100,000 where this is not set.
        max_jpeg_scans: scans of one JPEG (a progressive photo has about ten; a bomb has hundreds).
        timeout: seconds that one page may take to decode in a worker process.
        memory: resident bytes at which a worker process is replaced.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 80_000_000
    max_side: int = 30_000
    max_pages: int = 2_000
    max_jpeg_scans: int = 64
    timeout: float = 30.0
    memory: int = 1024 * 2**20
