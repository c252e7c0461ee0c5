"""Models made for documents alone: DeepSeek-OCR, LightOnOCR-2, Granite-Docling.

They cut images into tiles by rules that are not all known to us, so their costs are bounds.
"""

from types import MappingProxyType
from typing import Final

from ocrgate.domain.patches import PatchGrid
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.engines.recipes import readers
from ocrgate.engines.recipes.answer import Geometry, Parsed
from ocrgate.engines.recipes.cost import FlatCost
from ocrgate.engines.recipes.families.generic import CALMED
from ocrgate.engines.recipes.prompt import Prompt
from ocrgate.engines.recipes.reading.doctags import tagged
from ocrgate.engines.recipes.reading.grounding import grounded, without_special_tokens
from ocrgate.engines.recipes.reading.place import Plane
from ocrgate.engines.recipes.recipe import Recipe, Sampling, Serving

_DEEPSEEK_PARTS: Final = 999
_DOCTAGS_PARTS: Final = 500  # DocTags divide both sides of a page by 500
# OCR-2: 256 tokens for the page and 144 for each of up to 6 tiles. For the first model, whose tiles
# are smaller and whose rule is not known to us, it is a guess.
_DEEPSEEK: Final = FlatCost(256 + 6 * 144)


def _deepseek(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    return Parsed(grounded(text, Plane.parts(_DEEPSEEK_PARTS, page)))


def _deepseek_text(text: str, request: PageRequest, page: Geometry) -> Parsed:
    return readers.as_text(without_special_tokens(text), request, page)


def _deepseek_chart(text: str, request: PageRequest, page: Geometry) -> Parsed:
    return readers.as_chart(without_special_tokens(text), request, page)


def _doctags(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    return Parsed(tagged(text, Plane.parts(_DOCTAGS_PARTS, page)))


_PROMPTS: Final = {
    Task.TEXT: Prompt.of("Free OCR."),
    Task.MARKDOWN: Prompt.of("<|grounding|>Convert the document to markdown."),
}
_READERS: Final = {
    Task.TEXT: _deepseek_text,
    Task.MARKDOWN: _deepseek,
    Task.SPOTTING: _deepseek,
    Task.CHART: _deepseek_chart,
}
# Without its special tokens the answer would lose its places.
_DRAWS: Final = Sampling(
    6144,  # of 8192 tokens of context, beside the image and the words
    MappingProxyType(
        {
            "temperature": 0.0,
            "skip_special_tokens": False,
            "vllm_xargs": {
                "ngram_size": 30,
                "window_size": 90,
                "whitelist_token_ids": [128821, 128822],
            },
        }
    ),
    (MappingProxyType({"temperature": 0.3, "top_p": 0.95}),),
)
_LOGITS: Final = "vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"

DEEPSEEK_OCR: Final = Recipe(
    name="deepseek-ocr",
    title="DeepSeek-OCR",
    models=("deepseek-ai/DeepSeek-OCR",),
    default_model="deepseek-ai/DeepSeek-OCR",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=MappingProxyType(
        {
            **_PROMPTS,
            Task.SPOTTING: Prompt.of("<|grounding|>OCR this image."),
            Task.CHART: Prompt.of("Parse the figure."),
        }
    ),
    readers=MappingProxyType(_READERS),
    cost=_DEEPSEEK,
    draws=_DRAWS,
    serving=Serving(
        served_name="deepseek-ai/DeepSeek-OCR", context=8192, logits_processors=(_LOGITS,)
    ),
    boxes=True,
)

DEEPSEEK_OCR_2: Final = Recipe(
    name="deepseek-ocr-2",
    title="DeepSeek-OCR 2",
    models=("deepseek-ai/DeepSeek-OCR-2",),
    default_model="deepseek-ai/DeepSeek-OCR-2",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=MappingProxyType(_PROMPTS),  # its vendor names these two only
    readers=MappingProxyType(_READERS),
    cost=_DEEPSEEK,
    draws=_DRAWS,
    serving=Serving(
        served_name="deepseek-ai/DeepSeek-OCR-2", context=8192, logits_processors=(_LOGITS,)
    ),
)

_IMAGE_ALONE: Final = Prompt.of("")

LIGHTON_OCR_2: Final = Recipe(
    name="lightonocr-2",
    title="LightOnOCR 2",
    models=("lightonai/LightOnOCR-2-1B", "lightonai/LightOnOCR-2-1B-bbox*"),
    default_model="lightonai/LightOnOCR-2-1B",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=MappingProxyType({Task.TEXT: _IMAGE_ALONE, Task.MARKDOWN: _IMAGE_ALONE}),
    readers=MappingProxyType({Task.TEXT: readers.as_markdown, Task.MARKDOWN: readers.as_markdown}),
    cost=PatchGrid(28, 28**2, 1540**2, exact=False),
    draws=Sampling(4096, MappingProxyType({"temperature": 0.2, "top_p": 0.9}), CALMED),
    serving=Serving(served_name="lightonai/LightOnOCR-2-1B"),
    max_side=1540,
)

_DOCLING: Final = Prompt.of("Convert this page to docling.")

GRANITE_DOCLING: Final = Recipe(
    name="granite-docling",
    title="Granite-Docling",
    models=("ibm-granite/granite-docling-258M",),
    default_model="ibm-granite/granite-docling-258M",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=MappingProxyType(
        {Task.TEXT: _DOCLING, Task.MARKDOWN: _DOCLING, Task.SPOTTING: _DOCLING}
    ),
    readers=MappingProxyType(
        {Task.TEXT: _doctags, Task.MARKDOWN: _doctags, Task.SPOTTING: _doctags}
    ),
    cost=FlatCost(2048),  # a bound that is a guess: no rule of its tiles is known to us
    draws=Sampling(
        8192 - 2048 - 256,  # its whole context is 8192
        MappingProxyType(
            {
                "temperature": 0.0,
                "skip_special_tokens": False,
                "stop": ["</doctag>", "<|end_of_text|>"],
            }
        ),
        CALMED,
    ),
    serving=Serving(served_name="ibm-granite/granite-docling-258M"),
    boxes=True,
)
