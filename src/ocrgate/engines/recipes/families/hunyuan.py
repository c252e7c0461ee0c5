"""HunyuanOCR, both generations.

They share the id ``tencent/HunyuanOCR``: its root has held 1.5 since July 2026, 1.0 moved to the
folder ``v1.0``. Prompts are the vendor's, word for word: other words silently cost quality, and a
made-up prompt for JSON loops half of the time. 1.5 knows twelve prompts, all Chinese. Extraction of
fields is not among them; its prompt here is the one of 1.0, carried over, and how well 1.5 answers
it is not confirmed.

Default for spotting is the vendor's own line format rather than JSON: both generations were trained
on it, and it takes about half the tokens for each line. ``spotting_json`` is there as a variant;
the reader takes either.

An answer to a translation holds the text as read and then the translation, with nothing between
that tells them apart; all of it is given.
"""

# ruff: noqa: RUF001 - the punctuation of the prompts is Chinese, and theirs

from types import MappingProxyType
from typing import Final

from ocrgate.domain.patches import PatchGrid
from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.engines.recipes import readers
from ocrgate.engines.recipes.answer import Geometry, Parsed
from ocrgate.engines.recipes.prompt import Prompt, Wording
from ocrgate.engines.recipes.reading import markdown
from ocrgate.engines.recipes.reading.normalize import normalized, without_trailing_boxes
from ocrgate.engines.recipes.reading.repeats import RepeatRule
from ocrgate.engines.recipes.reading.segments import Kind, segments
from ocrgate.engines.recipes.recipe import Recipe, Sampling, Serving, Variant, token_budget

MODEL: Final = "tencent/HunyuanOCR"
PARTS: Final = 1000  # coordinates count from 0 to 1000 on both sides

MARKERS: Final = 2
"""Tokens that the chat template puts around an image (its start and its end), beyond the cost's."""

NOTICE: Final = (
    "HunyuanOCR is under the Tencent Hunyuan Community License Agreement: it is not licensed for "
    "use in the European Union, the United Kingdom and South Korea, its outputs may not be used "
    "there, and whoever offers it as a service must pass these terms on."
)

# 1.0: 2048 x 2048 pixels at most; 1.5: 4096 x 4096. Both enlarge what has less than 512 x 512.
_COST_1_0: Final = PatchGrid(32, 512**2, 2048**2, row_ends=True, ends=2)
_COST_1_5: Final = PatchGrid(32, 512**2, 4096**2, row_ends=True, ends=2)


def _document_1_5(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """A parsed document after the vendor's own repairs."""
    return Parsed(markdown.blocks(normalized(text)))


def _document_1_0(text: str, request: PageRequest, page: Geometry) -> Parsed:  # noqa: ARG001
    """A parsed document, without the coordinates that figures leave behind."""
    parts = (
        without_trailing_boxes(part.text) if part.kind is Kind.PROSE else part.text
        for part in segments(text)
    )
    return Parsed(markdown.blocks("".join(parts)))


_READERS = {
    Task.TEXT: readers.as_text,
    Task.SPOTTING: readers.as_lines(PARTS),
    Task.TABLE: readers.as_markdown,
    Task.FORMULA: readers.as_formula,
    Task.CHART: readers.as_chart,
    Task.FIELDS: readers.as_fields,
    Task.TRANSLATE: readers.as_markdown,
}

_FIELDS = Prompt(
    (
        Wording(
            "Extract the content of the fields: {fields} from the image and return it in JSON"
            " format.",
            language="en",
        ),
        Wording("提取图片中的: {fields} 的字段内容，并按照 JSON 格式返回。"),
    )
)

HUNYUAN_OCR_1_5: Final = Recipe(
    name="hunyuanocr-1.5",
    title="HunyuanOCR 1.5",
    models=(MODEL, "HunyuanOCR-1.5"),
    default_model=MODEL,
    revision=None,  # The id changed its weights once already; pin a commit of July 2026 or later.
    system="",
    image_first=True,
    prompts=MappingProxyType(
        {
            # structured_parse
            Task.TEXT: Prompt.of("提取图中的文字。"),
            # doc_parse
            Task.MARKDOWN: Prompt.of(
                "提取文档图片中正文的所有信息用markdown格式表示，其中页眉、页脚部分忽略，"
                "表格用html格式表达，文档中公式用latex格式表示，按照阅读顺序组织进行解析。"
            ),
            # spotting_hunyuan
            Task.SPOTTING: Prompt.of("检测并识别图片中的文字，将文本坐标格式化输出。"),
            # table
            Task.TABLE: Prompt.of("把图中的表格解析为HTML。"),
            # formula
            Task.FORMULA: Prompt.of("识别图片中的公式，用LaTeX格式表示。"),
            # chart_parse
            Task.CHART: Prompt.of(
                "解析图中的图表，对于流程图使用Mermaid格式表示，其他图表使用Markdown格式表示。"
            ),
            Task.FIELDS: _FIELDS,
            Task.TRANSLATE: Prompt(
                (
                    # doc_trans_en2zh
                    Wording(
                        "先解析文档，再将文档内容翻译为中文，其中页眉、页脚忽略，"
                        "公式用latex格式表示，表格用html格式表示。",
                        language="en",
                        target="zh",
                    ),
                    # trans_other2zh
                    Wording(
                        "按照阅读顺序，提取图中文字，公式用latex格式表示，"
                        "表格用markdown格式表示，再将文字内容翻译为中文。",
                        target="zh",
                    ),
                    # trans_other2en
                    Wording(
                        "按照阅读顺序，提取图中文字，公式用latex格式表示，"
                        "表格用markdown格式表示，再将文字内容翻译为英文。",
                        target="en",
                    ),
                )
            ),
        }
    ),
    readers=MappingProxyType({**_READERS, Task.MARKDOWN: _document_1_5}),
    variants=MappingProxyType(
        {
            "spotting_json": Variant(
                Task.SPOTTING,
                Prompt.of(
                    "检测并识别图中所有的文字行，请按从上到下、从左到右的阅读顺序进行识别。"
                    ' 输出格式为 JSON 数组，每个元素必须包含："box": [xmin, ymin, xmax, ymax]'
                    '（坐标需归一化到 [0, 1000] 范围内）；"text": "识别出的文字内容"。'
                    " 注意：请直接输出 JSON 数组，不要包含任何多余的描述性文字。"
                ),
                readers.as_lines(PARTS),
            ),
            # Headings, tables and figures with their places, but without words.
            "layout": Variant(
                Task.SPOTTING,
                Prompt.of("按照阅读顺序解析图中的版式信息。"),
                readers.as_regions(PARTS),
            ),
            # The same with words: a document whose blocks have places.
            "layout_parse": Variant(
                Task.MARKDOWN,
                Prompt.of(
                    "提取文档图片中所有内容用markdown格式表示，表格用html格式表达，"
                    "文档中公式用latex格式表示，请按照阅读顺序组织进行全文解析，"
                    "并输出版式分析信息。"
                ),
                readers.as_regions(PARTS),
            ),
        }
    ),
    cost=_COST_1_5,
    # The vendor's batch client allows 32768 tokens, its single one 4096. Half of the former holds
    # a newspaper page, and an unnoticed loop runs to this bound.
    draws=Sampling(
        16384,
        MappingProxyType(
            {
                "temperature": 0.0,
                "top_p": 1.0,
                "top_k": -1,
                "repetition_penalty": 1.08,
                "skip_special_tokens": True,
            }
        ),
        (MappingProxyType({"temperature": 0.3, "top_p": 0.95, "repetition_penalty": 1.12}),),
    ),
    # Of 131072 tokens of context, what the largest image and the longest answer need.
    serving=Serving(
        served_name=MODEL,
        context=40960,
        batched_tokens=token_budget(_COST_1_5),
        min_vllm="0.25.1",
    ),
    loops=RepeatRule(2000),
    notice=NOTICE,
    boxes=True,
)

HUNYUAN_OCR_1_0: Final = Recipe(
    name="hunyuanocr-1.0",
    title="HunyuanOCR 1.0",
    models=(f"{MODEL}/v1.0", "HunyuanOCR-1.0"),
    default_model=MODEL,  # its folder v1.0
    revision=None,  # A commit before July 2026, or the branch v1.0 of the vendor's repository.
    system="",
    image_first=True,
    prompts=MappingProxyType(
        {
            Task.TEXT: Prompt(
                (
                    Wording("Extract the text in the image.", language="en"),
                    Wording("提取图中的文字。"),
                )
            ),
            Task.MARKDOWN: Prompt(
                (
                    Wording(
                        "Extract all information from the main body of the document image and"
                        " represent it in markdown format, ignoring headers and footers. Tables"
                        " should be expressed in HTML format, formulas in the document should be"
                        " represented using LaTeX format, and the parsing should be organized"
                        " according to the reading order.",
                        language="en",
                    ),
                    Wording(
                        "提取文档图片中正文的所有信息用 markdown 格式表示，"
                        "其中页眉、页脚部分忽略，表格用 html 格式表达，"
                        "文档中公式用 latex 格式表示，按照阅读顺序组织进行解析。"
                    ),
                )
            ),
            Task.SPOTTING: Prompt(
                (
                    Wording(
                        "Detect and recognize text in the image, and output the text coordinates"
                        " in a formatted manner.",
                        language="en",
                    ),
                    Wording("检测并识别图片中的文字，将文本坐标格式化输出。"),
                )
            ),
            Task.TABLE: Prompt(
                (
                    Wording("Parse the table in the image into HTML.", language="en"),
                    Wording("把图中的表格解析为 HTML。"),
                )
            ),
            Task.FORMULA: Prompt(
                (
                    Wording(
                        "Identify the formula in the image and represent it using LaTeX format.",
                        language="en",
                    ),
                    Wording("识别图片中的公式，用 LaTeX 格式表示。"),
                )
            ),
            Task.CHART: Prompt(
                (
                    Wording(
                        "Parse the chart in the image; use Mermaid format for flowcharts and"
                        " Markdown for other charts.",
                        language="en",
                    ),
                    Wording(
                        "解析图中的图表，对于流程图使用 Mermaid 格式表示，"
                        "其他图表使用 Markdown 格式表示。"
                    ),
                )
            ),
            Task.FIELDS: _FIELDS,
            # Only the prompts into English are known to us.
            Task.TRANSLATE: Prompt(
                (
                    Wording(
                        "先提取文字，再将文字内容翻译为英文。若是文档，则其中页眉、页脚忽略。"
                        "公式用latex格式表示，表格用html格式表示。",
                        language="zh",
                        target="en",
                    ),
                    Wording(
                        "First extract the text, then translate the text content into English. If"
                        " it is a document, ignore the header and footer. Formulas should be"
                        " represented in LaTeX format, and tables should be represented in HTML"
                        " format.",
                        target="en",
                    ),
                )
            ),
        }
    ),
    readers=MappingProxyType({**_READERS, Task.MARKDOWN: _document_1_0}),
    variants=MappingProxyType(
        {
            # Plain lines; those in two languages come on separate lines.
            "subtitles": Variant(
                Task.TEXT,
                Prompt(
                    (
                        Wording("Extract the subtitles from the image.", language="en"),
                        Wording("提取图片中的字幕。"),
                    )
                ),
                readers.as_text,
            ),
        }
    ),
    cost=_COST_1_0,
    draws=Sampling(
        16384,
        MappingProxyType(
            {
                "temperature": 0.0,
                "top_p": 0.95,
                "top_k": 1,
                "seed": 1234,
                "repetition_penalty": 1.0,
            }
        ),
        # top_k 1 is greedy at every temperature: it has to go for anything to change.
        (
            MappingProxyType(
                {"temperature": 0.3, "top_k": -1, "seed": 4321, "repetition_penalty": 1.08}
            ),
        ),
    ),
    serving=Serving(
        served_name=MODEL,
        context=32768,
        batched_tokens=token_budget(_COST_1_0),
        min_vllm="0.12",
    ),
    loops=RepeatRule(8000),
    notice=NOTICE,
    boxes=True,
)
