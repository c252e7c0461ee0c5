"""Reading order and page direction on rendered pages, beside the reference package, in one run.

OCRGATE_TEST_RAPIDOCR=/path/to/its/python python -m benchmarks.accuracy.order
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import numpy as np
from benchmarks.accuracy.engines import Contender, Ours, reference
from benchmarks.accuracy.metrics import in_order, order_free, size_of
from benchmarks.accuracy.render import DENSE, LAYOUTS, Sheet

from ocrgate.domain.recognition import Quality

Draw = Callable[[random.Random], Sheet]

_SEEDS = range(3)
_TURNS = (0, 90, 180, 270)


def sheets(kinds: Mapping[str, Draw]) -> Iterator[tuple[str, Sheet]]:
    """Every kind of page, drawn once for every seed."""
    for kind, draw in kinds.items():
        for seed in _SEEDS:
            yield kind, draw(random.Random(f"{kind} {seed}"))


def rates(contender: Contender, drawn: list[Sheet], turn: int = 0) -> tuple[float, float, float]:
    """CER in order and order-free in percent, and CPU seconds per page, over some pages."""
    size = errors = free = 0
    cpu = 0.0
    for sheet in drawn:
        page = np.ascontiguousarray(np.rot90(sheet.pixels, -(turn // 90)))
        (answer,) = contender.read([page])
        size += size_of(sheet.truth, None)
        errors += in_order(sheet.truth, answer.text, None)
        free += order_free(sheet.truth, answer.text, None)
        cpu += answer.cpu
    return 100 * errors / size, 100 * free / size, cpu / len(drawn)


def main() -> None:
    """Run and print two tables."""
    python = os.environ.get("OCRGATE_TEST_RAPIDOCR")
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {"auto": Ours(Quality.AUTO)}
        if python:
            contenders["reference"] = stack.enter_context(reference(python, classifier=False))
        print("CER in order / order-free, percent / CPU seconds per page\n")
        _print(list(contenders), LAYOUTS, contenders)
        print("\nDense pages turned clockwise\n")
        names = [f"{name}, {turn}" for name in contenders for turn in _TURNS]
        _print(names, DENSE, contenders)


def _print(names: list[str], kinds: Mapping[str, Draw], contenders: dict[str, Contender]) -> None:
    print("| | " + " | ".join(names) + " |\n|---|" + "--:|" * len(names))
    drawn: dict[str, list[Sheet]] = {}
    for kind, sheet in sheets(kinds):
        drawn.setdefault(kind, []).append(sheet)
    for kind, some in drawn.items():
        cells = []
        for name in names:
            engine, _, turn = name.partition(", ")
            error, free, cpu = rates(contenders[engine], some, int(turn or 0))
            cells.append(f"{error:.2f} / {free:.2f} / {cpu:.2f} s")
        print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
