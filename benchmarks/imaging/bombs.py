"""What each hostile file costs before it is refused: time, and memory beyond an idle worker.

Run: ``python -m benchmarks.imaging.bombs`` (a few seconds). Each file meets a fresh process that
has already read one small PDF; memory is the growth of its peak (VmHWM). Prints a table for
``docs/performance.md``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests import hostile_files

CHILD = """
import json, sys
from pathlib import Path
from time import perf_counter
from ocrgate.domain.document import ImageSpec
from ocrgate.errors import OcrgateError
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.session import RasterSession

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

session = RasterSession(ImageLimits())
for path in sys.argv[2:]:
    session.probe(path)
    session.prepare(path, 1, ImageSpec())
before, start = peak(), perf_counter()
try:
    session.probe(sys.argv[1])
    session.prepare(sys.argv[1], 1, ImageSpec())
    outcome = "read"
except OcrgateError as error:
    outcome = error.code
print(json.dumps([outcome, 1000 * (perf_counter() - start), (peak() - before) / 1024]))
"""

# Within the limits, and still more than they look: these are read.
LARGE: Mapping[str, Callable[[], bytes]] = {
    "png-8900.png": lambda: hostile_files.png(8900, 8900),
    "webp-7900.webp": lambda: hostile_files.webp(7900, 7900),
    "tiff-g4-8900.tif": lambda: hostile_files.tiff_g4(8900, 8900),
    "jpeg-8900.jpg": lambda: hostile_files.jpeg(8900, 8900),
    "jpeg-60-scans.jpg": lambda: hostile_files.jpeg_scans(4000, 3000, 50),
    "pdf-200-inch.pdf": lambda: hostile_files.pdf_box(14_400, 14_400),
    "pdf-image-30000.pdf": lambda: hostile_files.pdf_image(30_000, 30_000),
    "pdf-2000-pages.pdf": lambda: hostile_files.pdf_of_pages(2000),
}


def measure(data: bytes, folder: Path) -> tuple[str, float, float]:
    """Outcome, milliseconds and megabytes of one file in a fresh process."""
    target = folder / "target"
    target.write_bytes(data)
    warm = []
    for name, content in {
        "warm.pdf": hostile_files.pdf_box(72, 72),
        "warm.jpg": hostile_files.jpeg(2000, 100, color=True),
    }.items():
        (folder / name).write_bytes(content)
        warm.append(str(folder / name))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(target), *warm],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"process died ({done.returncode})", 0.0, 0.0
    outcome, milliseconds, megabytes = json.loads(done.stdout)
    return outcome, milliseconds, megabytes


def main() -> None:
    """Measure every file several times and print the best time and the highest memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| file | bytes | outcome | ms | MB |\n|---|--:|---|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        for files in (hostile_files.BOMBS, hostile_files.BROKEN, LARGE):
            for file, make in files.items():
                data = make()
                rows = [measure(data, Path(name)) for _ in range(rounds)]
                time, memory = min(row[1] for row in rows), max(row[2] for row in rows)
                print(f"| {file} | {len(data)} | {rows[0][0]} | {time:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
