"""How the load generator itself fares: a client that is late or out of breath measures itself."""

import asyncio
import time

from ocrgate.load.record import Client
from ocrgate.load.tally import Histogram

TICK = 0.05  # seconds between looks at the event loop
LATE = 0.025  # seconds behind the intended instant, at the 99th percentile, that are too much
LAGGED = 0.05  # seconds that the event loop woke up late, at the 99th percentile, that are too much
BUSY = 0.9  # share of a core beyond which one event loop has no room


class Health:
    """Watches the event loop and the processor time of this process."""

    def __init__(self) -> None:
        self.lag = Histogram()
        self.lateness = Histogram()
        self.trouble = ""
        self._recent_lag = 0.0
        self._since = self._mark = (time.monotonic(), time.process_time())
        self._cpu = 0.0

    def begin(self) -> None:
        """What counts begins now."""
        self.lag = Histogram()
        self._since = (time.monotonic(), time.process_time())

    def end(self) -> None:
        """What counts is over: no more is sent."""
        self._cpu = _cores(self._since)

    def late(self, seconds: float) -> None:
        """A request was begun so long after it was due."""
        self.lateness.add(seconds)

    async def watch(self) -> None:
        """Look at the event loop until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            lag = time.monotonic() - before - TICK
            self.lag.add(lag)
            self._recent_lag = max(lag, self._recent_lag)

    def recent(self) -> tuple[float, float]:
        """Cores in use and the worst lag of the loop in seconds since this was last asked."""
        cpu, lag = _cores(self._mark), self._recent_lag
        self._mark, self._recent_lag = (time.monotonic(), time.process_time()), 0.0
        return cpu, lag

    def client(self) -> Client:
        """For the record."""
        return Client(
            lag_p99=round(self.lag.quantile(0.99) or 0.0, 5),
            late_p99=round(self.lateness.quantile(0.99) or 0.0, 5),
            cpu=round(self._cpu, 3),
            saturated=self.trouble or self._saturated(),
        )

    def _saturated(self) -> str:
        late = self.lateness.quantile(0.99) or 0.0
        if late > LATE:
            return f"requests left {late * 1000:.0f} ms late (99th percentile)"
        if self._cpu > BUSY:
            return f"the load generator used {self._cpu:.0%} of a core"
        lag = self.lag.quantile(0.99) or 0.0
        if lag > LAGGED:
            return f"this machine let the load generator wait {lag * 1000:.0f} ms (99th percentile)"
        return ""


def _cores(since: tuple[float, float]) -> float:
    wall, used = time.monotonic() - since[0], time.process_time() - since[1]
    return used / wall if wall > 0 else 0.0
