"""What the lowest rungs of the ladder do to a page, and when they are in force."""

from dataclasses import dataclass

from ocrgate.control.ladder import LadderParams, Rung, Threshold


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
        sustain: seconds for which the pressure must be beyond a threshold.
        dwell: seconds without a change after a change.
    """

    enabled: bool | None = None
    image_at: float = 0.5
    image_side: float = 0.75
    output_at: float = 0.8
    output_tokens: int = 1024
    sustain: float = 1.0
    dwell: float = 5.0

    def __post_init__(self) -> None:
        bounds = {
            "image_at": self.image_at > 0,
            "image_side": 0 < self.image_side <= 1,
            "output_at": self.output_at >= self.image_at,
            "output_tokens": self.output_tokens >= 1,
            "seconds": min(self.sustain, self.dwell) >= 0,
        }
        if wrong := [name for name, holds in bounds.items() if not holds]:
            raise ValueError(f"out of range: {', '.join(wrong)}")

    def ladder(self, *, writes: bool) -> LadderParams:
        """The rungs that do something, for an engine that ``writes`` token by token or does not."""
        if not (writes if self.enabled is None else self.enabled):
            return LadderParams({}, self.sustain, self.dwell)
        rungs = {Rung.SMALLER_IMAGE: Threshold(self.image_at, self.image_at / 2)}
        if writes:
            rungs[Rung.SHORTER_OUTPUT] = Threshold(self.output_at, self.output_at / 2)
        return LadderParams(rungs, self.sustain, self.dwell)
