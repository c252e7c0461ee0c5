"""What a server prints, cut into lines that can be logged whatever is in them. Pure."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

LONGEST = 2000  # characters of one line that are kept
KEPT = 200  # lines
TELLING = 50  # of those before them
LONG_AGO = 120.0  # seconds after which a line tells nothing about an end

_ENDS = re.compile(rb"[\r\n]+")  # progress bars return the carriage only
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PREFIX = r"(?:\([^()]*pid=\d+\) )*"
_LEVEL = re.compile(_PREFIX + r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_ACCESS = re.compile(_PREFIX + r'INFO: +\S+ - "[A-Z]+ ')


class LineSplitter:
    """Bytes in, clean lines out. Never holds more than the beginning of one line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that ``chunk`` completes."""
        *whole, rest = _ENDS.split(self._rest + chunk)
        self._rest = rest[: 4 * LONGEST]  # the longest character of UTF-8 has four bytes
        for raw in whole:
            yield from _clean(raw)

    def end(self) -> Iterator[str]:
        """The last line, if it was not ended."""
        rest, self._rest = self._rest, b""
        yield from _clean(rest)


def _clean(raw: bytes) -> Iterator[str]:
    text = _ESCAPES.sub("", raw[: 4 * LONGEST].decode(errors="replace"))
    text = _CONTROL.sub("", text).rstrip()[:LONGEST]
    if text:
        yield text


class Tail:
    """The last lines, and of those before them the ones that may tell why a server ended.

    A server whose engine has died says so once for every page in work, with a traceback each: ten
    thousand lines after the one that names the reason.

    Args:
        tells: whether a line may be such a reason.
    """

    def __init__(self, tells: Callable[[str], bool]) -> None:
        self._tells = tells
        self._last: deque[tuple[float, str]] = deque()
        self._told: deque[tuple[float, str]] = deque(maxlen=TELLING)

    def add(self, line: str, now: float) -> None:
        """One more came at ``now`` (seconds of any clock)."""
        self._last.append((now, line))
        if len(self._last) > KEPT:
            old = self._last.popleft()
            if self._tells(old[1]):
                self._told.append(old)

    def lines(self) -> tuple[str, ...]:
        """Oldest first."""
        if not self._last:
            return ()
        since = self._last[-1][0] - LONG_AGO
        told = tuple(line for at, line in self._told if at >= since)
        return told + tuple(line for _, line in self._last)


def level(line: str) -> str:
    """How important a line of vLLM is: ``debug``, ``info``, ``warning`` or ``error``.

    Its access log is only interesting to who debugs it: every request is in ours.
    """
    if _ACCESS.match(line):
        return "debug"
    found = _LEVEL.match(line)
    if found is None:
        return "info"
    return "error" if found[1] == "CRITICAL" else found[1].lower()


@dataclass(frozen=True, slots=True)
class LineBudget:
    """A bucket of lines: ``burst`` at once, ``rate`` each second in the long run.

    Attributes:
        rate: lines a second.
        burst: most lines at once.
        left: lines that may be written at ``at``.
        at: seconds of the clock.
        dropped: lines left out since the last that was written.
    """

    rate: float = 50.0
    burst: float = 500.0
    left: float = 500.0
    at: float = 0.0
    dropped: int = 0

    def take(self, now: float) -> tuple["LineBudget", bool, int]:
        """One more line comes at ``now``.

        Returns:
            The bucket afterwards, whether the line may be written, and how many were left out
            before it (told with the first that is written again).
        """
        left = min(self.burst, self.left + max(0.0, now - self.at) * self.rate)
        if left < 1:
            return LineBudget(self.rate, self.burst, left, now, self.dropped + 1), False, 0
        return LineBudget(self.rate, self.burst, left - 1, now), True, self.dropped
