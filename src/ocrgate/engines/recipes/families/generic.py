"""A vision model that is not known here: plain English, no boxes, and a cost that is a guess.

The guess is that of the most common design (patches of 14 pixels, merged two by two); it is flagged
as not exact, and an engine that tells the tokens of its prompts knows better.
"""

from types import MappingProxyType
from typing import Final

from ocrgate.domain.patches import PatchGrid
from ocrgate.domain.recognition import Task
from ocrgate.engines.recipes import readers
from ocrgate.engines.recipes.prompt import Prompt, Wording
from ocrgate.engines.recipes.recipe import Recipe, Sampling, Serving

PROMPTS: Final = MappingProxyType(
    {
        Task.TEXT: Prompt.of(
            "Read all text in this image in reading order. Answer with the text only, exactly as"
            " printed, with its line breaks. Do not use Markdown."
        ),
        Task.MARKDOWN: Prompt.of(
            "Convert this page to Markdown in reading order. Write tables as HTML and formulas as"
            " LaTeX between dollar signs. Leave nothing out and add nothing. Answer with the"
            " Markdown only."
        ),
        Task.TABLE: Prompt.of(
            "Convert the table in this image to an HTML table. Answer with the HTML only."
        ),
        Task.FORMULA: Prompt.of(
            "Write the formula in this image in LaTeX. Answer with the LaTeX only."
        ),
        Task.CHART: Prompt.of(
            "Convert the chart in this image: a flowchart to a Mermaid diagram in a fenced block,"
            " any other chart to a Markdown table of its values. Answer with that only."
        ),
        Task.FIELDS: Prompt.of(
            "Extract the fields of this document as one JSON object that matches this JSON schema:"
            " {schema}\nUse null for what is not on the page. Answer with the JSON only."
        ),
        Task.TRANSLATE: Prompt(
            (
                Wording(
                    "Translate all text in this image into English, in reading order, as Markdown."
                    " Answer with the translation only.",
                    target="en",
                ),
                Wording(
                    "Translate all text in this image into Chinese, in reading order, as Markdown."
                    " Answer with the translation only.",
                    target="zh",
                ),
            )
        ),
    }
)

READERS: Final = MappingProxyType(
    {
        Task.TEXT: readers.as_text,
        Task.MARKDOWN: readers.as_markdown,
        Task.TABLE: readers.as_markdown,
        Task.FORMULA: readers.as_formula,
        Task.CHART: readers.as_chart,
        Task.FIELDS: readers.as_fields,
        Task.TRANSLATE: readers.as_markdown,
    }
)

CALMED: Final = (MappingProxyType({"temperature": 0.3, "top_p": 0.95, "presence_penalty": 0.5}),)
"""The second attempt after a loop, for families that name none of their own."""

GENERIC: Final = Recipe(
    name="generic",
    title="Vision model",
    models=(),
    default_model="",
    revision=None,
    prompts=PROMPTS,
    readers=READERS,
    system=None,
    image_first=True,
    cost=PatchGrid(28, 56**2, 16384 * 28**2, exact=False),
    draws=Sampling(8192, MappingProxyType({"temperature": 0.0}), CALMED),
    serving=Serving(served_name=""),
)
