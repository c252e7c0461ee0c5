"""The size in which a page is sent: no larger than the model looks at, no dearer than it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from ocrgate.domain.patches import Size
from ocrgate.engines.recipes.cost import VisualCost
from ocrgate.errors import InvalidRequest

_LEAST_SIDE = 16  # pixels of the shorter side, below which nothing is shrunk to save tokens


@dataclass(frozen=True, slots=True)
class CostSizing:
    """Implements :class:`ocrgate.domain.document.Sizing`. Picklable, comparable by value.

    Attributes:
        cost: the model's rule. What it would shrink is shrunk here already, where more than one
            thread does it.
        limit: most visual tokens of one image (what the encoder takes); None: no bound.
        max_side: longest side in pixels; None: no bound.
        max_pixels: largest area; None: the model's own.
    """

    cost: VisualCost
    limit: int | None = None
    max_side: int | None = None
    max_pixels: int | None = None

    def fit(self, width: int, height: int) -> Size:
        """The largest size of the same shape, to the pixel of its longer side, within all bounds.

        The shorter side is rounded up, so no shape becomes narrower. Nothing is ever enlarged.

        Raises:
            InvalidRequest: the shape costs too much at every size. Models enlarge what is small,
                and a long strip costs more than a square.
        """
        largest = self._bounded(width, height)
        least = min(largest, _legible(width, height))
        side = _largest(
            least, largest, lambda tried: self._affordable(_shape(tried, width, height))
        )
        if not side:
            raise InvalidRequest(
                f"an image of the shape {width} : {height} costs this engine too much at any size",
                field="image",
                limit=f"{self.limit} tokens",
            )
        return _shape(side, width, height)

    def _bounded(self, width: int, height: int) -> int:
        """The longer side under the bounds on side and area."""
        long = max(width, height)
        side = min(long, self.max_side or long)
        areas = [area for area in (self.max_pixels, self.cost.max_pixels) if area]
        if not areas:
            return side
        bound = min(areas)
        return _largest(1, side, lambda tried: _area(_shape(tried, width, height)) <= bound) or 1

    def _affordable(self, size: Size) -> bool:
        tokens = self.cost.tokens(*size)  # refuses a strip too narrow for the model
        return self.limit is None or tokens <= self.limit


def sizing(
    cost: VisualCost,
    *,
    limit: int | None = None,
    max_side: int | None = None,
    max_pixels: int | None = None,
) -> CostSizing:
    """The rule for pages sent to a model.

    Args:
        cost: what an image costs that model.
        limit: most visual tokens that its encoder takes for one image.
        max_side: longest side in pixels.
        max_pixels: largest area, where the server was started with less than the model's own.

    Raises:
        ValueError: the limit is below what even the smallest image costs, or a bound is below 1.
    """
    if any(bound is not None and bound < 1 for bound in (limit, max_side, max_pixels)):
        raise ValueError("bounds on an image are at least 1")
    least = cost.tokens(1, 1)
    if limit is not None and limit < least:
        raise ValueError(f"an image costs this model at least {least} tokens, not {limit}")
    return CostSizing(cost, limit, max_side, max_pixels)


def _largest(least: int, most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from ``least`` to ``most`` that fits, by bisection; 0 where none does.

    What fits is a stretch from the least on, but for the rounding at a model's own bounds: there a
    larger image can be the cheaper one, so ``most`` itself is tried first.
    """
    if fits(most):
        return most
    if least >= most or not fits(least):
        return 0
    low, high = least, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _legible(width: int, height: int) -> int:
    """The longer side at which the shorter one has the pixels that a line of text needs."""
    long, short = max(width, height), min(width, height)
    return long if short <= _LEAST_SIDE else -(-_LEAST_SIDE * long // short)


def _shape(long: int, width: int, height: int) -> Size:
    """The size of that longer side and the shape of ``width`` x ``height``."""
    if width >= height:
        return long, -(-long * height // width)
    return -(-long * width // height), long


def _area(size: Size) -> int:
    return size[0] * size[1]
