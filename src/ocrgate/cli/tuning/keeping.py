"""The trials of a search that are kept in a file: gone on with, told of, and removed at its end."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed, say
from ocrgate.errors import OcrgateError
from ocrgate.load.tune.state import Kept, StateFile
from ocrgate.settings import SettingsError


def kept(state: StateFile[Kept], place: Path, *, fresh: bool) -> tuple[Kept, ...]:
    """The trials of an earlier run of the same search; with ``fresh`` they are forgotten.

    Raises:
        Conflict: they are of another search.
        UnreadableDocument: the file is damaged.
        CommandFailed: it cannot be removed.
    """
    if fresh:
        try:
            state.forget()
        except OSError as error:
            raise CommandFailed(f"{place}: {error.strerror}", Exit.ENVIRONMENT) from error
    done = state.load()
    if done:
        say(f"Going on after {len(done)} trials in {place}; --fresh begins anew.")
    return done


def tell_lost(place: Path, error: OSError) -> None:
    """Say that trials are kept no more."""
    say(
        f"{place} cannot be written ({error.strerror}): the search goes on, but would begin "
        "anew after an interruption."
    )


@contextmanager
def keeping(state: StateFile[Kept], place: Path) -> Iterator[None]:
    """Around a search: after an error it is told what is kept.

    Raises:
        CommandFailed: the file cannot be written even before the first trial.
    """
    try:
        yield
    except OcrgateError:
        _tell_kept(state, place)
        raise
    except OSError as error:
        raise CommandFailed(f"{place}: {error.strerror}", Exit.ENVIRONMENT) from error


def _tell_kept(state: StateFile[Kept], place: Path) -> None:
    if count := len(state.load()):
        say(f"Trials kept in {place}: {count}; the same command goes on after them.")


@contextmanager
def written(place: Path | None) -> Iterator[None]:
    """Around the writing of what a search found: its trials are kept until that is done."""
    try:
        yield
    except (OSError, SettingsError, OcrgateError):
        if place is not None and place.exists():
            say(f"All trials are kept in {place}: the same command writes it without a new one.")
        raise
    except CommandFailed:  # nothing can be recommended: that is a result, too
        _forget(place)
        raise
    _forget(place)


def _forget(place: Path | None) -> None:
    if place is not None:
        with suppress(OSError):  # what was found is worth more than a tidy folder
            place.unlink(missing_ok=True)
