"""Pages as a server takes them."""

import asyncio
import io

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.cpu.known_page import known_page


async def packed(image: PageImage) -> tuple[Encoding, bytes]:
    """The page's encoding and bytes; raw pixels are packed as PNG, in a thread."""
    if image.encoding is not Encoding.RAW:
        return image.encoding, image.data
    return Encoding.PNG, await asyncio.to_thread(_png, image)


def canary() -> PageImage:
    """A small page with words on it, as PNG: something that every reader of pages can read."""
    page = known_page()
    return PageImage(
        data=_png(page),
        encoding=Encoding.PNG,
        width=page.width,
        height=page.height,
        channels=page.channels,
        source_width=page.source_width,
        source_height=page.source_height,
    )


def _png(image: PageImage) -> bytes:
    from PIL import Image  # noqa: PLC0415 - pages arrive packed; only a starting engine draws

    mode = "L" if image.channels == 1 else "RGB"
    pixels = Image.frombytes(mode, (image.width, image.height), image.data)
    into = io.BytesIO()
    pixels.save(into, "PNG", compress_level=1)
    return into.getvalue()
