"""A page that a simulated engine takes."""

import random

import pytest
from tests.integration.load.conftest import simulated

from ocrgate.load.pages import draw
from ocrgate.load.workload import Workload
from ocrgate.simulate.workload import Page

__all__ = ["page", "simulated"]


@pytest.fixture
def page() -> Workload:
    """One drawn page of known text."""
    drawn = draw(Page("page", 300, 200, 0, 0, 40), "page", random.Random(1))
    return Workload((drawn,), "one page")
