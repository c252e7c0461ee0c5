"""Pages with known text: the shared corpus, and how its files become pixels."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]

_DPI = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of the corpus with its truth, pages separated by form feeds."""

    name: str
    kind: str
    language: str
    compare: str | None
    truth: str
    path: Path


def corpus_folder() -> Path:
    """OCRGATE_TEST_SHARED, or ``shared`` beside the checkout; the corpus lies below it."""
    root = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("OCRGATE_TEST_SHARED", root / "shared")) / "corpus" / "dev"


def samples(folder: Path) -> Iterator[Sample]:
    """All files with a transcription, and the blank one."""
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        truth = entry.get("ground_truth")
        if entry["kind"] == "hostile" or (truth or "").endswith(".jsonl"):
            continue
        text = (folder / truth).read_text(encoding="utf-8") if truth else ""
        yield Sample(
            name=Path(entry["file"]).name,
            kind=entry["kind"],
            language=entry["language"],
            compare=entry.get("compare"),
            truth=text,
            path=folder / entry["file"],
        )


def pages(path: Path) -> Iterator[Pixels]:
    """Pages as (height, width) gray or (height, width, 3) RGB; PDF pages at 200 dpi."""
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        for page in document:
            image = page.render(scale=_DPI / 72).to_pil()
            yield as_pixels(image)
        document.close()
        return
    with Image.open(path) as image:
        yield as_pixels(ImageOps.exif_transpose(image))


def as_pixels(image: Image.Image) -> Pixels:
    """Pixels of an opened picture; transparent ones on the ground that makes its text visible."""
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        image = _on_ground(image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _on_ground(image: Image.Image) -> Image.Image:
    """White below dark drawings, black below light ones."""
    pixels = np.asarray(image)
    shown = pixels[pixels[:, :, 3] > 127]
    light = shown.size and shown[:, :3].mean() > 160
    ground = Image.new("RGBA", image.size, (0, 0, 0, 255) if light else (255, 255, 255, 255))
    ground.alpha_composite(image)
    return ground
