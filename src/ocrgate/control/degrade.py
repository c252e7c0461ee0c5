"""What the lowest rungs of the ladder do to a page, and when they are in force."""

from dataclasses import dataclass

from ocrgate.control.ladder import LadderParams, Rung, Threshold

FULL = 1.0
"""The pressure at which waits are as long as they may be, or half of what comes is refused."""


@dataclass(frozen=True, slots=True)
class DegradeParams:
    """What pages get less of while the gate is under pressure; the reply says so in `degraded`.

    The pressure is 0 at rest, and 1 where waits are as long as they may be or half of what comes
    is refused.

    Attributes:
        enabled: whether that may happen at all. Without it: with engines that write their text,
            and not with the embedded one, whose pages are small already.
        image_at: pressure from which pages are sent smaller; from half of it down no more.
        image_side: part of the longest side that is left of a page then.
        output_at: pressure from which texts are cut off earlier; from half of it down no more.
        output_tokens: most tokens that a page may have written then.
        other_at: pressure from which pages that would be refused are read by the embedded engine
            instead, where `other_engine` allows any; from half of it down no more.
        other_engine: pages that the embedded engine may read at the same time while the usual one
            has no room or is not there, each in a process of lowest priority; these start when
            they are first needed. 0 is none: its text is another model's, so that is yours to say.
        sustain: seconds for which the pressure must be beyond a threshold.
        dwell: seconds without a change after a change.
    """

    enabled: bool | None = None
    image_at: float = 0.5
    image_side: float = 0.75
    output_at: float = 0.8
    output_tokens: int = 1024
    other_at: float = 1.0
    other_engine: int = 0
    sustain: float = 1.0
    dwell: float = 5.0

    def __post_init__(self) -> None:
        bounds = {
            "image_at": self.image_at > 0,
            "image_side": 0 < self.image_side <= 1,
            "output_at": self.output_at >= self.image_at,
            "output_tokens": self.output_tokens >= 1,
            "other_at": self.other_at >= self.output_at,
            "other_engine": self.other_engine >= 0,
            "seconds": min(self.sustain, self.dwell) >= 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")

    def ladder(self, *, writes: bool) -> LadderParams:
        """The rungs that can come into force, for an engine that ``writes`` token by token or not.

        The last does nothing by itself: it says that nothing is left to do but to turn pages away,
        which the gate decides for each of them.
        """
        rungs: dict[Rung, Threshold] = {}
        if writes if self.enabled is None else self.enabled:
            rungs[Rung.SMALLER_IMAGE] = _half_way_back(self.image_at)
            if writes:
                rungs[Rung.SHORTER_OUTPUT] = _half_way_back(self.output_at)
            if writes and self.other_engine:
                rungs[Rung.OTHER_ENGINE] = _half_way_back(self.other_at)
        last = max([FULL, *(step.enter for step in rungs.values())])
        rungs[Rung.REFUSAL] = _half_way_back(last)
        return LadderParams(rungs, self.sustain, self.dwell)

    def other_places(self, *, writes: bool) -> int:
        """Pages that the other engine may have: none where its rung is never in force."""
        in_use = Rung.OTHER_ENGINE in self.ladder(writes=writes).thresholds
        return self.other_engine if in_use else 0


def _half_way_back(enter: float) -> Threshold:
    return Threshold(enter, enter / 2)
