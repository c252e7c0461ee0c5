"""The limit laws as they are chosen: their parameters, told apart by ``kind``."""

from dataclasses import dataclass
from typing import Literal

from ocrgate.control.limit.engine import EngineParams
from ocrgate.control.limit.fixed import FixedParams
from ocrgate.control.limit.latency import LatencyParams


@dataclass(frozen=True, slots=True)
class AutoLaw:
    """The law that goes with the engine.

    Attributes:
        kind: selects the law. `auto`: `engine` where the server shows its load, `latency` where it
            only streams its answers, else the number that the engine itself names.
    """

    kind: Literal["auto"] = "auto"


@dataclass(frozen=True, slots=True)
class EngineLaw(EngineParams):
    """The law that listens to the engine's own metrics.

    Attributes:
        kind: selects this law.
        goodput: how throughput is watched.
        trust: when signals are not believed.
        lateness: how pages that come too late are watched.
    """

    kind: Literal["engine"] = "engine"


@dataclass(frozen=True, slots=True)
class LatencyLaw(LatencyParams):
    """The law for servers without metrics.

    Attributes:
        kind: selects this law.
        climb: how the limit moves.
    """

    kind: Literal["latency"] = "latency"


@dataclass(frozen=True, slots=True)
class FixedLaw(FixedParams):
    """A number.

    Attributes:
        kind: selects this law.
    """

    kind: Literal["fixed"] = "fixed"


LimitLaw = AutoLaw | EngineLaw | LatencyLaw | FixedLaw
"""What can be chosen."""
