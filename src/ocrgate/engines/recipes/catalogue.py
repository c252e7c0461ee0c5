"""Which recipe a model is spoken to with."""

import difflib
import fnmatch
import re
from dataclasses import dataclass
from typing import Final

from ocrgate.engines.recipes.families.documents import (
    DEEPSEEK_OCR,
    DEEPSEEK_OCR_2,
    GRANITE_DOCLING,
    LIGHTON_OCR_2,
)
from ocrgate.engines.recipes.families.generic import GENERIC
from ocrgate.engines.recipes.families.hunyuan import HUNYUAN_OCR_1_0, HUNYUAN_OCR_1_5
from ocrgate.engines.recipes.families.qwen import DOTS_OCR, NANONETS_OCR_2, OLMOCR_2, QWEN3_VL
from ocrgate.engines.recipes.recipe import Recipe

_RECIPES: Final = (
    HUNYUAN_OCR_1_5,
    HUNYUAN_OCR_1_0,
    DEEPSEEK_OCR,
    DEEPSEEK_OCR_2,
    DOTS_OCR,
    OLMOCR_2,
    LIGHTON_OCR_2,
    QWEN3_VL,
    NANONETS_OCR_2,
    GRANITE_DOCLING,
    GENERIC,
)
_OLD_CONTEXT: Final = 32768  # of HunyuanOCR 1.0; 1.5 has 131072
_OLD_PIXELS: Final = 2048**2
_QUANTIZED = re.compile(
    r"(?:[-_.](?:fp8|fp4|nvfp4|mxfp4|mxfp8|fp16|bf16|int4|int8|[48]-?bit|w\d{1,2}a\d{1,2}|awq|gptq"
    r"|bnb|gguf|q\d\w{0,5}|dynamic|quantized|mlx|block))+\Z"
)
_CACHED = re.compile(r"models--(.+)")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Models that read no whole pages as they are, and why."""

    models: tuple[str, ...]
    reason: str


_PARTS_ONLY: Final = (
    "it reads parts of a page (a paragraph, a table, a formula) that a layout model has cut out,"
    " and there is no layout stage here; a model that reads whole pages does its work"
)
UNSUPPORTED: Final = (
    Unsupported(("PaddlePaddle/PaddleOCR-VL*",), _PARTS_ONLY),
    Unsupported(("zai-org/GLM-OCR", "glm-ocr"), _PARTS_ONLY),
    Unsupported(("opendatalab/MinerU2.5*",), _PARTS_ONLY),
    Unsupported(
        ("datalab-to/chandra*", "chandra"),
        "it is asked with a long prompt of its vendor's that is not known here word for word, and"
        " other words cost quality",
    ),
    Unsupported(
        ("baidu/Unlimited-OCR",), "it has no chat template, so it cannot be asked in chats"
    ),
)


class UnsupportedModel(ValueError):
    """A model is known, and known not to work here.

    ``model`` is the id that was asked for, ``reason`` says why.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"{model} cannot be used: {reason}")
        self.model = model
        self.reason = reason


def recipes() -> tuple[Recipe, ...]:
    """All recipes; the generic one last."""
    return _RECIPES


def recipe_named(name: str) -> Recipe:
    """The recipe of that name; ``name+variant`` for one with another of the vendor's prompts.

    Raises:
        ValueError: there is none; the message names those that are close.
    """
    base, *variants = name.strip().lower().split("+")
    found = {recipe.name: recipe for recipe in _RECIPES}.get(base)
    if found is None:
        raise ValueError(_unknown("recipe", base, [recipe.name for recipe in _RECIPES]))
    for variant in variants:
        if variant not in found.variants:
            raise ValueError(_unknown(f"variant of {base}", variant, list(found.variants)))
        found = found.variant(variant)
    return found


def recipe_for(model: str, *, context: int | None = None, max_pixels: int | None = None) -> Recipe:
    """The recipe for a model as a server names it: an id, an id of a quantized copy, or a path.

    An unknown model gets the generic recipe. ``tencent/HunyuanOCR`` is two models: it is taken for
    1.5, which the id has meant since July 2026, unless the name holds ``v1.0``, or the server
    tells ``context`` (its ``max_model_len``) of exactly 32768 or ``max_pixels`` of exactly
    2048 x 2048, which are those of 1.0. A server of 1.5 that was cut down to one of these is taken
    for 1.0: name the recipe then.

    Raises:
        UnsupportedModel: it is known not to read whole pages as it is.
    """
    names = _names(model)
    for unsupported in UNSUPPORTED:
        if _is_one_of(names, unsupported.models):
            raise UnsupportedModel(model, unsupported.reason)
    found = next((recipe for recipe in _RECIPES if _is_one_of(names, recipe.models)), GENERIC)
    if found is HUNYUAN_OCR_1_5 and _is_old_hunyuan(names, context, max_pixels):
        return HUNYUAN_OCR_1_0
    return found


def _is_old_hunyuan(names: list[str], context: int | None, max_pixels: int | None) -> bool:
    by_name = any(name in {"v1.0", "hunyuanocr-v1.0"} for name in names)
    return by_name or context == _OLD_CONTEXT or max_pixels == _OLD_PIXELS


def _names(model: str) -> list[str]:
    """Names that an id may go by: the parts of a path, plain and without a quantization."""
    parts = [part for part in re.split(r"[/\\]", model.strip().lower()[:1000]) if part]
    parts += [name for part in parts if (name := _uncached(part))]
    return [name for part in parts for name in (part, _QUANTIZED.sub("", part))]


def _uncached(part: str) -> str | None:
    """The name of a model in a hub's cache: ``models--org--name``."""
    found = _CACHED.fullmatch(part)
    return found[1].rsplit("--", maxsplit=1)[-1] if found else None


def _is_one_of(names: list[str], models: tuple[str, ...]) -> bool:
    """Whether a name is that of a model, whoever published it."""
    patterns = [model.lower().split("/", maxsplit=1)[-1] for model in models]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _unknown(what: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
    return f"there is no {what} {name!r}; {hint}"
