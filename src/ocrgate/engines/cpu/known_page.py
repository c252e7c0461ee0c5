"""A small page whose text is known, to prove that the engine reads."""

from ocrgate.domain.document import Encoding, PageImage

KNOWN_TEXT = "Ready to read 2468"
_SIZE = (320, 64)


def known_page() -> PageImage:
    """:data:`KNOWN_TEXT` in black on white, drawn anew with the font that Pillow carries."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - only a starting engine draws

    page = Image.new("L", _SIZE, 255)
    ImageDraw.Draw(page).text((24, 16), KNOWN_TEXT, fill=0, font=ImageFont.load_default(26))
    return PageImage(
        data=page.tobytes(),
        encoding=Encoding.RAW,
        width=page.width,
        height=page.height,
        channels=1,
        source_width=page.width,
        source_height=page.height,
    )
