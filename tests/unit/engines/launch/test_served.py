"""What is started, from recipe and settings."""

import pytest

from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import SMALLEST, ServedModel, recipe_of, served
from ocrgate.errors import EngineUnavailable


def made(**settings: object) -> ServedModel:
    params = VllmParams(**settings)  # type: ignore[arg-type]
    return served(recipe_of(params), params)


def test_a_folder_is_served_under_the_recipes_name() -> None:
    """So that clients need not know where it lies; another model keeps its own."""
    assert made(model="/models/HunyuanOCR").name == "tencent/HunyuanOCR"
    assert made(model="someone/HunyuanOCR-FP8").name == "someone/HunyuanOCR-FP8"


def test_no_page_is_prepared_for_that_is_never_sent() -> None:
    """The size that we send bounds what the server is started for."""
    assert made(max_side=2048).pixels == 2048**2
    assert made(max_side=30_000).pixels == 4096**2
    assert made(max_side=30_000, max_pixels=3_000_000).pixels == 3_000_000


def test_the_smallest_page_still_reads() -> None:
    """The guard never goes below about A4 at 100 dpi, unless the user does."""
    assert made(max_side=4096).least_pixels == SMALLEST
    assert made(max_pixels=600_000).least_pixels == 600_000


def test_pages_of_unknown_cost_are_not_capped() -> None:
    """Only sequences can be lowered there."""
    model = made(recipe="deepseek-ocr")
    assert model.free_pixels is None
    assert model.least_pixels == model.pixels


@pytest.mark.parametrize(
    "word", ["--port", "--port=9000", "--api-key", "--api_key=x", "--served-model-name"]
)
def test_arguments_that_would_hide_the_server_are_refused(word: str) -> None:
    """With the setting that does it; others are passed on."""
    name = word.partition("=")[0]
    with pytest.raises(ValueError, match=rf"must not hold {name}: set \S+"):
        VllmParams(args=("--enforce-eager", word, "x"))
    assert VllmParams(args=("--portable",)).args == ("--portable",)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"recipe": "hunyuanocr-9"}, "no recipe"),
        ({"model": "PaddlePaddle/PaddleOCR-VL"}, "cannot be used"),
        ({"recipe": "generic"}, "no model is named"),
        ({"max_pixels": 1000}, "takes 262144 or more"),
    ],
)
def test_what_cannot_be_served_is_said(settings: dict[str, object], said: str) -> None:
    with pytest.raises(EngineUnavailable, match=said):
        made(**settings)
