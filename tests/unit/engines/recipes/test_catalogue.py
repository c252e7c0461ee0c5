"""Which recipe a served model gets."""

import pytest

from ocrgate.domain.recognition import Task
from ocrgate.engines.recipes import UnsupportedModel, recipe_for, recipe_named, recipes


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("tencent/HunyuanOCR", "hunyuanocr-1.5"),
        ("TENCENT/hunyuanocr", "hunyuanocr-1.5"),
        ("someone/HunyuanOCR-FP8", "hunyuanocr-1.5"),
        ("/models/HunyuanOCR/", "hunyuanocr-1.5"),
        ("C:\\models\\HunyuanOCR-w8a8", "hunyuanocr-1.5"),
        ("/data/HunyuanOCR/v1.0", "hunyuanocr-1.0"),
        ("/hub/models--tencent--HunyuanOCR/snapshots/0123abcd", "hunyuanocr-1.5"),
        ("deepseek-ai/DeepSeek-OCR", "deepseek-ocr"),
        ("deepseek-ai/DeepSeek-OCR-2", "deepseek-ocr-2"),
        ("rednote-hilab/dots.mocr", "dots.ocr"),
        ("olmocr", "olmocr-2"),
        ("allenai/olmOCR-2-7B-1025-FP8", "olmocr-2"),
        ("lightonai/LightOnOCR-2-1B-bbox-soup", "lightonocr-2"),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct-AWQ-4bit", "qwen3-vl"),
        ("nanonets/Nanonets-OCR2-3B", "nanonets-ocr2"),
        ("ibm-granite/granite-docling-258M", "granite-docling"),
        ("somebody/Vision-7B", "generic"),
        ("HunyuanOCR-but-another-one", "generic"),
        ("", "generic"),
    ],
)
def test_ids_quantized_copies_and_paths_find_their_recipe(model: str, name: str) -> None:
    """Whatever the case and whoever published it."""
    assert recipe_for(model).name == name


def test_the_two_hunyuans_are_told_apart_by_what_the_server_says() -> None:
    """They share an id; the context or the pixel cap of 1.0 gives it away."""
    model = "tencent/HunyuanOCR"
    assert recipe_for(model, context=32768).name == "hunyuanocr-1.0"
    assert recipe_for(model, max_pixels=2048**2).name == "hunyuanocr-1.0"
    assert recipe_for(model, context=131072).name == "hunyuanocr-1.5"
    assert recipe_for(model, context=40960, max_pixels=4096**2).name == "hunyuanocr-1.5"
    assert recipe_for("Qwen/Qwen3-VL-8B-Instruct", context=32768).name == "qwen3-vl"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("PaddlePaddle/PaddleOCR-VL-1.6", "layout"),
        ("glm-ocr", "layout"),
        ("opendatalab/MinerU2.5-Pro-2605-1.2B", "layout"),
        ("datalab-to/chandra-ocr-2", "prompt"),
        ("baidu/Unlimited-OCR", "chat template"),
    ],
)
def test_models_that_cannot_read_pages_are_refused_with_the_reason(model: str, why: str) -> None:
    """Rather than asked in words that they do not know."""
    with pytest.raises(UnsupportedModel) as caught:
        recipe_for(model)
    assert why in caught.value.reason
    assert caught.value.model == model


def test_recipes_are_found_by_name_and_variant() -> None:
    """Each by its own; a variant changes one prompt and its reader."""
    assert [recipe_named(recipe.name) for recipe in recipes()] == list(recipes())
    plain, other = recipe_named("hunyuanocr-1.5"), recipe_named("HunyuanOCR-1.5+spotting_json")
    assert other.name == "hunyuanocr-1.5+spotting_json"
    changed = {task for task in plain.tasks() if plain.prompts[task] != other.prompts[task]}
    assert changed == {Task.SPOTTING}
    both = recipe_named("hunyuanocr-1.5+spotting_json+layout_parse")
    assert both.prompts[Task.SPOTTING] == other.prompts[Task.SPOTTING]


def test_a_wrong_name_suggests_the_right_one() -> None:
    """A typing error is the usual reason."""
    with pytest.raises(ValueError, match=r"did you mean hunyuanocr-1\.[05]"):
        recipe_named("hunyuan-ocr-1.5")
    with pytest.raises(ValueError, match="spotting_json"):
        recipe_named("hunyuanocr-1.5+spoting_json")
    with pytest.raises(ValueError, match="there are: hunyuanocr"):
        recipe_named("zzz")


def test_every_recipe_is_whole() -> None:
    """Tasks have readers, names differ, and the generic one does not claim to know costs."""
    assert len({recipe.name for recipe in recipes()}) == len(recipes())
    for recipe in recipes():
        assert recipe.tasks() <= set(recipe.readers)
        assert Task.TEXT in recipe.tasks()
        assert recipe.boxes is (Task.SPOTTING in recipe.tasks())
        assert (recipe.serving.batched_tokens or 10**9) > recipe.cost.most()
    assert not recipe_named("generic").cost.exact
    assert all("European Union" in (recipe.notice or "") for recipe in recipes()[:2])
