"""How far the reading is: a bar on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar

PATIENCE = 2.0  # seconds; what is done by then needs no bar
LINE_EVERY = 10.0  # seconds


class Progress(Protocol):
    """What is told while pages are read."""

    def expect(self, pages: int) -> None:
        """So many more pages are to be read."""

    def done(self, pages: int = 1) -> None:
        """So many pages are behind us, read or failed."""

    def note(self, text: str) -> None:
        """Say something at once."""

    def tick(self) -> None:
        """Time has passed; called about twice a second."""

    def close(self) -> None:
        """Nothing more comes."""


class Lines:
    """A line every ten seconds, for logs and pipes.

    Args:
        stream: where lines go.
        unit: what is counted, in the plural.
        now: monotonic seconds.
    """

    def __init__(
        self, stream: TextIO, unit: str = "pages", now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._unit = unit
        self._now = now
        self._start = self._last = now()
        self._total = self._done = 0

    def expect(self, pages: int) -> None:
        """So many more pages are to be read."""
        self._total += pages

    def done(self, pages: int = 1) -> None:
        """So many pages are behind us."""
        self._done += pages

    def note(self, text: str) -> None:
        """Say something at once."""
        _write(self._stream, text)

    def tick(self) -> None:
        """Print a line when ten seconds have passed since the last."""
        if self._now() - self._last >= LINE_EVERY:
            self._last = self._now()
            self.note(describe(self._done, self._total, self._unit, self._last - self._start))

    def close(self) -> None:
        """Nothing is left on the screen."""


def _write(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def describe(done: int, total: int, unit: str, seconds: float) -> str:
    """``120 of 200 pages, 4.0 pages/s, 20 s left``."""
    text = f"{done} of {total} {unit}"
    if done == 0 or seconds <= 0:
        return text
    rate = done / seconds
    left = (total - done) / rate
    return f"{text}, {rate:.2g} {unit}/s, {_duration(left)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Bar:
    """A bar with pages, rate and time left, shown once two seconds have passed.

    Args:
        stream: a terminal.
        unit: what is counted, in the plural.
        now: monotonic seconds.
    """

    def __init__(
        self, stream: TextIO, unit: str = "pages", now: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._unit = unit
        self._now = now
        self._start = now()
        self._total = self._done = 0
        self._bar: RichBar | None = None

    def expect(self, pages: int) -> None:
        """So many more pages are to be read."""
        self._total += pages
        self._refresh()

    def done(self, pages: int = 1) -> None:
        """So many pages are behind us."""
        self._done += pages
        self._refresh()

    def note(self, text: str) -> None:
        """Say something above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            _write(self._stream, text)

    def tick(self) -> None:
        """Show the bar after the first two seconds."""
        if self._bar is None and self._now() - self._start >= PATIENCE:
            self._bar = _rich_bar(self._stream)
            self._bar.add_task("Reading", total=None)
            self._bar.start()
        self._refresh()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.stop()

    def _refresh(self) -> None:
        if self._bar is not None:
            text = describe(self._done, self._total, self._unit, self._now() - self._start)
            task = self._bar.task_ids[0]
            self._bar.update(
                task, completed=self._done, total=self._total or None, description=text
            )


def _rich_bar(stream: TextIO) -> "RichBar":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=stream, stderr=True)
    text = TextColumn("{task.description}")
    return Progress(BarColumn(), text, console=console, transient=True, redirect_stdout=False)


def choose(stream: TextIO, *, unit: str, text_on_same_terminal: bool) -> Progress:
    """A bar on a terminal, unless the results themselves scroll over it."""
    bar = stream.isatty() and not text_on_same_terminal
    return Bar(stream, unit) if bar else Lines(stream, unit)
