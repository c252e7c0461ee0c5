"""How far a text is from the truth."""

import asyncio

import pytest

from ocrgate.load.quality import Judge, character_error_rate
from ocrgate.load.workload import Document


@pytest.mark.parametrize(
    ("truth", "text", "rate"),
    [
        ("hello", "hello", 0.0),
        ("hello", "hallo", 0.2),
        ("hello world", "hello\nworld", 0.0),
        ("it\u2019s", "it's", 0.0),
        ("abc", "", 1.0),
        ("abc", "x" * 50, 1.0),
        ("", "", 0.0),
        ("", "x", 1.0),
    ],
)
def test_error_rates(truth: str, text: str, rate: float) -> None:
    """White space and spellings of quotes do not count; a runaway is all wrong, not more."""
    assert character_error_rate(truth, text) == pytest.approx(rate)


async def test_long_texts_are_compared_beside_the_loop() -> None:
    """A page of thousands of characters would hold up whoever sends."""
    judge = Judge()
    truth = "word " * 2000
    page = Document("p", "page", "image/png", b"", truth)
    loop_ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(loop_ran.set)
    assert await judge.compare(page, truth.replace("w", "v", 1)) == pytest.approx(1 / 8000)
    assert loop_ran.is_set()
    judge.close()


async def test_what_comes_too_fast_is_left_out_and_counted() -> None:
    """None is no verdict; the others stand."""
    judge = Judge()
    page = Document("p", "page", "image/png", b"", "a" * 1000)
    texts = [f"{n:04}" + "a" * 1000 for n in range(100)]
    found = await asyncio.gather(*(judge.compare(page, text) for text in texts))
    assert judge.skipped == sum(each is None for each in found) > 0
    assert all(each == pytest.approx(0.004) for each in found if each is not None)
    judge.close()


async def test_pages_of_unknown_text_are_not_judged() -> None:
    judge = Judge()
    assert await judge.compare(Document("p", "page", "image/png", b""), "text") is None
    judge.close()
