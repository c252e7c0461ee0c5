"""Models on Qwen's vision encoders: Qwen3-VL itself, olmOCR-2, Nanonets-OCR2, dots.ocr.

Where the limits of a checkpoint's image processor are not known to us, its cost is not exact: the
rule is the family's, the bounds are those of Qwen2.5-VL.
"""

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ocrgate.domain.patches import PatchGrid
from ocrgate.domain.recognition import Block, BlockKind, Line, PageRequest, Task
from ocrgate.engines.recipes import readers
from ocrgate.engines.recipes.answer import Geometry, Parsed, Reader
from ocrgate.engines.recipes.families.generic import CALMED, PROMPTS, READERS
from ocrgate.engines.recipes.prompt import Prompt
from ocrgate.engines.recipes.reading import html_blocks, markdown
from ocrgate.engines.recipes.reading.front_matter import without_front_matter
from ocrgate.engines.recipes.reading.layout import regions
from ocrgate.engines.recipes.reading.place import Plane, numbers, spread
from ocrgate.engines.recipes.recipe import Recipe, Sampling, Serving, token_budget
from ocrgate.errors import InvalidRequest

_QWEN_2_5: Final = PatchGrid(28, 56**2, 16384 * 28**2, exact=False)
_QWEN_3: Final = PatchGrid(32, 512 * 32**2, 2048 * 32**2)
_DOTS: Final = PatchGrid(28, 3136, 11289600)
_COMMENT = re.compile(r"<!--\s{0,4}(Image|Table)\s{0,4}\(([\d\s,.]{0,80})\)\s{0,4}-->")
_FIGURE = re.compile(
    r"!\[([^\[\]\n]{0,2000}+)\]\([\w-]{0,40}_(\d{1,5})_(\d{1,5})_(\d{1,5})_(\d{1,5})\.png\)"
)
_NO_IMAGE_KWARGS: Final = ("--limit-mm-per-prompt", '{"video":0}')


def _qwen_html(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """HTML with ``data-bbox`` in thousandths of the page."""
    return Parsed(html_blocks.placed(text, Plane.parts(1000, page)))


def _qwen_markdown(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """Markdown with comments that tell the places of images and tables, in thousandths.

    A table follows its comment; an image has nothing but the comment.
    """
    plane = Plane.parts(1000, page)
    parts = _COMMENT.split(text)
    blocks = list(markdown.blocks(parts[0]))
    for kind, place, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        following = markdown.blocks(rest)
        polygon = plane.polygon(numbers(place))
        if kind == "Image" and polygon is not None:
            blocks.append(Block((Line("", polygon),), BlockKind.FIGURE))
        elif following and following[0].kind is BlockKind.TABLE:
            texts = [line.text for line in following[0].lines]
            placed = replace(following[0], lines=spread(texts, polygon))
            following = (placed, *following[1:])
        blocks += following
    return Parsed(tuple(blocks))


def _olmocr(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """Markdown behind front matter; figures carry x, y, width and height in pixels of the image.

    ``![what it shows](page_x_y_width_height.png)``
    """
    plane = Plane(page.width, page.height, page)
    parts = _FIGURE.split(without_front_matter(text))
    blocks = list(markdown.blocks(parts[0]))
    for at in range(1, len(parts), 6):
        alt, (x, y, width, height) = parts[at], map(int, parts[at + 1 : at + 5])
        polygon = plane.polygon((x, y, x + width, y + height))
        blocks.append(Block((Line(" ".join(alt.split()), polygon),), BlockKind.FIGURE))
        blocks += markdown.blocks(parts[at + 5])
    return Parsed(tuple(blocks))


def _dots(text: str, request: PageRequest, page: Geometry) -> Parsed:
    """Text, or a JSON list of regions in pixels of the image as the model resizes it."""
    found = regions(text, _dots_plane(page)) if "bbox" in text else ()
    return Parsed(found) if found else readers.as_text(text, request, page)


def _dots_plane(page: Geometry) -> Plane:
    try:
        right, bottom = _DOTS.resized(page.width, page.height)
    except InvalidRequest:  # the model took no such strip: whatever it was, it was not resized
        right, bottom = page.width, page.height
    return Plane(right, bottom, page)


def _both(prompt: Prompt) -> MappingProxyType[Task, Prompt]:
    """One prompt whose answer serves as text and as Markdown."""
    return MappingProxyType({Task.TEXT: prompt, Task.MARKDOWN: prompt})


def _read_as(reader: Reader) -> MappingProxyType[Task, Reader]:
    return MappingProxyType({Task.TEXT: reader, Task.MARKDOWN: reader})


QWEN3_VL: Final = Recipe(
    name="qwen3-vl",
    title="Qwen3-VL",
    models=("Qwen/Qwen3-VL-*-Instruct",),
    default_model="Qwen/Qwen3-VL-8B-Instruct",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=MappingProxyType(
        {
            **PROMPTS,
            Task.MARKDOWN: Prompt.of("qwenvl markdown"),
            Task.SPOTTING: Prompt.of("qwenvl html"),
        }
    ),
    readers=MappingProxyType({**READERS, Task.MARKDOWN: _qwen_markdown, Task.SPOTTING: _qwen_html}),
    cost=_QWEN_3,
    draws=Sampling(8192, MappingProxyType({"temperature": 0.0}), CALMED),
    serving=Serving(
        served_name="Qwen/Qwen3-VL-8B-Instruct",
        batched_tokens=token_budget(_QWEN_3),
        min_pixels=_QWEN_3.min_pixels,
        max_pixels=_QWEN_3.max_pixels,
    ),
    boxes=True,
)

OLMOCR_2: Final = Recipe(
    name="olmocr-2",
    title="olmOCR 2",
    models=("allenai/olmOCR-2-7B-1025-FP8", "allenai/olmOCR-2-7B-1025", "olmocr"),
    default_model="allenai/olmOCR-2-7B-1025-FP8",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=False,  # its own client puts the words first
    prompts=_both(
        Prompt.of(
            "Attached is one page of a document that you must process. Just return the plain text"
            " representation of this document as if you were reading it naturally. Convert"
            " equations to LateX and tables to HTML.\nIf there are any figures or charts, label"
            " them with the following markdown syntax ![Alt text describing the contents of the"
            " figure](page_startx_starty_width_height.png)\nReturn your output as markdown, with a"
            " front matter section on top specifying values for the primary_language,"
            " is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
        )
    ),
    readers=_read_as(_olmocr),
    cost=_QWEN_2_5,
    draws=Sampling(
        8000,
        MappingProxyType({"temperature": 0.1}),
        tuple(
            MappingProxyType({"temperature": temperature})
            for temperature in (0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0)
        ),
    ),
    serving=Serving(served_name="olmocr", arguments=_NO_IMAGE_KWARGS),
    max_side=1288,
)

NANONETS_OCR_2: Final = Recipe(
    name="nanonets-ocr2",
    title="Nanonets-OCR2",
    models=("nanonets/Nanonets-OCR2-3B",),
    default_model="nanonets/Nanonets-OCR2-3B",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    prompts=_both(
        Prompt.of(
            "Extract the text from the above document as if you were reading it naturally. Return"
            " the tables in html format. Return the equations in LaTeX representation. If there is"
            " an image in the document and image caption is not present, add a small description"
            " of the image inside the <img></img> tag; otherwise, add the image caption inside"
            " <img></img>. Watermarks should be wrapped in brackets. Ex: <watermark>OFFICIAL"
            " COPY</watermark>. Page numbers should be wrapped in brackets. Ex:"
            " <page_number>14</page_number> or <page_number>9/22</page_number>. Prefer using ☐ and"
            " ☑ for check boxes."
        )
    ),
    readers=_read_as(readers.as_markdown),
    cost=_QWEN_2_5,
    draws=Sampling(15000, MappingProxyType({"temperature": 0.0}), CALMED),
    serving=Serving(served_name="nanonets/Nanonets-OCR2-3B"),
)

DOTS_OCR: Final = Recipe(
    name="dots.ocr",
    title="dots.ocr",
    models=("rednote-hilab/dots.ocr", "rednote-hilab/dots.mocr", "rednote-hilab/dots.ocr-1.5"),
    default_model="rednote-hilab/dots.ocr",
    revision=None,  # none is given by its vendor
    system=None,
    image_first=True,
    # Its prompt for layout is not known to us word for word. Callers who have it can give it as
    # their own: its answer, regions with boxes, is read.
    prompts=MappingProxyType({Task.TEXT: Prompt.of("Extract the text content from this image.")}),
    readers=MappingProxyType({Task.TEXT: _dots}),
    cost=_DOTS,
    # A repetition penalty would hurt its tables, so a second attempt only draws more freely.
    draws=Sampling(
        32768,
        MappingProxyType({"temperature": 0.1, "top_p": 0.9}),
        (MappingProxyType({"temperature": 0.5, "top_p": 0.95}),),
    ),
    serving=Serving(
        served_name="rednote-hilab/dots.ocr",
        batched_tokens=token_budget(_DOTS),
        trust_remote_code=True,
        content_format="string",
        gpu_memory=0.9,
        min_vllm="0.11",
    ),
)
