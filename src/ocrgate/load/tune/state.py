"""Trials kept in a file, so that an interrupted search goes on where it was."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from ocrgate.errors import Conflict, UnreadableDocument
from ocrgate.load.tune.picture import SideTrial
from ocrgate.load.tune.trial import Observation, Purpose, Stop, Trial


class _Value(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kept = TypeVar("Kept", bound=_Value)

_FORMAT = 1


class StateFile(Generic[Kept]):
    """What was tried, for one search; replaced whole after every trial.

    Args:
        path: of the file; None keeps nothing.
        about: what the trials hold for: target, pages, SLO, space. Another search does not go on
            with them.
        made: makes a trial of what stands in the file, which is what :func:`dataclasses.asdict`
            made of it.
    """

    def __init__(
        self,
        path: Path | None,
        about: Mapping[str, object],
        made: Callable[[Mapping[str, Any]], Kept],
    ) -> None:
        self._path = path
        self._about = dict(about)
        self._made = made
        self._lost = False
        text = json.dumps(self._about, sort_keys=True, default=str)
        self._digest = hashlib.sha256(text.encode()).hexdigest()[:16]

    def load(self) -> tuple[Kept, ...]:
        """The trials so far; none where there is no file.

        Raises:
            Conflict: the file is of another search.
            UnreadableDocument: it is damaged.
        """
        if self._path is None or not self._path.exists():
            return ()
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            trials = tuple(self._made(entry) for entry in data["trials"])
            digest = data["of"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UnreadableDocument(
                f"{self._path} is no state of a search; --fresh begins a new one"
            ) from error
        if digest != self._digest or data.get("format") != _FORMAT:
            raise Conflict(
                f"{self._path} is of a search with another target, other pages, another SLO or "
                "other bounds; --fresh begins a new one"
            )
        return trials

    def check(self) -> None:
        """Find out whether trials can be kept, before the first is made.

        Raises:
            OSError: the file cannot be written.
        """
        if self._path is not None:
            fresh = self._fresh(self._path)
            fresh.write_text(" " * 4096, encoding="utf-8")
            fresh.unlink()

    def save(self, trials: Sequence[Kept]) -> None:
        """Replace the file whole; a crash leaves the old or the new one.

        Raises:
            OSError: it cannot be written.
        """
        if self._path is None:
            return
        data = {
            "format": _FORMAT,
            "of": self._digest,
            "about": self._about,
            "trials": [asdict(one) for one in trials],
        }
        fresh = self._fresh(self._path)
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(data, file, indent=1, default=str)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise

    def keep(self, trials: Sequence[Kept], lost: Callable[[OSError], None]) -> None:
        """Save them; where that fails (a full disk) say so once and never again.

        What was measured is worth more than the file, so it is no reason to end a search.
        """
        if self._lost:
            return
        try:
            self.save(trials)
        except OSError as error:
            self._lost = True
            lost(error)

    @staticmethod
    def _fresh(path: Path) -> Path:
        return path.with_name(f"{path.name}.{os.getpid()}")

    def forget(self) -> None:
        """Remove the file, if it is there."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def observation(entry: Mapping[str, Any]) -> Observation:
    """A trial of an engine's settings, from a file.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    fields = dict(entry)
    trial = dict(fields.pop("trial"))
    setting = tuple(float(value) for value in trial.pop("setting"))
    purpose = Purpose(trial.pop("purpose"))
    stop = fields.pop("stop")
    return Observation(
        trial=Trial(setting, purpose, **trial),
        stop=None if stop is None else Stop(stop),
        **fields,
    )


def side_trial(entry: Mapping[str, Any]) -> SideTrial:
    """A trial of a picture's side, from a file.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    fields = dict(entry)
    errors = tuple(None if each is None else float(each) for each in fields.pop("errors"))
    return SideTrial(errors=errors, **fields)
