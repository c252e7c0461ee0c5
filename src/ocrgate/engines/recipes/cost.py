"""What an image costs a model, from its size alone: the model's own resize, and tokens after it.

All sizes are (width, height) in pixels, as a person would say them.
"""

from dataclasses import dataclass
from typing import Protocol

from ocrgate.domain.patches import Size


class VisualCost(Protocol):
    """How a model sees an image. Values: picklable and comparable."""

    @property
    def exact(self) -> bool:
        """Whether ``tokens`` is what the engine will count, rather than an estimate."""

    @property
    def max_pixels(self) -> int | None:
        """Pixels above which the model shrinks an image itself; None where that is unknown."""

    def tokens(self, width: int, height: int) -> int:
        """Tokens that the encoder makes of an image of this size, before any resizing.

        Raises:
            InvalidRequest: the model refuses that shape.
        """

    def resized(self, width: int, height: int) -> Size:
        """The size in which the model looks at it: the system of coordinates of some models.

        Raises:
            InvalidRequest: the model refuses that shape.
        """

    def most(self) -> int:
        """A bound on ``tokens`` over all sizes, for the encoder's cache."""


@dataclass(frozen=True, slots=True)
class FlatCost:
    """A bound where the rule by which a model cuts an image into tiles is not known to us.

    Attributes:
        bound: tokens of the most expensive image.
    """

    bound: int
    exact: bool = False
    max_pixels: int | None = None

    def tokens(self, width: int, height: int) -> int:  # noqa: ARG002 - the port's signature
        """The bound, whatever the size."""
        return self.bound

    def resized(self, width: int, height: int) -> Size:
        """The size as it is."""
        return width, height

    def most(self) -> int:
        """The bound."""
        return self.bound
