"""The facts that every header reader returns, and the reading of integers that never runs over."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ocrgate.domain.document import MediaType
from ocrgate.errors import UnreadableDocument

Buffer = bytes | memoryview
Order = Literal["big", "little"]


class Sliced(Protocol):
    """Bytes that are had in slices, in memory or in a file."""

    def __len__(self) -> int:
        """Bytes there are."""

    def __getitem__(self, part: slice, /) -> bytes | memoryview:
        """Some of them, fewer where they end."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a raster file says of itself.

    Attributes:
        media: its format.
        width: stored columns, before orientation.
        height: stored rows, before orientation.
        frames: pages; an animation is one page, its first picture.
        orientation: EXIF's number, 1 to 8; 1 is upright.
        scans: passes over a JPEG's pixels, 1 for every other format.
        plain: 8-bit gray or color, opaque, complete, one picture: an engine may have it as it is.
        channels: 1 for gray, 3 for everything else, where the header tells.
    """

    media: MediaType
    width: int
    height: int
    frames: int = 1
    orientation: int = 1
    scans: int = 1
    plain: bool = False
    channels: int = 3

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height as shown, orientation applied."""
        turned = self.orientation >= 5
        return (self.height, self.width) if turned else (self.width, self.height)


def truncated() -> UnreadableDocument:
    """The error for a file that ends inside its own header."""
    return UnreadableDocument("the file ends before its picture begins", field="image")


def number(data: Sliced, at: int, size: int, order: Order) -> int:
    """The unsigned integer of ``size`` bytes at offset ``at``.

    Raises:
        UnreadableDocument: the file ends before it.
    """
    piece = data[at : at + size]
    if at < 0 or len(piece) < size:
        raise truncated()
    return int.from_bytes(piece, order)
