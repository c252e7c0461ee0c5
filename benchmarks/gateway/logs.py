"""What the line of a request costs whoever logs it: written at once, and by a thread.

    python -m benchmarks.gateway.logs [--lines 5000] [--pace 1000]

Lines go to a pipe that another process reads. Printed are the time of a call (median and 99th
percentile), one after the other and at ``--pace`` lines a second, and the processor time of the
whole process per line.
"""

import argparse
import contextlib
import multiprocessing
import os
import time
from typing import IO, cast

import structlog

from ocrgate.telemetry.aside import Aside
from ocrgate.telemetry.logging import configure, request_context

FACTS = {"method": "POST", "route": "/ocr", "status": 200, "seconds": 0.0123, "caller": "ann"}


def read(reader: int, writer: int) -> None:
    """Read a pipe to its end."""
    os.close(writer)
    while os.read(reader, 65_536):
        pass


def measured(stream: IO[str], lines: int, pace: float) -> list[float]:
    """Seconds of each call, in ascending order."""
    configure("json", "info", stream)
    log, times = structlog.get_logger("ocrgate.gateway"), []
    for _ in range(lines):
        with request_context("0f07517dfd396f65"):
            begun = time.perf_counter()
            log.info("request", **FACTS)
            times.append(time.perf_counter() - begun)
        if pace:
            time.sleep(max(0.0, begun + 1 / pace - time.perf_counter()))
    return sorted(times)


def trial(aside: bool, lines: int, pace: float) -> str:
    """One way of writing at one pace, in words."""
    reader, writer = os.pipe()
    consumer = multiprocessing.get_context("fork").Process(target=read, args=(reader, writer))
    consumer.start()
    os.close(reader)
    with os.fdopen(writer, "w") as target:
        begun = time.process_time()
        with Aside(target) if aside else contextlib.nullcontext(target) as stream:
            times = measured(cast("IO[str]", stream), lines, pace)
        processor = (time.process_time() - begun) / lines
    consumer.join()
    return (
        f"{'aside' if aside else 'at once'}, {f'{pace:g}/s' if pace else 'one after the other'}: "
        f"median {times[lines // 2] * 1e6:.1f} us, p99 {times[lines * 99 // 100] * 1e6:.1f} us, "
        f"processor {processor * 1e6:.1f} us a line"
    )


def main() -> None:
    """All four."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--pace", type=float, default=1000.0)
    told = parser.parse_args()
    for pace in (0.0, told.pace):
        for aside in (False, True):
            print(trial(aside, told.lines, pace))


if __name__ == "__main__":
    main()
