"""Writes the records into ``docs/overload.md``: each table stands between two marks there.

``python -m benchmarks.overload.report`` after any run; figures are drawn by the runs themselves.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import wrap

from benchmarks.overload import (
    arrivals,
    bench,
    burst,
    deadlines,
    disconnects,
    drawn,
    halved,
    hot,
    ladder,
    play,
    profiles,
    replicas,
    runaways,
    shift,
    signals,
    slow,
    tenants,
    waves,
)
from benchmarks.overload.play import Record
from benchmarks.overload.record import Result
from benchmarks.overload.scene import FORMS, Experiment
from benchmarks.overload.table import Held, markdown

DOCS = Path(__file__).resolve().parents[2] / "docs" / "overload.md"
MODULES = (
    ladder,
    burst,
    tenants,
    disconnects,
    waves,
    arrivals,
    runaways,
    shift,
    deadlines,
    slow,
    signals,
    halved,
    hot,
    replicas,
    profiles,
)
EXPERIMENTS: tuple[Experiment, ...] = tuple(module.EXPERIMENT for module in MODULES)
MARKS = re.compile(r"(<!-- record: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def how(record: Record) -> str:
    """The line that says how a table was made."""
    seeds = ", ".join(map(str, record.seeds))
    late = max((result.lag_p99 for result in record.results), default=0.0)
    lag = f"; the generator's lag at worst {1000 * late:.0f} ms" if record.form == "http" else ""
    count = "seed" if len(record.seeds) == 1 else "seeds"
    return (
        f"`{record.command}`, {count} {seeds}, commit {record.commit}, {record.at}; "
        f"knee {record.knee.rate:.2f} pages/s, 97 % of it with {record.knee.places} at once; load "
        f"average {record.load_average:.1f}{lag}"
    )


def pivot(record: Record, value: Callable[[Result], float]) -> Iterator[str]:
    """Setups by loads."""
    loads = sorted({result.load for result in record.results})
    yield "| setup | " + " | ".join(f"{load:g}x" for load in loads) + " |"
    yield "|---|" + "--:|" * len(loads)
    for setup in dict.fromkeys(result.setup for result in record.results):
        cells = []
        for load in loads:
            each = [value(r) for r in record.results if (r.setup, r.load) == (setup, load)]
            cells.append(f"{sum(each) / len(each):.2f}" if each else "-")
        yield f"| {setup} | " + " | ".join(cells) + " |"


def folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines that the reader opens."""
    yield "<details>"
    yield f"<summary>{title}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def told(experiment: Experiment, record: Record) -> Iterator[str]:
    """What stands in the place of one record."""
    yield from wrap(how(record) + ".", 110)
    yield ""
    if experiment is ladder.EXPERIMENT:
        yield "Goodput, as a part of the knee:"
        yield ""
        yield from pivot(record, lambda result: result.goodput / record.knee.rate)
        yield ""
        yield from folded("All figures of the ladder", play.table(experiment, record))
    else:
        yield from play.table(experiment, record)
    if record.missing:
        yield ""
        yield "Not run: " + "; ".join(record.missing) + "."


def judged() -> Iterator[str]:
    """The table of targets."""
    path = play.RECORDS / "table.json"
    if not path.exists():
        return
    found = json.loads(path.read_text())
    seeds = ", ".join(map(str, found["seeds"]))
    yield f"`{found['command']}`, seeds {seeds}, commit {found['commit']}, {found['at']}."
    yield ""
    yield from markdown([Held(**line) for line in found["lines"]])


def figures() -> Iterator[tuple[str, list[str]]]:
    """The figures that there are."""
    for experiment in EXPERIMENTS:
        for suffix in ("", "-virtual") if experiment.apart else ("",):
            name = f"{experiment.name}{suffix}"
            if (bench.IMAGES / f"overload-{name}.svg").exists():
                yield f"{name}-figure", [f"![{experiment.title}](images/overload-{name}.svg)"]


def pieces() -> dict[str, list[str]]:
    """What is known, by mark."""
    found = {"table": list(judged()), "drawn": drawn.kept(), **dict(figures())}
    if drawn.IMAGE.exists():
        found["drawn-figure"] = [f"![{drawn.TITLE}](images/{drawn.IMAGE.name})"]
    for experiment in EXPERIMENTS:
        for form in FORMS:
            if (record := play.kept(experiment.name, form)) is not None:
                found[f"{experiment.name}-{form}"] = list(told(experiment, record))
    return found


def main() -> None:
    """Rewrite the page."""
    known = pieces()
    page = DOCS.read_text()
    unknown = set(known) - {found["name"] for found in MARKS.finditer(page)}

    def fill(found: re.Match[str]) -> str:
        lines = known.get(found["name"])
        if not lines:
            return found[0]
        return found[1] + "\n" + "\n".join(lines) + "\n\n" + found[3]

    DOCS.write_text(MARKS.sub(fill, page))
    for name in sorted(unknown):
        print(f"no place in {DOCS.name} for {name}")


if __name__ == "__main__":
    main()
