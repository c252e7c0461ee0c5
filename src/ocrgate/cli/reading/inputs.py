"""Which files to read: names, patterns, folders, pipes, standard input. Checked before any work."""

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NoReturn

from ocrgate.errors import InvalidRequest, NotFound, PayloadTooLarge, UnreadableDocument

STDIN = "-"
_PIECE = 1 << 20
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"}
    | {".heic", ".heif", ".pdf"}
)
"""What is taken out of a folder. A file that is named is read whatever its suffix."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read.

    Attributes:
        path: where its bytes are.
        shown: how it is called in messages.
        place: where it lies below the folder or pattern that named it; its output lies likewise.
    """

    path: Path
    shown: str
    place: Path


def expand(arguments: Sequence[str], *, stdin: BinaryIO, scratch: Path, most: int) -> list[Source]:
    """The files that arguments stand for, each once, in order.

    Args:
        arguments: file names, patterns that the shell left alone, folders, pipes (such as the
            shell makes of ``<(command)``), or ``-``.
        stdin: what ``-`` reads.
        scratch: a folder for what came from standard input and pipes; the caller removes it.
        most: bytes accepted from each of them.

    Raises:
        NotFound: a name or pattern matches nothing, a folder has nothing to read, or it is a URL.
        UnreadableDocument: a file or folder may not be opened, or standard input is empty.
        PayloadTooLarge: standard input or a pipe has more than ``most`` bytes.
        InvalidRequest: standard input is asked for twice.
    """
    if arguments.count(STDIN) > 1:
        raise InvalidRequest("standard input can be read once only", field="FILE")
    found: dict[Path, Source] = {}
    for argument in arguments:
        if argument == STDIN:
            named = Source(Path(), "standard input", Path("stdin"))
            source = _spooled(stdin, named, scratch, most)
            found[source.path] = source
            continue
        for source in _named(argument):
            kept = source if is_plain(source.path) else _from_pipe(source, scratch, most)
            found.setdefault(kept.path.resolve(), kept)
    return list(found.values())


def is_plain(path: Path) -> bool:
    """Whether it is a file, of which any part can be read at any time; not a pipe or a device."""
    return path.is_file() or not path.exists()


def _named(argument: str) -> Iterator[Source]:
    path = Path(argument)
    if path.is_dir():
        yield from _of_folder(path)
    elif path.exists():
        yield _checked(path, Path(path.name))
    elif argument.startswith(("http://", "https://")):
        message = f"{argument}: addresses are not fetched; try curl URL | ocrgate read -"
        raise NotFound(message, field="FILE")
    elif glob.has_magic(argument):
        yield from _of_pattern(argument)
    else:
        raise NotFound(f"{argument}: there is no such file", field="FILE")


def _of_folder(folder: Path) -> Iterator[Source]:
    named = (path for path in _walk(folder) if path.suffix.lower() in SUFFIXES)
    found = [path for path in named if is_plain(path)]
    if not found:
        raise NotFound(f"{folder}: no picture or PDF in this folder", field="FILE")
    for path in found:
        yield _checked(path, path.relative_to(folder))


def _walk(folder: Path) -> Iterator[Path]:
    """Visible files below a folder, sorted; links to folders are not followed (they may circle)."""
    for root, folders, names in os.walk(folder, onerror=_unopened):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in sorted(names) if not name.startswith("."))


def _unopened(error: OSError) -> NoReturn:
    message = f"{error.filename}: this folder may not be opened"
    raise UnreadableDocument(message, field="FILE") from error


def _of_pattern(pattern: str) -> Iterator[Source]:
    names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute patterns too
    paths = [path for path in map(Path, names) if path.is_file()]
    if not paths:
        raise NotFound(f"{pattern}: nothing matches this pattern", field="FILE")
    fixed = _fixed_part(pattern)
    for path in paths:
        yield _checked(path, path.relative_to(fixed))


def _fixed_part(pattern: str) -> Path:
    """The folder above the first wildcard."""
    parts = Path(pattern).parts
    plain = next(n for n, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:plain])


def _checked(path: Path, place: Path) -> Source:
    if not os.access(path, os.R_OK):
        raise UnreadableDocument(f"{path}: this file may not be opened", field="FILE")
    return Source(path, str(path), place)


def _from_pipe(source: Source, scratch: Path, most: int) -> Source:
    """What can be read once only, and from its beginning to its end, kept in a file."""
    try:
        with source.path.open("rb") as pipe:
            return _spooled(pipe, source, scratch, most)
    except OSError as error:
        message = f"{source.shown}: {error.strerror or error}"
        raise UnreadableDocument(message, field="FILE") from error


def _spooled(stream: BinaryIO, source: Source, scratch: Path, most: int) -> Source:
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="stdin-", delete=False) as spool:
        left = most + 1
        while left and (data := stream.read(min(left, _PIECE))):
            spool.write(data)
            left -= len(data)
    if not left:
        message = f"{source.shown} has more than {most} bytes (image.max_bytes)"
        raise PayloadTooLarge(message, field="FILE", limit=f"{most} bytes")
    if left == most + 1:
        raise UnreadableDocument(f"{source.shown} is empty", field="FILE")
    return replace(source, path=Path(spool.name))
