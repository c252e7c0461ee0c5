"""JPEG: segments up to the picture, and its scans counted up to its end (ITU T.81, annex B)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ocrgate.domain.document import MediaType
from ocrgate.errors import DocumentLimit, UnreadableDocument
from ocrgate.imaging.headers import exif
from ocrgate.imaging.headers.header import Buffer, Header, number

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LONE = frozenset({0x01, 0xD8})  # markers without a length
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
# Inside a scan FF is followed by 00 or a restart marker; anything else ends the scan.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MAX_SEGMENTS = 5_000  # extended XMP comes in hundreds; each costs a decoder a step


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    components: int
    progressive: bool


def read(data: Buffer, max_scans: int) -> Header:
    """Size, orientation and number of scans.

    Counting stops at the end of the first picture, since phones append films and second pictures.

    Raises:
        UnreadableDocument: there is no picture in it, or it has 12-bit samples.
        DocumentLimit: more than ``max_scans`` scans, or thousands of segments.
    """
    frame: _Frame | None = None
    orientation, scans = 1, 0
    for marker, at in _segments(data):
        if marker in _FRAMES:
            frame = _frame(data, at, marker)
        elif marker == _APP1 and bytes(data[at + 2 : at + 8]) == b"Exif\0\0":
            orientation = exif.orientation(data[at + 2 : at + number(data, at, 2, "big")])
        elif marker == _SCAN and frame is not None:
            scans += 1
            if scans > max_scans:
                raise _scan_bomb(max_scans)
            if not frame.progressive and number(data, at + 2, 1, "big") == frame.components:
                break  # all there is; the rest of the file need not be searched
    if frame is None or not scans:
        raise UnreadableDocument("the JPEG has no picture in it", field="image")
    return _header(data, frame, orientation, scans)


def _segments(data: Buffer) -> Iterator[tuple[int, int]]:
    """Each marker of the first picture with the offset of its segment's length."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        match = _MARKER.search(data, at)
        if match is None:
            return
        marker, at = data[match.end() - 1], match.end()
        if marker == _END:
            return
        if marker not in _LONE:
            yield marker, at
            at += number(data, at, 2, "big")
    raise DocumentLimit(
        "the JPEG is cut into too many segments", field="image", limit=f"{_MAX_SEGMENTS} segments"
    )


def _frame(data: Buffer, at: int, marker: int) -> _Frame:
    if number(data, at + 2, 1, "big") != 8:
        raise UnreadableDocument("only JPEGs with 8 bits per sample are read", field="image")
    return _Frame(
        width=number(data, at + 5, 2, "big"),
        height=number(data, at + 3, 2, "big"),
        components=number(data, at + 7, 1, "big"),
        progressive=marker in _PROGRESSIVE,
    )


def _header(data: Buffer, frame: _Frame, orientation: int, scans: int) -> Header:
    complete = bytes(data[-2:]) == b"\xff\xd9"
    return Header(
        MediaType.JPEG,
        frame.width,
        frame.height,
        orientation=orientation,
        scans=scans,
        plain=complete and frame.components in {1, 3} and orientation == 1,
        channels=1 if frame.components == 1 else 3,
    )


def _scan_bomb(max_scans: int) -> DocumentLimit:
    return DocumentLimit(
        "the JPEG goes over its pixels too many times", field="image", limit=f"{max_scans} scans"
    )
