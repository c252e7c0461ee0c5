"""Parameters of the embedded engine. Light: importing this loads no runtime."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CpuParams:
    """The embedded engine: PP-OCRv6 on ONNX Runtime, in processes of lower priority.

    Attributes:
        kind: selects this engine.
        workers: processes, each with one compute thread; None means one per core that this process
            may use, by its affinity and its container's quota.
        max_side: longest side handed to the engine; crops are cut at this size.
        detector_side: longest side shown to the text detector.
        nice: how far the workers step back behind everybody else (0 to 19).
    """

    kind: Literal["cpu"] = "cpu"
    workers: int | None = None
    max_side: int = 4096
    detector_side: int = 1280
    nice: int = 10
