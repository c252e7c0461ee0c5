"""Visual tokens, against sizes measured on a running engine and those of the published rule."""

import pytest

from ocrgate.engines.recipes import FlatCost, PatchGrid, recipe_named, token_budget
from ocrgate.engines.recipes.families.hunyuan import MARKERS
from ocrgate.errors import InvalidRequest

OLD, NEW = (recipe_named(f"hunyuanocr-{version}").cost for version in ("1.0", "1.5"))
QWEN = recipe_named("qwen3-vl").cost

# Image, patch grid (height x width, of 16 pixels), tokens and what the prompt then held of them,
# as an engine with the limits of 1.0 reported them.
MEASURED = [
    (300, 200, (28, 40), 296, 298),
    (512, 512, (32, 32), 274, 276),
    (1024, 768, (48, 64), 794, 796),
    (1024, 1024, (64, 64), 1058, 1060),
    (1240, 1754, (110, 78), 2202, 2204),
    (2048, 2048, (128, 128), 4162, 4164),
    (3000, 4000, None, 4090, 4092),
]

# Image; size and tokens in 1.0; size, tokens and encoder patches in 1.5.
PUBLISHED = [
    ((300, 80), (992, 288), 290, (992, 288), 290, 1116),
    ((640, 480), (640, 480), 317, (640, 480), 317, 1200),
    ((1024, 1024), (1024, 1024), 1058, (1024, 1024), 1058, 4096),
    ((1240, 1754), (1248, 1760), 2202, (1248, 1760), 2202, 8580),
    ((1654, 2339), (1664, 2336), 3871, (1664, 2336), 3871, 15184),
    ((2031, 2708), (1760, 2336), 4090, (2016, 2720), 5442, 21420),
    ((2480, 3508), (1696, 2432), 4106, (2496, 3520), 8692, 34320),
    ((2550, 3301), (1792, 2304), 4106, (2560, 3296), 8345, 32960),
    ((3840, 2160), (2720, 1536), 4130, (3840, 2176), 8230, 32640),
    ((4096, 4096), (2048, 2048), 4162, (4096, 4096), 16514, 65536),
    ((4960, 7016), (1696, 2432), 4106, (3424, 4864), 16418, 65056),
    ((1000, 16000), (512, 8192), 4354, (992, 16000), 16002, 62000),
]


@pytest.mark.parametrize(("width", "height", "grid", "tokens", "held"), MEASURED)
def test_tokens_are_those_of_a_running_engine(
    width: int, height: int, grid: tuple[int, int] | None, tokens: int, held: int
) -> None:
    """The formula gives what the engine counted; the template's two markers come on top."""
    resized = OLD.resized(width, height)
    assert grid is None or (resized[1] // 16, resized[0] // 16) == grid
    assert OLD.tokens(width, height) == tokens
    assert tokens + MARKERS == held


@pytest.mark.parametrize(("size", "old", "old_tokens", "new", "new_tokens", "patches"), PUBLISHED)
def test_both_generations_resize_as_published(
    size: tuple[int, int],
    old: tuple[int, int],
    old_tokens: int,
    new: tuple[int, int],
    new_tokens: int,
    patches: int,
) -> None:
    """Every row of the table: small ones are enlarged, large ones shrunk, each by its own limit."""
    assert (OLD.resized(*size), OLD.tokens(*size)) == (old, old_tokens)
    assert (NEW.resized(*size), NEW.tokens(*size)) == (new, new_tokens)
    assert new[0] * new[1] // 16**2 == patches


def test_halves_are_rounded_to_even_as_python_does() -> None:
    """528 is 16.5 squares and becomes 16; 560 is 17.5 and becomes 18."""
    assert NEW.resized(528, 560) == (512, 576)


def test_the_longest_strip_is_served_and_a_longer_one_refused() -> None:
    """Beyond 200 to 1 the processor itself refuses; that is a fault of the request, either way."""
    assert NEW.tokens(300, 60000) == 18102
    assert OLD.tokens(200, 40000) == 4527
    for size in ((200, 40001), (40001, 200), (1, 201)):
        with pytest.raises(InvalidRequest) as caught:
            NEW.tokens(*size)
        assert caught.value.field == "image"


def test_the_dearest_image_is_no_square_and_no_longest_strip() -> None:
    """Row ends make strips dear, and rounding lets one exceed the ratio's own: both are reached."""
    assert OLD.most() == OLD.tokens(163, 26704) == 4916
    assert NEW.most() == NEW.tokens(292, 58224) == 18202


def test_the_token_budget_holds_the_dearest_image() -> None:
    """Otherwise an engine answers 400 to a page that the model takes."""
    assert token_budget(NEW) == 18432
    assert token_budget(OLD) == 5120


def test_models_without_row_ends_count_squares() -> None:
    """Qwen's family: a 1024 x 1024 image is 32 x 32 squares; areas stay within its bounds."""
    assert QWEN.tokens(1024, 1024) == 1024
    assert QWEN.tokens(4000, 3000) <= QWEN.most() == 2048
    assert 512 <= QWEN.tokens(100, 100) < 600


def test_a_tiny_side_still_has_one_square() -> None:
    """Rounding down never leaves nothing."""
    grid = PatchGrid(28, 28**2, 56**2)
    assert grid.resized(20, 3000) == (28, 672)


def test_an_unknown_rule_is_a_flagged_bound() -> None:
    """Tiles whose rule is not known cost their maximum, and say so."""
    cost = FlatCost(1120)
    assert not cost.exact
    assert cost.tokens(10, 10) == cost.tokens(9999, 9999) == cost.most() == 1120
    assert cost.resized(10, 20) == (10, 20)
