"""The numbers of the gate: how pages queue, and when they are refused."""

import math
from dataclasses import dataclass, field

from ocrgate.control.demand import DemandParams
from ocrgate.control.headroom import PassingParams
from ocrgate.control.lanes import LaneShares


@dataclass(frozen=True, slots=True)
class AdmissionParams:
    """How the gate queues and refuses.

    Attributes:
        shares: the lanes' guaranteed parts of the limit.
        backlog_share: entries that may wait in each lane, as a part of the limit.
        backlog_min: entries that may wait in each lane at least.
        backlog_bytes: bytes of documents that may wait in each lane.
        wait_share: the part of its time left that an entry may spend waiting.
        wait_max: seconds that an entry may wait at most.
        retry_min: least ``Retry-After``, seconds.
        retry_max: greatest ``Retry-After``, seconds.
        horizon: seconds after which measurements are forgotten.
        demand: how many entries wait while more comes than can be read.
        passing: how long others may pass a page that the budget has no room for.
    """

    shares: LaneShares = field(default_factory=LaneShares)
    backlog_share: float = 0.5
    backlog_min: int = 64
    backlog_bytes: int = 128 * 2**20
    wait_share: float = 0.2
    wait_max: float = 10.0
    retry_min: float = 1.0
    retry_max: float = 300.0
    horizon: float = 30.0
    demand: DemandParams = field(default_factory=DemandParams)
    passing: PassingParams = field(default_factory=PassingParams)

    def __post_init__(self) -> None:
        bounds = {
            "backlog_share": self.backlog_share >= 0,
            "backlog_min": self.backlog_min >= 0,
            "backlog_bytes": self.backlog_bytes >= 0,
            "wait_share": 0 < self.wait_share <= 1,
            "wait_max": self.wait_max > 0,
            "retry_min": 0 < self.retry_min <= self.retry_max,
            "horizon": self.horizon > 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")


PATIENT = AdmissionParams(
    backlog_min=2**31,
    backlog_bytes=2**62,
    wait_share=1.0,
    wait_max=math.inf,
)
"""For a caller that is alone and rather waits than is refused, such as a command line."""
