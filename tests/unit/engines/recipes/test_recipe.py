"""What is sent to a model, and what its answers come to."""

import hashlib

import pytest

from ocrgate.domain.recognition import Block, BlockKind, PageRequest, PageWarning, Task
from ocrgate.engines.recipes import Geometry, Recipe, recipe_named, recipes
from ocrgate.errors import InvalidRequest

NEW, OLD = recipe_named("hunyuanocr-1.5"), recipe_named("hunyuanocr-1.0")
PAGE = Geometry(1000, 1400, 2000, 2800)

# Digest and length of the vendor's twelve texts: one character less is another prompt.
VERBATIM = {
    "doc_parse": ("16f15a15a1eb5181", 81),
    "structured_parse": ("ed471d18b8266adb", 8),
    "spotting_json": ("5f5f7c04b71aa98f", 166),
    "spotting_hunyuan": ("9d5efb395cfbe2ab", 23),
    "layout": ("7f0aead1c6dcac74", 16),
    "layout_parse": ("915ac071db0a2eec", 79),
    "chart_parse": ("0d37a14f1b5a3320", 46),
    "formula": ("4e79e42648a4252d", 20),
    "table": ("57324c7f31defb97", 14),
    "doc_trans_en2zh": ("bc41d6e8a350b7a0", 53),
    "trans_other2en": ("7781c97c9640a165", 55),
    "trans_other2zh": ("9d4c227aab2dc1b1", 55),
}


def told(recipe: Recipe, task: Task, **options: object) -> str:
    """The words sent for a task."""
    return recipe.instruction(PageRequest(task=task, **options)).text  # type: ignore[arg-type]


def test_all_twelve_prompts_are_sent_verbatim() -> None:
    """Each key of the vendor's list is reached by a task, a target or a variant."""
    texts = {
        "structured_parse": told(NEW, Task.TEXT),
        "doc_parse": told(NEW, Task.MARKDOWN),
        "spotting_hunyuan": told(NEW, Task.SPOTTING),
        "table": told(NEW, Task.TABLE),
        "formula": told(NEW, Task.FORMULA),
        "chart_parse": told(NEW, Task.CHART),
        "doc_trans_en2zh": told(NEW, Task.TRANSLATE, language="en-US", target="zh"),
        "trans_other2zh": told(NEW, Task.TRANSLATE, language="fr", target="zh"),
        "trans_other2en": told(NEW, Task.TRANSLATE, target="en"),
    } | {name: told(NEW.variant(name), variant.task) for name, variant in NEW.variants.items()}
    digests = {
        name: (hashlib.sha256(text.encode()).hexdigest()[:16], len(text))
        for name, text in texts.items()
    }
    assert digests == VERBATIM


def test_the_first_generation_speaks_english_and_chinese() -> None:
    """The page's language picks; without one it is the model's own."""
    assert told(OLD, Task.TEXT, language="en") == "Extract the text in the image."
    assert told(OLD, Task.TEXT) == told(OLD, Task.TEXT, language="zh-Hans") != ""
    assert told(OLD, Task.TEXT) == told(NEW, Task.TEXT)


def test_image_comes_first_and_the_system_text_is_empty_not_absent() -> None:
    """As the vendor's clients do it."""
    instruction = NEW.instruction(PageRequest())
    assert instruction.system == ""
    assert instruction.image_first
    assert instruction.schema is None
    assert recipe_named("qwen3-vl").instruction(PageRequest()).system is None


def test_fields_are_asked_for_by_name_and_by_schema() -> None:
    """Keys become a schema of nullable strings; a schema of the caller's is passed on."""
    instruction = OLD.instruction(
        PageRequest(task=Task.FIELDS, keys=("total", "ship's name"), language="en")
    )
    assert "the fields: ['total', 'ship\\'s name'] from the image" in instruction.text
    assert instruction.schema == {
        "type": "object",
        "properties": {
            "total": {"type": ["string", "null"]},
            "ship's name": {"type": ["string", "null"]},
        },
        "required": ["total", "ship's name"],
        "additionalProperties": False,
    }
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    instruction = NEW.instruction(PageRequest(task=Task.FIELDS, schema=schema))
    assert instruction.schema == schema
    assert "['total']" in instruction.text


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    """A key that looks like a mark stays a key."""
    text = told(recipe_named("generic"), Task.FIELDS, keys=("{schema}", "{fields}"))
    assert text.count("{schema}") == 2  # in properties and in required
    assert text.count("{fields}") == 2


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (PageRequest(task=Task.FIELDS), "keys"),
        (PageRequest(task=Task.FIELDS, keys=("a\nb",)), "keys"),
        (PageRequest(task=Task.FIELDS, keys=(" ",)), "keys"),
        (PageRequest(task=Task.FIELDS, keys=("x" * 201,)), "keys"),
        (PageRequest(task=Task.FIELDS, keys=tuple(map(str, range(201)))), "keys"),
        (PageRequest(task=Task.FIELDS, keys=("a",), schema={}), "keys"),
        (PageRequest(task=Task.FIELDS, schema={"type": "array"}), "schema"),
        (PageRequest(task=Task.FIELDS, schema={"properties": {}}), "schema"),
        (PageRequest(task=Task.TRANSLATE), "target"),
        (PageRequest(task=Task.TRANSLATE, target="fr"), "target"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(request_: PageRequest, field: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequest) as caught:
        NEW.instruction(request_)
    assert caught.value.field == field


def test_tasks_that_a_model_does_not_know_are_refused_with_those_it_does() -> None:
    """The caller can pick another."""
    with pytest.raises(InvalidRequest, match="it does text, markdown") as caught:
        recipe_named("olmocr-2").instruction(PageRequest(task=Task.FORMULA))
    assert caught.value.field == "task"
    with pytest.raises(InvalidRequest, match="one of en"):
        OLD.instruction(PageRequest(task=Task.TRANSLATE, target="zh"))


def test_the_callers_own_words_take_the_place_of_the_recipes() -> None:
    """Also empty ones, and also where the recipe has none for that target."""
    assert told(NEW, Task.TEXT, prompt="Read it.") == "Read it."
    assert told(NEW, Task.TEXT, prompt="") == ""
    assert told(NEW, Task.TRANSLATE, prompt="Into French, please.") == "Into French, please."


def test_sampling_is_the_vendors_and_changes_after_a_loop() -> None:
    """Greedy first. Then warmer, and no longer bound to the one best token."""
    first, second = (OLD.sampling(PageRequest(), attempt) for attempt in (0, 1))
    assert first == {
        "temperature": 0.0,
        "top_p": 0.95,
        "top_k": 1,
        "seed": 1234,
        "repetition_penalty": 1.0,
        "max_tokens": 16384,
    }
    assert second["temperature"] == 0.3
    assert second["top_k"] == -1
    assert second["seed"] != first["seed"]
    assert NEW.sampling(PageRequest())["repetition_penalty"] == 1.08
    assert OLD.sampling(PageRequest(), 5) == second
    temperatures = [
        recipe_named("olmocr-2").sampling(PageRequest(), attempt)["temperature"]
        for attempt in range(9)
    ]
    assert temperatures == [0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0, 1.0]


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_every_second_attempt_differs_from_a_greedy_first(recipe: Recipe) -> None:
    """Greedy drawing gives the same loop again."""
    first, second = (recipe.sampling(PageRequest(), attempt) for attempt in (0, 1))
    assert first != second or first["temperature"] != 0.0


def test_a_caller_can_lower_the_bound_on_tokens_but_not_raise_it() -> None:
    """It protects the engine."""
    assert NEW.sampling(PageRequest(max_tokens=100))["max_tokens"] == 100
    assert NEW.sampling(PageRequest(max_tokens=10**9))["max_tokens"] == 16384
    with pytest.raises(InvalidRequest) as caught:
        NEW.sampling(PageRequest(max_tokens=0))
    assert caught.value.field == "max_tokens"


def test_what_sampling_hands_out_is_the_callers_own() -> None:
    """Changing it does not change the next request."""
    recipe = recipe_named("deepseek-ocr")
    handed = recipe.sampling(PageRequest())
    handed["vllm_xargs"]["ngram_size"] = 1  # type: ignore[index]
    assert recipe.sampling(PageRequest())["vllm_xargs"]["ngram_size"] == 30  # type: ignore[index]


def test_a_loop_is_cut_off_and_told() -> None:
    """From 2000 characters on in 1.5, from 8000 in 1.0."""
    text = "Read well.\n" + "again and " * 300
    parsed = NEW.parse(text, PageRequest(), PAGE)
    assert [line.text for block in parsed.blocks for line in block.lines] == [
        "Read well.",
        "again and",
    ]
    assert parsed.warnings == (PageWarning.REPETITION,)
    assert OLD.parse(text, PageRequest(), PAGE).warnings == ()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("<think>hm\nhm</think>\n\nTotal 5", "Total 5"),
        ("<think>Total", "Total"),
        ("a <think>b</think>", "a <think>b</think>"),
    ],
)
def test_thoughts_before_the_answer_are_left_out(answer: str, words: str) -> None:
    """Unknown models may think aloud; what is cut off before any answer is all there is."""
    parsed = recipe_named("generic").parse(answer, PageRequest(), PAGE)
    assert [line.text for block in parsed.blocks for line in block.lines] == [words]


def test_a_row_of_dots_is_no_failure() -> None:
    """It is cut off, and nobody is alarmed."""
    parsed = NEW.parse("word " * 399 + "end " + "." * 60, PageRequest(), PAGE)
    assert parsed.warnings == ()


@pytest.mark.parametrize("answer", ["", " \n", "没有文字", "无文字。", "No text."])
@pytest.mark.parametrize("task", [Task.TEXT, Task.SPOTTING, Task.MARKDOWN])
def test_an_answer_without_words_is_empty(answer: str, task: Task) -> None:
    """A blank page, or a failure: the caller is told."""
    parsed = NEW.parse(answer, PageRequest(task=task), PAGE)
    assert parsed.blocks == ()
    assert parsed.warnings == (PageWarning.EMPTY,)


def test_a_figure_heavy_page_that_gives_only_coordinates_is_empty() -> None:
    """Seen with 1.5: the document comes out as the places of its figures."""
    parsed = NEW.parse("(156,68),(783,758)", PageRequest(task=Task.MARKDOWN), PAGE)
    assert parsed.blocks == ()
    assert parsed.warnings == (PageWarning.EMPTY,)


def test_layout_gives_headings_tables_and_figures_their_places() -> None:
    """As a variant of the tasks for spotting and for documents."""
    answer = (
        '[{"layout_type":"section_title","bbox":"(100,100),(900,100),(900,150),(100,150)",'
        '"text":"Results"},{"layout_type":"table","bbox":[0,200,1000,400],'
        '"text":"<table><tr><td>a</td></tr><tr><td>b</td></tr></table>"},'
        '{"layout_type":"figure","bbox":[[0,500],[1000,500],[1000,900],[0,900]]}]'
    )
    request = PageRequest(task=Task.MARKDOWN)
    heading, table, figure = NEW.variant("layout_parse").parse(answer, request, PAGE).blocks
    assert (heading.kind, heading.level) == (BlockKind.HEADING, 2)
    assert corners(heading) == ((200, 280), (1800, 280), (1800, 420), (200, 420))
    assert [line.text for line in table.lines] == ["a", "b"]
    assert corners(table) == ((0, 560), (2000, 560), (2000, 840), (0, 840))
    assert corners(table, 1) == ((0, 840), (2000, 840), (2000, 1120), (0, 1120))
    assert figure.kind is BlockKind.FIGURE


def corners(block: Block, line: int = 0) -> tuple[tuple[float, float], ...]:
    """The corners of one of a block's lines."""
    return tuple((point.x, point.y) for point in block.lines[line].polygon or ())


def test_layout_alone_is_regions_without_words_and_not_empty() -> None:
    """Places are all that is asked for."""
    answer = '[{"layout_type":"figure","bbox":"(0,0),(500,0),(500,500),(0,500)"}]'
    parsed = NEW.variant("layout").parse(answer, PageRequest(task=Task.SPOTTING), PAGE)
    (figure,) = parsed.blocks
    assert (figure.kind, figure.lines[0].text) == (BlockKind.FIGURE, "")
    assert corners(figure) == ((0, 0), (1000, 0), (1000, 1400), (0, 1400))
    assert parsed.warnings == ()


def test_a_capped_server_has_a_smaller_budget() -> None:
    """One number for the engine's flag, the cost and the encoder's cache."""
    capped = NEW.capped(1_000_000)
    assert capped.serving.max_pixels == 1_000_000
    assert capped.cost.most() < (capped.serving.batched_tokens or 0) < 3000
    assert capped.cost.tokens(4000, 4000) < 1100
    assert NEW.capped(10**9).cost == NEW.cost
    with pytest.raises(ValueError, match="262144"):
        NEW.capped(1000)
    with pytest.raises(ValueError, match="cannot be capped"):
        recipe_named("deepseek-ocr").capped(1_000_000)
