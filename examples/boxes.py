"""Draw what a running ocrgate found onto the picture: python examples/boxes.py page.png out.png."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

from ocrgate.client import Client

SURE, DOUBTFUL = (36, 120, 204), (214, 106, 28)


def draw(picture: Path, result: Path) -> None:
    """Outline every line, number it in reading order, and mark the doubtful ones."""
    with Client() as client:
        reply = client.read(picture)
    image = Image.open(picture).convert("RGB")
    pen = ImageDraw.Draw(image)
    for place, line in enumerate(reply.results, start=1):
        if line.polygon is None or line.confidence is None or line.page != 1:
            continue
        corners = [(x, y) for x, y in line.polygon]
        color = SURE if line.confidence >= 0.9 else DOUBTFUL
        pen.polygon(corners, outline=color, width=2)
        pen.text((corners[0][0] - 4, corners[0][1]), str(place), fill=color, anchor="rt")
    image.save(result)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
