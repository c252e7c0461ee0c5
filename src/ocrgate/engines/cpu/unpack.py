"""Page images as arrays."""

from typing import cast

import cv2
import numpy as np

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.cpu.geometry import Pixels
from ocrgate.errors import EngineFailed


def pixels_of(image: PageImage) -> Pixels:
    """The pixels of a page, (height, width) gray or (height, width, 3) RGB.

    Raises:
        EngineFailed: the data is not what the page says it is.
    """
    if image.encoding is Encoding.RAW:
        return _raw(image)
    buffer = np.frombuffer(image.data, np.uint8)
    flags = cv2.IMREAD_IGNORE_ORIENTATION | (
        cv2.IMREAD_GRAYSCALE if image.channels == 1 else cv2.IMREAD_COLOR_RGB
    )
    decoded = cv2.imdecode(buffer, flags) if buffer.size else None
    if decoded is None or decoded.shape[:2] != (image.height, image.width):
        raise EngineFailed(f"the prepared page is not the {image.encoding} image it claims to be")
    return cast("Pixels", decoded)


def _raw(image: PageImage) -> Pixels:
    shape = (image.height, image.width, image.channels)
    if len(image.data) != image.height * image.width * image.channels or not image.data:
        raise EngineFailed("the prepared page has another size than it claims")
    pixels = np.frombuffer(image.data, np.uint8).reshape(shape)
    return pixels[:, :, 0] if image.channels == 1 else pixels
