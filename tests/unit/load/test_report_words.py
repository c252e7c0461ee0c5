"""Reports speak every language they offer, whole."""

import string

import pytest

from ocrgate.load.report.words import LANGUAGES, Words, measured, moment, rate, share
from ocrgate.load.report.words import _entries as entries


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_say_the_same(language: str) -> None:
    """No sentence lacks in one, and each has the same fields."""
    english, other = entries("en"), entries(language)
    assert set(english) == set(other)
    for key in english:
        assert fields(english[key]) == fields(other[key]), key
        assert other[key].strip(), key


def test_a_server_cannot_fill_in_fields() -> None:
    """What a server said is put in as it is, braces and all."""
    text = Words()("say.slo_unmeasured", name="{load} {0.__class__}")
    assert "{load} {0.__class__}" in text


def test_there_is_no_third_language() -> None:
    """An unknown language is an error, not English in disguise."""
    with pytest.raises(KeyError):
        Words("tlh")


def test_figures_are_written_for_people() -> None:
    """Three digits, units, and a dash for nothing."""
    assert rate(0.012345) == "0.0123"
    assert rate(12345.6) == "12,346"
    assert share(0.5) == "50 %"
    assert measured("p99", 0.0123) == "12.3 ms"
    assert measured("goodput", 3.14159) == "3.14"
    assert measured("errors", None) == "–"  # noqa: RUF001
    assert moment("2026-01-02T03:04:05+00:00") == "2026-01-02 03:04 UTC"
    assert moment("yesterday") == "yesterday"
