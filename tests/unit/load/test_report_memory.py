"""How long a server remembers, and what that does to an interval."""

import numpy as np
import pytest

from ocrgate.load.report.memory import correlation, widening


def autoregression(memory: float, length: int, seed: int) -> "np.ndarray[tuple[int], np.dtype]":
    """A series whose neighbours are so much alike."""
    source = np.random.default_rng(seed)
    series = [source.normal() / (1 - memory**2) ** 0.5]
    for _ in range(length - 1):
        series.append(memory * series[-1] + source.normal())
    return np.array(series)


def test_blocks_that_know_nothing_of_each_other_are_hardly_spread() -> None:
    """A little for Student's curve, and a chance likeness is none."""
    found = [widening(autoregression(0.0, 60, seed)) for seed in range(50)]
    assert np.median([each or 9.0 for each in found]) == pytest.approx(1.03, abs=0.01)
    assert correlation(np.ones(10)) == 0.0


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_means_differ_as_much_as_is_said(memory: float) -> None:
    """The mean of such a series, over what independent values of the same spread would give."""
    runs = [autoregression(memory, 60, seed) for seed in range(400)]
    means = np.std([run.mean() for run in runs])
    single = np.mean([run.std() for run in runs]) / 60**0.5
    told = np.median([widening(run) or 9.0 for run in runs])
    assert told == pytest.approx(means / single, rel=0.3)
    assert told >= 0.95 * means / single


def test_a_run_may_be_too_short_for_its_memory() -> None:
    """Eight blocks of one slope are worth less than three."""
    assert widening(np.arange(8.0)) is None
    assert widening(np.arange(60.0)) is None
    assert widening(np.array([1.0, -1.0] * 4), np.arange(8.0)) is None
    assert widening(np.array([1.0, -1.0] * 4)) is not None
