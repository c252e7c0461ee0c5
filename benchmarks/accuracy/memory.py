"""Resident memory of one worker's session while it reads pages, in MB.

python -m benchmarks.accuracy.memory FILE.pdf [--dpi 300] [--color] [--quality high]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pypdfium2
from benchmarks.accuracy.engines import page_image

from ocrgate.domain.recognition import PageRequest, Quality
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.cpu.session import Session


def measure(folder: Path, quality: Quality) -> None:
    """Read the pages drawn into ``folder``; this process has drawn none itself."""
    session = Session(CpuParams())
    session.warm_up()
    print(f"ready: {resident('VmRSS')} MB")
    for file in sorted(folder.glob("*.npy")):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
        session.read(page_image(np.load(file)), PageRequest(quality=quality))
        print(f"page {file.stem}: peak {resident('VmHWM')} MB, then {resident('VmRSS')} MB")


def resident(name: str) -> int:
    """A size of this process from Linux, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) // 1024


def main() -> None:
    """Draw the pages here, then read them in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="a PDF, or a folder of drawn pages")
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--color", action="store_true")
    parser.add_argument("--quality", default="auto")
    arguments = parser.parse_args()
    if arguments.file.is_dir():
        measure(arguments.file, Quality(arguments.quality))
        return
    with tempfile.TemporaryDirectory() as folder:
        for number, page in enumerate(pypdfium2.PdfDocument(arguments.file), 1):
            drawn = page.render(scale=arguments.dpi / 72).to_pil()
            pixels = np.asarray(drawn.convert("RGB" if arguments.color else "L"))
            np.save(Path(folder, f"{number:04}.npy"), pixels)
        command = [sys.executable, "-m", "benchmarks.accuracy.memory", folder]
        subprocess.run([*command, "--quality", arguments.quality], check=True)


if __name__ == "__main__":
    main()
