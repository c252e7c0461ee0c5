"""Pages and requests to send to a server."""

import base64
import functools
import io
from typing import Any

from PIL import Image, ImageDraw

MODEL = "tencent/HunyuanOCR"
PROMPT = "提取图中的文字。"


@functools.cache
def picture(width: int = 512, height: int = 512) -> bytes:
    """A page with its size on it, as PNG."""
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).text((20, 20), f"{width} x {height}", fill=0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(content: bytes, media: str = "image/png") -> str:
    """Bytes as a data URI."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def image_part(url: str) -> dict[str, Any]:
    """The part of a message that shows an image."""
    return {"type": "image_url", "image_url": {"url": url}}


def text_part(text: str = PROMPT) -> dict[str, Any]:
    """The part of a message that says something."""
    return {"type": "text", "text": text}


def messages(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """A conversation as the model wants it: an empty system message, then the parts."""
    return [{"role": "system", "content": ""}, {"role": "user", "content": list(parts)}]


def completion(
    width: int = 512, height: int = 512, *, prompt: str = PROMPT, **fields: object
) -> dict[str, Any]:
    """The body of a request to read one page, with the sampling the model is used with."""
    page = image_part(data_uri(picture(width, height)))
    body: dict[str, Any] = {"model": MODEL, "messages": messages(page, text_part(prompt))}
    return body | {"temperature": 0.0} | fields
