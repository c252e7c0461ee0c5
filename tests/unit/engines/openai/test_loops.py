"""Runaway repetition is cut, and what pages repeat is not."""

import random
import time

import pytest

from ocrgate.engines.openai.loops import FILLER, ROW, SHORT, TEXT, LoopWatch, bounds_of, trimmed


def cut_at(text: str, step: int = 4) -> int | None:
    """Characters read when the watch called out; None if it never did."""
    watch = LoopWatch()
    for start in range(0, len(text), step):
        if watch.feed(text[start : start + step]):
            return start + step
    return None


SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it at all. "
CHINESE = "本人声明以上所填内容均属实如有虚假愿意承担由此引起的一切法律责任。"

LEGAL = {
    "rule of a table": "| a | b |\n" + "|---" * 40 + "|\n",
    "dot leaders": "".join(f"Chapter {n} {'.' * 120} {n * 7}\n" for n in range(40)),
    "non-breaking spaces": "&nbsp;" * 600,
    "underscores": "Name: " + "_" * 300 + "\n",
    "empty rows": ("<tr>" + "<td></td>" * 6 + "</tr>\n") * 60,
    "empty Markdown rows": "|  |  |  |  |\n" * 200,
    "equal rows": "<tr><td>2026</td><td>0.00</td><td>0.00</td></tr>\n" * 50,
    "equal Markdown rows": "| 0 | 0 | 0 | 0 |\n" * 150,
    "zeros, one a line": "0.00\n" * 190,
    "boxes to tick": "□ 是 □ 否\n" * 45,
    "signature lines": "Signature: ____________ Date: ________\n" * 20,
    "forms in triplicate": (SENTENCE * 4).join(["Copy for the bank. "] * 4)[:1500],
    "a sentence three times": SENTENCE * 3,
    "three equal labels": ("Jane Doe, 12 Long Street, 90210 Springfield, Atlantis\n" * 6) * 1,
}


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("step", [1, 4, 37])
def test_what_pages_repeat_is_left_alone(name: str, step: int) -> None:
    """Whatever the size of the pieces in which it arrives."""
    assert cut_at("Heading of the page\n\n" + LEGAL[name] + "\nThe end.", step) is None


LOOPS = {
    "a sentence": SENTENCE,
    "a clause": "and the party of the first part, ",
    "a Chinese sentence": CHINESE,
    "a paragraph": "".join(f"{n}. {SENTENCE}" for n in range(12)),
    "half a page": "".join(f"Item {n * 37 % 101}: {SENTENCE}" for n in range(22)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_running_text_is_cut_within_64_tokens_of_its_third_repeat(name: str) -> None:
    """Bytes stand for tokens, four each."""
    unit = LOOPS[name]
    before = "Something else that was read before. "
    cut = cut_at(before + unit * 9)
    assert cut is not None
    read = len((before + unit * 9)[:cut].encode()) - len(before.encode())
    assert read <= 3 * len(unit.encode()) + 4 * 64


@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("a", 1100),
        ("ha ", 1100),
        (".", 4100),
        ("&nbsp;", 4100),
        ("<tr><td></td><td></td></tr>", 4200),
        ("<tr><td>12</td><td>34</td></tr>\n", 3100),
        ("| 0 | 1 |\n", 3100),
    ],
)
def test_every_loop_is_cut_in_the_end(unit: str, most: int) -> None:
    """Far below the thousands of tokens that a page may have."""
    cut = cut_at("Before. " + unit * (2 * most // len(unit) + 2))
    assert cut is not None
    assert cut <= most + len(unit)


@pytest.mark.parametrize(
    ("unit", "bounds"),
    [
        ("....", FILLER),
        ("<td></td>", FILLER),
        ("d></td><t", FILLER),  # the same, begun elsewhere
        ("bsp;&n", FILLER),
        ("<td>0</td>", ROW),
        ("| a | b |\n", ROW),
        (r"0 & 0 \\ ", ROW),
        ("N/A\n", SHORT),
        (SENTENCE, TEXT),
        (CHINESE[:12], TEXT),
    ],
)
def test_units_are_told_apart_wherever_they_begin(unit: str, bounds: object) -> None:
    """By what is written in them, not by where the tail cuts them."""
    for turn in range(len(unit)):
        assert bounds_of(unit[turn:] + unit[:turn]) is bounds


def test_one_unit_is_left() -> None:
    """The repeats go, what stood before stays, and the last word is whole."""
    text = "Title.\n" + SENTENCE * 9 + SENTENCE[:20]
    assert trimmed(text, len(SENTENCE)).strip() == "Title.\n" + SENTENCE.strip()
    assert trimmed(text).strip() == "Title.\n" + SENTENCE.strip()
    assert trimmed("Page one. " + "The unit here. " * 5) == "Page one. The unit here."
    assert trimmed("nothing repeats") == "nothing repeats"
    assert trimmed("") == ""


def test_memory_and_time_are_bounded() -> None:
    """A megabyte of text that does not repeat holds some thousand characters."""
    watch, dice = LoopWatch(), random.Random(1)
    start = time.process_time()
    for _ in range(100):
        text = "".join(dice.choices("abcdefgh ", k=10_000))
        for place in range(0, len(text), 5):
            assert not watch.feed(text[place : place + 5])
    assert time.process_time() - start < 5.0  # 25 microseconds a token; it is about two
    assert len(watch._tail) < 20_000
    assert len(watch._new) < 100
