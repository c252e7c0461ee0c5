"""The queue in the engine that stands, as against one that passes.

An engine reads prompts in chunks and encodes images one after the other, so some pages wait for a
moment on any engine that is busy, and fewer are in its batch then than it can hold. As in CoDel
(RFC 8289) the least of the last moments is what stands; the batch is the largest of them.

Pictures are decoded before a request is in any queue, often one after the other, and no metric
shows them. What is at the engine and neither in its batch nor in its queue is there.
"""

from collections import deque

from ocrgate.control.limit.law import Signals


class Standing:
    """The last polls.

    Args:
        window: seconds over which a queue must stand. One poll from before it is kept too, so
            that there are always two to compare.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._polls: deque[tuple[float, float, float, float]] = deque()

    def add(self, now: float, signals: Signals, inflight: int) -> None:
        """One more poll, with so many pages in flight."""
        running, waiting = signals.running, signals.waiting or 0.0
        hidden = 0.0 if running is None else max(0.0, inflight - running - waiting)
        self._polls.append((now, waiting, running or 0.0, hidden))
        while len(self._polls) > 2 and self._polls[1][0] <= now - self._window:
            self._polls.popleft()

    @property
    def waiting(self) -> float:
        """Pages that waited all the time; 0 until the window is over for the first time."""
        return self._least(1)

    @property
    def hidden(self) -> float:
        """Pages that all the time were neither in the batch nor in the queue: they are prepared."""
        return self._least(3)

    def _least(self, figure: int) -> float:
        if not self._polls or self._polls[-1][0] - self._polls[0][0] < self._window:
            return 0.0
        return min(poll[figure] for poll in self._polls)

    @property
    def running(self) -> float:
        """The largest batch; 0 when it is not shown."""
        return max((running for _, _, running, _ in self._polls), default=0.0)
