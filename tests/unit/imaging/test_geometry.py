"""How large a page is handed to an engine."""

from dataclasses import dataclass

import pytest

from ocrgate.domain.document import ImageSpec
from ocrgate.imaging.geometry import target


@dataclass(frozen=True)
class _AtMostTall:
    """Pages may be ``tall`` pixels high, whatever their width."""

    tall: int

    def fit(self, width: int, height: int) -> tuple[int, int]:
        if height <= self.tall:
            return width, height
        return max(1, round(width * self.tall / height)), self.tall


@pytest.mark.parametrize(
    ("size", "turned", "expected"),
    [
        ((800, 400), False, (800, 400)),
        ((400, 800), False, (250, 500)),
        ((800, 400), True, (500, 250)),  # stored on its side: 800 pixels high once upright
        ((2000, 1000), False, (1000, 500)),
    ],
)
def test_a_models_own_rule_sees_the_page_upright(
    size: tuple[int, int], turned: bool, expected: tuple[int, int]
) -> None:
    spec = ImageSpec(max_side=1000, sizing=_AtMostTall(500))
    assert target(size, spec, turned=turned) == expected
