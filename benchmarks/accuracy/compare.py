"""Character error rates on the shared corpus, beside the reference package, in one run.

    OCRGATE_TEST_RAPIDOCR=/path/to/its/python python -m benchmarks.accuracy.compare

Prints Markdown tables. CER counts characters without white space after NFKC; "order-free" lets
every line of the truth stand anywhere in the output.
"""

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.accuracy.corpus import Sample, corpus_folder, pages, samples
from benchmarks.accuracy.engines import Answer, Contender, Ours, reference
from benchmarks.accuracy.metrics import in_order, order_free, size_of

from ocrgate.domain.recognition import Quality


@dataclass(frozen=True, slots=True)
class Score:
    """One file read by one engine; errors and sizes in characters, CPU in seconds."""

    name: str
    kind: str
    language: str
    engine: str
    size: int
    errors: int
    order_free: int
    spaced_size: int
    spaced_errors: int
    cpu: float
    warnings: tuple[str, ...]


def score(sample: Sample, engine: str, answers: list[Answer]) -> Score:
    """Compare the answers for all pages of one file with its truth."""
    text = "\n".join(answer.text for answer in answers)
    truth = sample.truth.replace("\f", "\n")
    compare = sample.compare
    return Score(
        name=sample.name,
        kind=sample.kind,
        language=sample.language,
        engine=engine,
        size=size_of(truth, compare),
        errors=in_order(truth, text, compare),
        order_free=order_free(truth, text, compare),
        spaced_size=size_of(truth, compare, spaces=True),
        spaced_errors=in_order(truth, text, compare, spaces=True),
        cpu=sum(answer.cpu for answer in answers),
        warnings=tuple(sorted({warning for answer in answers for warning in answer.warnings})),
    )


def run(contenders: dict[str, Contender], chosen: Iterable[Sample]) -> Iterator[Score]:
    """All engines on one file before the next, so that a busy machine is busy for all."""
    for sample in chosen:
        shown = list(pages(sample.path))
        for name, contender in contenders.items():
            yield score(sample, name, contender.read(shown))


def table(scores: list[Score], engines: list[str], key: Callable[[Score], str]) -> str:
    """A Markdown table: one row per group, CER and order-free CER of every engine in percent."""
    groups: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        groups[key(one)].append(one)
    head = "| | files | characters | " + " | ".join(engines) + " |"
    lines = [head, "|---|--:|--:|" + "--:|" * len(engines)]
    for group, members in sorted(groups.items()):
        by_engine = [[one for one in members if one.engine == engine] for engine in engines]
        cells = " | ".join(_cell(some) for some in by_engine)
        files, size = len(by_engine[0]), sum(one.size for one in by_engine[0])
        lines.append(f"| {group} | {files} | {size} | {cells} |")
    return "\n".join(lines)


def _cell(scores: list[Score]) -> str:
    size = max(1, sum(one.size for one in scores))
    errors = 100 * sum(one.errors for one in scores) / size
    free = 100 * sum(one.order_free for one in scores) / size
    spaced_size = max(1, sum(one.spaced_size for one in scores))
    spaced = 100 * sum(one.spaced_errors for one in scores) / spaced_size
    cpu = sum(one.cpu for one in scores)
    return f"{errors:.2f} / {free:.2f} / {spaced:.2f} / {cpu:.1f} s"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--engines", default="auto,high,fast,reference")
    parser.add_argument("--only", default="", help="files whose name contains this")
    parser.add_argument("--kinds", help="kinds of files, comma separated; without it, all")
    parser.add_argument("--json", type=Path, help="write every score here")
    arguments = parser.parse_args()
    engines = arguments.engines.split(",")
    kinds = arguments.kinds.split(",") if arguments.kinds else None
    chosen = [
        one
        for one in samples(corpus_folder())
        if arguments.only in one.name and (kinds is None or one.kind in kinds)
    ]
    with ExitStack() as stack:
        contenders = {name: _contender(name, stack) for name in engines}
        scores = list(run(contenders, chosen))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(one) for one in scores], indent=1))
    print("CER / order-free CER / CER with spaces, percent / CPU seconds\n")
    print(table(scores, engines, lambda one: one.kind), "\n")
    print(table(scores, engines, lambda one: one.language), "\n")
    print(table(scores, engines, lambda one: f"{one.kind}: {one.name}"))


def _contender(name: str, stack: ExitStack) -> Contender:
    if not name.startswith("reference"):
        return Ours(Quality(name))
    python = os.environ.get("OCRGATE_TEST_RAPIDOCR")
    if not python:
        raise SystemExit("set OCRGATE_TEST_RAPIDOCR to a python that has rapidocr==3.10.0")
    return stack.enter_context(reference(python, classifier=name == "reference-cls"))


if __name__ == "__main__":
    main()
