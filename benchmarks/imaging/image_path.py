"""What it costs to make a 12-megapixel photo of a page ready for an engine, against the usual way.

Run: ``python -m benchmarks.imaging.image_path`` (about a minute). Prints tables for
``docs/performance.md``. CPU time of this process, all paths interleaved in one run, medians.
"""

import argparse
import io
import platform
import statistics
from collections.abc import Callable, Mapping
from time import process_time

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from skimage.metrics import structural_similarity

from ocrgate.domain.document import Encoding, ImageSpec
from ocrgate.imaging.decode import decode
from ocrgate.imaging.encode import encode
from ocrgate.imaging.geometry import fit, upright
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.modes import to_gray_if_gray
from ocrgate.imaging.prepare import prepare
from ocrgate.imaging.probe import probe, read_header
from ocrgate.imaging.resize import Resizer, lanczos, resizer

SPEC = ImageSpec(max_side=1024)
LIMITS = ImageLimits()
Run = Callable[[bytes], object]


def page_photo(width: int = 4000, height: int = 3000) -> bytes:
    """A photographed page lying on its side, EXIF orientation 6.

    Made in the order of a camera: uneven light, the lens's blur, the sensor's noise, and the mild
    smoothing of demosaicing, which is why real photos have no noise from one pixel to the next.
    (Noise is all that shrinking in two steps changes: without it the similarity is 0.9998.)
    """
    rng = np.random.default_rng(7)
    page = Image.new("RGB", (height, width), (250, 246, 236))
    draw = ImageDraw.Draw(page)
    words = "the quick brown fox jumps over a lazy dog while 1,234 invoices wait in line"
    for row, top in enumerate(range(160, width - 160, 62)):
        line = " ".join(rng.permutation(words.split(" "))[:9])
        color = (30, 30, 36) if row % 11 else (170, 20, 30)
        draw.text((180, top), line, fill=color, font=ImageFont.load_default(40))
    light = Image.radial_gradient("L").resize(page.size).point(lambda value: 255 - value // 3)
    page = Image.composite(page, Image.new("RGB", page.size, (60, 50, 40)), light)
    page = page.filter(ImageFilter.GaussianBlur(1.2)).rotate(90, expand=True)
    pixels = np.asarray(page, np.int16) + rng.normal(0, 4, (height, width, 3)).astype(np.int16)
    page = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    out, tags = io.BytesIO(), Image.Exif()
    tags[0x0112] = 6
    page.filter(ImageFilter.GaussianBlur(1.0)).save(out, "JPEG", quality=90, exif=tags)
    return out.getvalue()


def scan(kind: str, **options: object) -> bytes:
    """An A4 page at 300 dpi, noisy and gray, or black and white."""
    rng = np.random.default_rng(3)
    page = Image.new("L", (2480, 3508), 246)
    draw = ImageDraw.Draw(page)
    for top in range(150, 3350, 58):
        line = f"{top} " + "lorem ipsum dolor sit amet " * 3
        draw.text((150, top), line, fill=20, font=ImageFont.load_default(36))
    if kind == "TIFF":
        page = page.convert("1", dither=Image.Dither.NONE)
    else:
        soft = np.asarray(page.filter(ImageFilter.GaussianBlur(0.8)), np.int16)
        noisy = soft + rng.normal(0, 4, soft.shape).astype(np.int16)
        page = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    out = io.BytesIO()
    page.save(out, kind, **options)
    return out.getvalue()


def naive_pixels(data: bytes) -> Image.Image:
    """The way of most tutorials, up to the pixels."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return image.resize(fit(image.size, SPEC.max_side), Image.Resampling.LANCZOS)


def naive(data: bytes) -> bytes:
    """The way of most tutorials: turn, make it color, Lanczos, JPEG at quality 90."""
    out = io.BytesIO()
    naive_pixels(data).save(out, "JPEG", quality=90)
    return out.getvalue()


def with_resizer(resize: Resizer) -> Run:
    """Our path with a given resizer in place of the one chosen at start."""

    def path(data: bytes) -> object:
        header = read_header(data, LIMITS)
        turn = 1 if header.media == "image/tiff" else header.orientation
        target = fit((header.width, header.height), SPEC.max_side)
        image, reach = decode(io.BytesIO(data), header, 1, target)
        small = resize(image, target, reach or (image.width, image.height))
        return encode(upright(to_gray_if_gray(small), turn), SPEC, header.displayed)

    return path


def median_cpu(paths: Mapping[str, Run], data: bytes, rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each path, their runs interleaved."""
    for path in paths.values():
        path(data)
    seconds: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            start = process_time()
            path(data)
            seconds[name].append(process_time() - start)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def luma_ssim(data: bytes) -> float:
    """Structural similarity of our pixels to the usual way's, before encoding, on luma."""
    page = prepare(data, 1, ImageSpec(SPEC.max_side, Encoding.RAW), LIMITS)
    rows = np.frombuffer(page.data, np.uint8).reshape(page.height, page.width, page.channels)
    ours = np.asarray(Image.fromarray(rows.squeeze()).convert("L"))
    theirs = np.asarray(naive_pixels(data).convert("L"))
    score = structural_similarity(ours, theirs, data_range=255)  # type: ignore[no-untyped-call]
    return float(score)


def compare(files: Mapping[str, bytes], rounds: int) -> None:
    """Print the table of our paths against the usual one."""
    paths: dict[str, Run] = {"naive": naive, "pillow": with_resizer(lanczos)}
    if resizer() is not lanczos:
        paths["extra"] = with_resizer(resizer())
    print("| file | MB | naive Pillow | Pillow alone | | with `ocrgate[simd]` | | SSIM |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, data in files.items():
        cost = median_cpu(paths, data, rounds)
        base, plain, fast = cost["naive"], cost["pillow"], cost.get("extra", float("nan"))
        print(
            f"| {name} | {len(data) / 1e6:.1f} | {base:.0f} | {plain:.0f} | {base / plain:.1f}x "
            f"| {fast:.0f} | {base / fast:.1f}x | {luma_ssim(data):.4f} |"
        )


def cheap_steps(photo: bytes) -> None:
    """Print what probing and handing on cost."""
    small = prepare(photo, 1, SPEC, LIMITS).data
    hundred: dict[str, Run] = {
        "probe a 12 MP JPEG": lambda data: [probe(data, LIMITS) for _ in range(100)],
        "hand on a JPEG that already fits": lambda _: [
            prepare(small, 1, SPEC, LIMITS) for _ in range(100)
        ],
    }
    print("\n| step that costs nearly nothing | CPU microseconds |\n|---|--:|")
    for name, milliseconds in median_cpu(hundred, photo, 9).items():
        print(f"| {name} | {milliseconds * 10:.0f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    files = {
        "12 MP photo of a page, JPEG": page_photo(),
        "A4 300 dpi, noisy gray PNG": scan("PNG"),
        "A4 300 dpi, gray JPEG": scan("JPEG", quality=85),
        "A4 300 dpi, fax TIFF": scan("TIFF", compression="group4"),
    }
    print(f"Pillow {PIL.__version__}, Python {platform.python_version()}, {platform.machine()};")
    print(f"median of {rounds} interleaved rounds; CPU ms, to 1024 pixels and JPEG\n")
    compare(files, rounds)
    cheap_steps(files["12 MP photo of a page, JPEG"])


if __name__ == "__main__":
    main()
