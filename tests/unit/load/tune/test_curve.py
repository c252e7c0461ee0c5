"""The curve and the words that a search ends with."""

from xml.etree import ElementTree as ET

from tests.unit.load.tune.curves import BOX, LINE, search

from ocrgate.load.tune.choose import conclude
from ocrgate.load.tune.curve import Dot, bars, curve, svg
from ocrgate.load.tune.explain import explanation
from ocrgate.load.tune.trial import Rules, Setting, Stop

RULES = Rules()


def dying(setting: Setting) -> float | Stop:
    return Stop.DIED if setting[0] >= 64 else min(setting[0], 20.0)


def test_the_knee_is_marked_and_what_failed_says_why() -> None:
    history = search(dying)
    choice = conclude(history, LINE, RULES)
    dots = {dot.value: dot for dot in curve(history, LINE, RULES, choice)}
    assert [value for value, dot in dots.items() if dot.mark == "knee"] == [32]
    assert dots[64].why == "the engine died"
    lines = bars(list(dots.values()), "slots")
    assert any("<- recommended" in line and line.split()[0] == "32" for line in lines)
    assert any("(the engine died)" in line for line in lines)


def test_the_picture_is_one_and_stands_alone() -> None:
    history = search(dying)
    choice = conclude(history, LINE, RULES)
    text = svg(curve(history, LINE, RULES, choice), "slots <&>", choice.setting)
    root = ET.fromstring(text)
    assert root.tag.endswith("svg")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert len([each for each in root.iter() if each.tag.endswith("circle")]) >= 5


def test_a_picture_of_nothing_is_one_too() -> None:
    ET.fromstring(svg([], "slots", None))
    ET.fromstring(svg([Dot(4, 0.0, 0.0, "the engine died")], "slots", None))


def test_the_words_say_what_why_and_how_sure() -> None:
    history = search(dying)
    words = " ".join(explanation(history, LINE, RULES, conclude(history, LINE, RULES)))
    assert "Recommended: slots 32" in words
    assert "died with 64 (slots)" in words
    assert "It is not sure" not in words


def test_a_search_that_was_broken_off_says_so() -> None:
    history = search(dying)[:4]
    words = " ".join(explanation(history, LINE, RULES, conclude(history, LINE, RULES)))
    assert "It is not sure" in words


def test_nothing_to_recommend_says_what_was_wrong_with_each() -> None:
    history = search(lambda _: Stop.ERRORS)
    words = explanation(history, LINE, RULES, conclude(history, LINE, RULES))
    assert words[0].startswith("Nothing can be recommended")
    assert "4: too many pages failed." in words


def test_with_three_axes_the_curve_is_that_of_the_best_of_each() -> None:
    history = search(lambda setting: setting[0] * setting[2], BOX)
    choice = conclude(history, BOX, RULES)
    dots = curve(history, BOX, RULES, choice)
    assert [dot.value for dot in dots] == sorted({one.trial.setting[0] for one in history})
    assert sum(dot.mark == "knee" for dot in dots) == 1


def test_the_largest_that_was_to_be_tried_is_called_that() -> None:
    """Else a bound of the search would look like one of the engine."""
    history = search(lambda setting: setting[0])
    told = explanation(history, LINE, RULES, conclude(history, LINE, RULES))
    assert any("256 is the largest slots that was to be tried" in line for line in told)
