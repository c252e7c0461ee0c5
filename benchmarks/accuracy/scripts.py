"""Which scripts are read, and whether the others come back with a warning.

    python -m benchmarks.accuracy.scripts

Each text is drawn in several sizes: clean, as a poor copy, and skewed. Fonts: those of render.py,
and Debian's fonts-noto-core for the scripts of India and Thailand (left out where it is missing).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks.accuracy.corpus import Pixels
from benchmarks.accuracy.engines import Ours
from benchmarks.accuracy.metrics import in_order, size_of
from benchmarks.accuracy.render import CJK, FONTS, SANS, font
from PIL import Image, ImageDraw, ImageFilter

from ocrgate.domain.recognition import Quality

_SIZES = (18, 26, 40)
_PLACES = {"dejavu": SANS, "cjk": CJK}


def pictures(texts: list[str], path: Path) -> Iterator[Pixels]:
    """The text in every size and every state."""
    noise = np.random.default_rng(0)
    for size in _SIZES:
        face = font(path, size)
        width = round(max(face.getlength(text) for text in texts)) + 2 * size
        page = Image.new("L", (width, round(1.7 * size * len(texts)) + 2 * size), 255)
        for row, text in enumerate(texts):
            ImageDraw.Draw(page).text((size, size * (1 + 1.7 * row)), text, fill=0, font=face)
        yield np.asarray(page)
        blurred = np.asarray(page.filter(ImageFilter.GaussianBlur(size / 28)), np.float64)
        poor = blurred * 0.6 + 60 + noise.normal(0, 10, blurred.shape)
        yield poor.clip(0, 255).astype(np.uint8)
        yield np.asarray(page.rotate(2.5, Image.Resampling.BICUBIC, expand=True, fillcolor=255))


def main() -> None:
    """Print one row per language."""
    engine = Ours(Quality.AUTO)
    print("| language | alphabet | pictures | CER | warned |\n|---|---|--:|--:|--:|")
    lines = Path(__file__).with_name("scripts.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        language, alphabet, name, text = line.split(maxsplit=3)
        path = _PLACES.get(name, FONTS / f"truetype/noto/{name}.ttf")
        if not path.exists():
            continue
        truth = text.replace("|", "\n")
        answers = engine.read(pictures(truth.splitlines(), path))
        errors = sum(in_order(truth, answer.text, None) for answer in answers)
        warned = sum("low_confidence" in answer.warnings for answer in answers)
        rate = 100 * errors / (len(answers) * size_of(truth, None))
        print(f"| {language} | {alphabet} | {len(answers)} | {rate:.1f} % | {warned} |")


if __name__ == "__main__":
    main()
