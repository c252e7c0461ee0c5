"""Long native work looks up now and then."""

import psutil
import pytest

from ocrgate.errors import DeadlineExceeded, DocumentLimit
from ocrgate.imaging.limits import ImageLimits
from ocrgate.imaging.watch import Watch


def test_goes_on_while_somebody_waits() -> None:
    """Nothing ends a page within its limits."""
    watch = Watch(1, ImageLimits(memory=2**40), lambda: False)
    watch.check()
    assert not watch.must_end()


def test_ends_when_the_caller_is_gone() -> None:
    """A page that nobody waits for is given up."""
    watch = Watch(1, ImageLimits(memory=2**40), lambda: True)
    assert watch.must_end()
    with pytest.raises(DeadlineExceeded):
        watch.check()


def test_ends_when_time_is_up() -> None:
    """A page that takes too long says how long it may."""
    watch = Watch(4, ImageLimits(memory=2**40, timeout=0.0), lambda: False)
    with pytest.raises(DocumentLimit, match="page 4 takes too long") as ended:
        watch.check()
    assert ended.value.limit == "0 seconds"


def test_ends_when_memory_is_short() -> None:
    """A page that eats memory says how much it may."""
    used = psutil.Process().memory_info().rss
    watch = Watch(1, ImageLimits(memory=used // 2), lambda: False)
    with pytest.raises(DocumentLimit, match="memory"):
        watch.check()
