"""BMP: the size, wherever the header's many versions put it."""

from ocrgate.domain.document import MediaType
from ocrgate.imaging.headers.header import Buffer, Header, number


def read(data: Buffer) -> Header:
    """Size; rows may be told as a negative number when they are stored from the top.

    Raises:
        UnreadableDocument: cut off.
    """
    if number(data, 14, 4, "little") == 12:  # OS/2
        return Header(MediaType.BMP, number(data, 18, 2, "little"), number(data, 20, 2, "little"))
    rows = number(data, 22, 4, "little")
    return Header(MediaType.BMP, number(data, 18, 4, "little"), min(rows, 2**32 - rows))
