"""Formats are told by content."""

import struct

import pytest
from tests import hostile_files

from ocrgate.domain.document import MediaType
from ocrgate.imaging.media import PREFIX_BYTES, needs_worker, sniff, working_memory

SAMPLES = {
    "jpeg": (hostile_files.jpeg(8, 8), MediaType.JPEG),
    "png": (hostile_files.png(8, 8), MediaType.PNG),
    "webp": (hostile_files.webp(8, 8), MediaType.WEBP),
    "tiff": (hostile_files.tiff_g4(8, 8), MediaType.TIFF),
    "big-endian tiff": (b"MM\0*\0\0\0\x08", MediaType.TIFF),
    "bigtiff": (b"II+\0\x08\0\0\0", MediaType.TIFF),
    "gif": (hostile_files.gif(8, 8), MediaType.GIF),
    "bmp": (hostile_files.bmp(8, 8), MediaType.BMP),
    "pdf": (hostile_files.pdf_box(72, 72), MediaType.PDF),
    "pdf after junk": (b"\xef\xbb\xbf\r\n%PDF-1.4\n", MediaType.PDF),
    "heic": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic", MediaType.HEIC),
    "heic behind mif1": (struct.pack(">I", 24) + b"ftypmif1\0\0\0\0mif1heic", MediaType.HEIC),
    "avif": (struct.pack(">I", 24) + b"ftypavif\0\0\0\0mif1avif", None),
    "mp4": (struct.pack(">I", 20) + b"ftypisom\0\0\0\0mp41", None),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
    "html": (b"<!doctype html><title>BM</title>", None),
    "text that begins like a bitmap": (b"BMW makes cars, and they are fast indeed", None),
    "icon": (b"\0\0\x01\0\x01\0", None),
    "wave": (b"RIFF\x24\0\0\0WAVEfmt ", None),
    "empty": (b"", None),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_first_bytes_tell_the_format(name: str) -> None:
    """A file is what it contains, whatever it is called."""
    data, media = SAMPLES[name]
    assert sniff(data[:PREFIX_BYTES]) is media
    assert sniff(memoryview(data)) is media


def test_a_prefix_of_every_length_is_accepted() -> None:
    """Sniffing while an upload still arrives never fails."""
    for data, media in SAMPLES.values():
        assert {sniff(data[:end]) for end in range(len(data) + 1)} <= {None, media}


def test_dangerous_decoders_run_apart() -> None:
    """Formats whose decoders crash, hang or hold the lock are kept out of the server's process."""
    assert {media for media in MediaType if needs_worker(media)} == {
        MediaType.PDF,
        MediaType.TIFF,
        MediaType.HEIC,
        MediaType.BMP,
    }


def test_heavy_pages_run_apart_too() -> None:
    """A photo is decoded at once in a thread; a huge one where it can be ended."""
    assert not any(needs_worker(media, 12_000_000) for media in (MediaType.JPEG, MediaType.WEBP))
    assert needs_worker(MediaType.WEBP, 20_000_000)
    assert needs_worker(MediaType.PNG, 60_000_000)


def test_memory_is_estimated_from_pixels() -> None:
    """Admission can weigh a page before decoding: WebP needs most per pixel."""
    estimates = {media: working_memory(media, 1_000_000) for media in MediaType}
    assert min(estimates.values()) >= 4_000_000
    assert max(estimates, key=lambda media: estimates[media]) is MediaType.WEBP
