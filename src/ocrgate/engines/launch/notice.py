"""What a model's licence asks to be said, said once."""

import contextlib
import hashlib
from pathlib import Path

from ocrgate.engines.launch.served import ServedModel


def notice_due(served: ServedModel, state: Path) -> str | None:
    """The notice if it was not shown yet (or has changed since), else None.

    Args:
        served: the model.
        state: folder that remembers.
    """
    if served.notice is None or _mark(served.notice, state).exists():
        return None
    return served.notice


def notice_shown(served: ServedModel, state: Path) -> None:
    """Remember that it was shown. Where nothing can be written it is shown again next time."""
    if served.notice is None:
        return
    with contextlib.suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        _mark(served.notice, state).touch()


def _mark(notice: str, state: Path) -> Path:
    return state / f"notice-{hashlib.sha256(notice.encode()).hexdigest()[:16]}"
