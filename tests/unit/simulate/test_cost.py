"""Tokens of pictures: the model's own table."""

import pytest

from ocrgate.simulate.cost import ImageRule

V1 = ImageRule()
V15 = ImageRule(max_pixels=4096 * 4096)


@pytest.mark.parametrize(
    ("rule", "width", "height", "tokens"),
    [
        (V1, 300, 80, 290),
        (V1, 300, 200, 296),
        (V1, 512, 512, 274),
        (V1, 640, 480, 317),
        (V1, 1024, 768, 794),
        (V1, 1024, 1024, 1058),
        (V1, 1240, 1754, 2202),
        (V1, 1654, 2339, 3871),
        (V1, 2031, 2708, 4090),
        (V15, 2031, 2708, 5442),
        (V1, 2480, 3508, 4106),
        (V15, 2480, 3508, 8692),
        (V1, 3840, 2160, 4130),
        (V15, 3840, 2160, 8230),
        (V1, 2048, 2048, 4162),
        (V1, 4096, 4096, 4162),
        (V15, 4096, 4096, 16514),
        (V1, 1000, 16000, 4354),
        (V15, 1000, 16000, 16002),
        (V15, 4960, 7016, 16418),
    ],
)
def test_tokens_are_those_of_the_table(
    rule: ImageRule, width: int, height: int, tokens: int
) -> None:
    assert rule.tokens(width, height) == tokens


@pytest.mark.parametrize(("width", "height"), [(4100, 20), (0, 10), (10, 2100)])
def test_strips_are_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="aspect ratio"):
        V1.tokens(width, height)
