"""A long scanned PDF through ``ocrgate read``: how much memory, and what Ctrl-C leaves.

Makes a PDF of noisy gray scans (200 dpi A4), reads it with the command line, samples the resident
memory of the process and all its children, then does it again and interrupts it half-way.
Run: python benchmarks/memory/long_pdf.py --pages 200
"""

import argparse
import contextlib
import io
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pikepdf
import psutil
from PIL import Image, ImageDraw, ImageFont

A4 = (1654, 2339)  # pixels at 200 dpi


def scan(number: int) -> bytes:
    """One noisy gray page with numbered lines, as JPEG."""
    rng = np.random.default_rng(number)
    image = Image.new("L", A4, 245)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    for row in range(40):
        draw.text(
            (120, 120 + 52 * row), f"Page {number} line {row}: what is written stays", 30, font
        )
    noisy = np.asarray(image, np.int16) + rng.integers(-12, 12, (A4[1], A4[0]), np.int16)
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def write_pdf(path: Path, pages: int) -> None:
    """A PDF whose pages are one JPEG each."""
    with pikepdf.new() as pdf:
        for number in range(1, pages + 1):
            picture = pdf.make_stream(
                scan(number),
                Type=pikepdf.Name.XObject,
                Subtype=pikepdf.Name.Image,
                Width=A4[0],
                Height=A4[1],
                ColorSpace=pikepdf.Name.DeviceGray,
                BitsPerComponent=8,
                Filter=pikepdf.Name.DCTDecode,
            )
            page = pdf.add_blank_page(page_size=(595, 842))
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=picture))
            page.Contents = pdf.make_stream(b"595 0 0 842 0 0 cm /Im0 Do")
        pdf.save(path)


@dataclass(frozen=True)
class Run:
    """What one run of ``ocrgate read`` did."""

    seconds: float
    peak_mb: float
    peak_unique_mb: float
    exit_code: int
    pages_written: int
    left_behind: int


def memory(root: psutil.Process) -> tuple[float, float]:
    """Resident and proportional MB of the whole family."""
    resident = proportional = 0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            resident, proportional = resident + info.rss, proportional + info.pss
    return resident / 1e6, proportional / 1e6


def read(pdf: Path, out: Path, interrupt_after: float | None) -> Run:
    """Run the command, watching its memory; press Ctrl-C after ``interrupt_after`` seconds."""
    command = [sys.executable, "-m", "ocrgate", "read", str(pdf), "-f", "text", "-o", str(out)]
    start, peak, unique = time.monotonic(), 0.0, 0.0
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    root = psutil.Process(process.pid)
    family: set[psutil.Process] = set()
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            family |= {root, *root.children(recursive=True)}
            resident, proportional = memory(root)
            peak, unique = max(peak, resident), max(unique, proportional)
        if interrupt_after and time.monotonic() - start > interrupt_after:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        time.sleep(0.05)
    texts = [path.read_text() for path in out.iterdir()] if out.exists() else []
    alive = [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    return Run(
        time.monotonic() - start,
        peak,
        unique,
        process.returncode,
        sum(text.count("\f") + 1 for text in texts),
        len(alive),
    )


def main() -> None:
    """Read it whole, then interrupted; print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--interrupt-after", type=float, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pdf(folder / "scan.pdf", arguments.pages)
        print(f"{arguments.pages} pages, {(folder / 'scan.pdf').stat().st_size / 1e6:.0f} MB")
        print("whole      ", read(folder / "scan.pdf", folder / "whole", None))
        print("interrupted", read(folder / "scan.pdf", folder / "cut", arguments.interrupt_after))


if __name__ == "__main__":
    main()
