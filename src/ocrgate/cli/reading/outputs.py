"""Where results go: one file per input, whole or not at all under its own name."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.inputs import Source
from ocrgate.errors import Conflict


class Existing(StrEnum):
    """What to do about an output that is there already."""

    REFUSE = "refuse"
    REPLACE = "replace"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the result of one source goes; ``path`` None is standard output."""

    source: Source
    path: Path | None


def plan(
    sources: Sequence[Source], folder: Path, suffix: str, existing: Existing
) -> tuple[list[Target], list[Target]]:
    """Give every source its own place below ``folder``: those to read, and those to skip.

    ``a/b.png`` becomes ``b.txt``. Where that would meet another source's place or draft, the
    suffix is kept (``b.png.txt``), and where even that does, the folders too.

    Raises:
        Conflict: an output would replace an input, or is there and ``existing`` is ``REFUSE``.
    """
    targets = [Target(s, folder / place) for s, place in _places(sources, suffix).items()]
    inputs = {source.path.resolve() for source in sources}
    for target in targets:
        if target.path and target.path.resolve() in inputs:
            raise Conflict(f"{target.path} is an input; it is not overwritten", field="--output")
    there = [target for target in targets if target.path and target.path.exists()]
    if there and existing is Existing.REFUSE:
        more = f" and {len(there) - 1} more exist" if len(there) > 1 else " exists"
        raise Conflict(
            f"{there[0].path}{more}; --force replaces, --skip-existing keeps", field="--output"
        )
    skipped = there if existing is Existing.SKIP else []
    return [target for target in targets if target not in skipped], skipped


def obstacle(folder: Path) -> tuple[str, Exit] | None:
    """Why no results could be put into ``folder``, which need not exist; None if they could."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        return f"{there} is a file; --output names a folder", Exit.USAGE
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there}: this folder may not be written to", Exit.ENVIRONMENT
    return None


def _places(sources: Sequence[Source], suffix: str) -> dict[Source, Path]:
    short = {source: source.place.with_suffix(suffix) for source in sources}
    long = {source: source.place.with_name(source.place.name + suffix) for source in sources}
    chosen = short | {source: long[source] for source in _doubled(short)}
    doubled = _doubled(chosen)
    if doubled:
        top = os.path.commonpath([source.path.resolve().parent for source in doubled])
        for source in doubled:
            below = source.path.resolve().relative_to(top)
            chosen[source] = below.with_name(below.name + suffix)
    return chosen


def _doubled(places: dict[Source, Path]) -> Iterable[Source]:
    """Those that share their place, or have it where another one's draft is kept."""
    by_place = defaultdict(list)
    for source, place in places.items():
        by_place[place].append(source)
    drafts = set(map(partial_name, by_place))
    return [
        source
        for place, found in by_place.items()
        if len(found) > 1 or place in drafts
        for source in found
    ]


def partial_name(path: Path) -> Path:
    """Where an unfinished result is kept: ``b.partial.txt``."""
    return path.with_suffix(f".partial{path.suffix}")
