"""Runs the experiments again, one after the other, and rewrites records, figures and the page.

``python -m benchmarks.overload.rerun``: those over HTTP in a short form, twenty to thirty minutes
on a quiet machine. ``--virtual``: those in virtual time, ten minutes on two cores. ``--only`` names
some. A knee is measured once and given to all.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.overload import bench, play, replicas, report
from benchmarks.overload.engines import EngineChoice
from benchmarks.overload.scene import Knee

SHORT: dict[str, str | None] = {
    "ladder": "ocrgate,bare,engine bound,semaphore,nginx,haproxy",
    "burst": "ocrgate,engine bound,semaphore,haproxy",
    "tenants": "ocrgate,engine bound,nginx,haproxy",
    "disconnects": "ocrgate,bare,engine bound,haproxy",
    "signals": "ocrgate",
    "replicas": "ocrgate,haproxy",
    "waves": None,
    "arrivals": None,
    "runaways": None,
    "shift": None,
    "deadlines": "ocrgate,engine bound",
    "slow": "ocrgate,nginx,haproxy",
    "halved": "ocrgate,engine bound",
    "hot": None,
}
"""What is compared in the short form, None for all; by how much it matters."""


def command(name: str, *words: str) -> None:
    """One experiment."""
    begun = time.monotonic()
    whole = [sys.executable, "-m", f"benchmarks.overload.{name}", *words]
    print(f"\n# {name} {' '.join(words)}", flush=True)
    if subprocess.run(whole, cwd=bench.ROOT, check=False).returncode:
        print(f"{name} FAILED", flush=True)
    print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)


def measured(parallel: int) -> Knee:
    """The knee of the usual engine over HTTP."""
    with TemporaryDirectory() as folder:
        place = bench.Bench(EngineChoice(), Path(folder), [], 1, parallel)
        return bench.knee(place, (28, 32, 40, 48), 40.0, 10.0)


def over_http(names: list[str], parallel: int, until: float) -> None:
    """In the short form; what has not begun when the time is over is left out."""
    knee = measured(parallel)
    for name in names:
        if time.monotonic() > until:
            print(f"{name}: no time left")
            continue
        if name == "profiles":  # they have knees of their own
            command(name, "--http", "--quick", "--parallel", str(parallel))
            continue
        rate = knee.rate * (replicas.SPEED if name == "replicas" else 1.0)
        many = min(parallel, 2) if name == "replicas" else parallel  # each has four engines
        words = ["--http", "--quick", "--parallel", str(many)]
        words += ["--rate", f"{rate:.3f}", "--places", str(knee.places)]
        only = SHORT.get(name)
        command(name, *words, *(["--only", only] if only else []))


def in_virtual_time(names: list[str], parallel: int) -> None:
    """In full."""
    for name in names:
        command(name, "--parallel", str(parallel))
    command("drawn", "--parallel", str(parallel))
    command("table", "--workers", str(parallel))


def main() -> None:
    """Run them."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--virtual", action="store_true", help="in virtual time")
    made.add_argument("--only", help="comma-separated names")
    made.add_argument("--minutes", type=float, default=30.0, help="begin none later, over HTTP")
    made.add_argument("--parallel", type=int, default=0, help="3 over HTTP, 2 in virtual time")
    asked = made.parse_args()
    if asked.virtual:
        names = [each.name for each in report.EXPERIMENTS if each.gates]
    else:
        names = list(SHORT)
    names = asked.only.split(",") if asked.only else names
    if asked.virtual:
        in_virtual_time(names, asked.parallel or 2)
    else:
        over_http(names, asked.parallel or 3, time.monotonic() + 60 * asked.minutes)
    report.main()
    print(f"records in {play.RECORDS}; figures in {bench.IMAGES}; {report.DOCS} rewritten")


if __name__ == "__main__":
    main()
