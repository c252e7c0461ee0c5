"""The image cut out of a JSON body without reading through it twice.

A JSON reader looks at every character of a string, for escapes and for UTF-8, and then copies it;
for an image that is most of the work of a request. Base64 has neither, and decoding it strictly
proves that. So the first string that follows ``"image":`` is cut out and decoded, and the rest is
read as JSON with a mark in its place. If the mark comes back as the image, the cut was right; in
every other case the body is read the long way, which also words the errors.
"""

import binascii
import re
import secrets

import msgspec
import pybase64

from ocrgate.wire.ocr import OcrRequest

_START = re.compile(rb'"image"\s*:\s*"(?:data:[^,"\\]{0,200};base64,)?')
_LOOK = 4096  # bytes in which the image begins, or the long way is taken
_LIGHT = 64 * 1024  # bytes that may stand beside the image; the long way judges more of it
_MARK = secrets.token_hex(16)  # nobody can send it on purpose

_decode = msgspec.json.Decoder(OcrRequest).decode


def splice(body: bytes) -> tuple[OcrRequest, bytes] | None:
    """The request, and the bytes of its image; None where the long way is needed."""
    start = _START.search(body, 0, _LOOK)
    if start is None:
        return None
    end = body.find(b'"', start.end())
    rest = (body[: start.end()], _MARK.encode(), body[end:])
    if end <= start.end() or sum(map(len, rest)) > _LIGHT:
        return None
    try:
        data = pybase64.b64decode(memoryview(body)[start.end() : end], validate=True)
        asked = _decode(b"".join(rest))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return (asked, data) if asked.image.endswith(_MARK) else None
