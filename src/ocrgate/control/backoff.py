"""How long to wait before the next try of something that keeps failing.

Exponential backoff with full jitter: a uniform draw between nothing and a bound that doubles with
every failure (M. Brooker, "Exponential Backoff and Jitter", 2015). Many that failed together come
back spread out, and the mean wait is half the bound.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffParams:
    """How a wait grows.

    Attributes:
        first: bound after the first failure, seconds.
        most: greatest bound, seconds.
        reset: seconds of success after which earlier failures are forgotten.
    """

    first: float = 1.0
    most: float = 30.0
    reset: float = 60.0


def failures_in_a_row(params: BackoffParams, before: int, held: float) -> int:
    """Failures to count now that one more came.

    Args:
        params: how a wait grows.
        before: failures counted until now.
        held: seconds that it had worked before this failure.
    """
    return 1 if held >= params.reset else before + 1


def delay(params: BackoffParams, failures: int, chance: float) -> float:
    """Seconds to wait after ``failures`` in a row; none after none.

    Args:
        params: how a wait grows.
        failures: failures in a row, from 0.
        chance: a draw from [0, 1).
    """
    if failures <= 0:
        return 0.0
    doublings = min(failures - 1, 64)  # a float holds 2^64 times any sane bound
    return chance * min(params.most, params.first * 2.0**doublings)
