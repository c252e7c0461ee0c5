"""A look at the clock, the memory and the caller, from inside long native calls."""

from collections.abc import Callable
from time import monotonic
from typing import Final

import psutil

from ocrgate.errors import DeadlineExceeded, DocumentLimit, OcrgateError
from ocrgate.imaging.limits import ImageLimits

Cancelled = Callable[[], bool]

_INTERVAL: Final = 0.02  # seconds between looks; native code asks thousands of times per page


class Watch:
    """Says whether work on a page must end, and afterwards why."""

    def __init__(self, page: int, limits: ImageLimits, cancelled: Cancelled) -> None:
        self._page = page
        self._limits = limits
        self._cancelled = cancelled
        self._next = 0.0
        self._end = monotonic() + limits.timeout
        self._process = psutil.Process()
        self._reason: OcrgateError | None = None

    def must_end(self) -> bool:
        """Whether to stop now. Cheap enough for a loop over rows."""
        now = monotonic()
        if self._reason is None and now >= self._next:
            self._next = now + _INTERVAL
            self._reason = self._look(now)
        return self._reason is not None

    def check(self) -> None:
        """Raise why the work must end, if it must.

        Raises:
            DeadlineExceeded: the caller is gone.
            DocumentLimit: the page takes too much time or memory.
        """
        if self.must_end():
            assert self._reason is not None
            raise self._reason

    def _look(self, now: float) -> OcrgateError | None:
        if self._cancelled():
            return DeadlineExceeded(f"page {self._page} was given up while it was drawn")
        if now >= self._end:
            return DocumentLimit(
                f"page {self._page} takes too long to draw",
                field="image",
                limit=f"{self._limits.timeout:g} seconds",
            )
        if self._process.memory_info().rss > self._limits.memory:
            return DocumentLimit(
                f"page {self._page} takes too much memory to draw",
                field="image",
                limit=f"{self._limits.memory // 2**20} MB",
            )
        return None
