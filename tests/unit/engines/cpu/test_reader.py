"""When the strong weights are asked."""

import numpy as np
import pytest

from ocrgate.domain.recognition import Quality
from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.models import plan_for
from ocrgate.engines.cpu.reader import ReadLine, is_unsure
from ocrgate.engines.cpu.script import has_accents, has_rare_characters, is_cjk_text, same_share
from ocrgate.engines.cpu.weights import Size


def line(*scores: float, width: float = 100.0) -> ReadLine:
    quad = np.array([[0, 0], [width, 0], [width, 20], [0, 20]], np.float32)
    return ReadLine(quad, Reading("x" * len(scores), scores, (0.5,) * len(scores)))


@pytest.mark.parametrize(
    ("read", "unsure"),
    [
        (line(0.99, 0.99, 0.99), False),
        (line(0.96, 0.96, 0.96), True),
        (line(*[0.999] * 40, 0.4), True),
        (line(*[0.999] * 40, 0.6), False),
        (line(0.99, width=900), True),
    ],
    ids=["sure", "low mean", "one bad character", "one fair character", "one dot in a long line"],
)
def test_doubtful_lines_are_checked(read: ReadLine, *, unsure: bool) -> None:
    """A low mean or a single very unsure character is enough."""
    assert is_unsure(read, 0.5) is unsure


@pytest.mark.parametrize("language", ["ja", "zh-Hant", "zh-TW", "ZH-HK"])
def test_languages_of_many_letters_are_read_by_the_strong_weights(language: str) -> None:
    """A caller who names the language gets its letters, and pays for one reading only."""
    plan = plan_for(Quality.AUTO, language)
    assert (plan.first, plan.again) == (Size.SMALL, None)
    assert plan_for(Quality.FAST, language) == plan_for(Quality.FAST)


@pytest.mark.parametrize("language", [None, "", "en", "zh", "de-CH"])
def test_other_languages_change_nothing(language: str | None) -> None:
    """The fast weights go first."""
    assert plan_for(Quality.AUTO, language).first is Size.TINY


def test_accents_are_told_from_plain_letters() -> None:
    """French shows itself, English and Chinese do not."""
    assert has_accents("où les bûches")
    assert not has_accents("the boats, 中文")


def test_traditional_characters_are_rare() -> None:
    """Lines with them are checked; plain Chinese, Latin and kana lines are not for that reason."""
    assert has_rare_characters("無色聲香味")
    assert not has_rare_characters("无色声香味, The end. かな 2468")


def test_chinese_text_may_hold_latin_words() -> None:
    """More than half of the letters decide."""
    assert is_cjk_text("使用我们的 OCR")
    assert not is_cjk_text("OCR 使")
    assert not is_cjk_text("--- ...")


def test_readings_are_compared_in_order() -> None:
    """A character that was missed does not shift the rest; a reversed text is another one."""
    assert same_share("甲乙丙丁", "甲丙丁") == 0.75
    assert same_share("甲乙丙丁", "丁丙乙甲") == 0.25
    assert same_share("", "") == 0.0
