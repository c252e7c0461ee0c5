"""Where a curve bends."""

from ocrgate.load.knee import saturation


def test_saturation_is_where_throughput_falls_behind_for_good() -> None:
    """One bad second does not count, the end does."""
    kept = [(1.0, 1.0), (2.0, 1.7), (4.0, 3.95), (8.0, 5.0), (16.0, 5.1)]
    assert saturation(kept) == (8.0, 5.0)
    assert saturation(kept[:3]) is None
    assert saturation([]) is None
