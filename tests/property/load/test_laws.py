"""Laws that hold for whatever comes."""

import io
import random
import zlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocrgate.load.answers import ChatStream
from ocrgate.load.png import stamped
from ocrgate.load.quality import distance
from ocrgate.load.smooth import rising, unimodal
from ocrgate.load.stats import quantile
from ocrgate.load.workload import Callers, apportion

FINITE = st.floats(0, 1e6)
VALUES = st.lists(FINITE, min_size=1, max_size=30)


@given(VALUES, st.floats(0, 1))
def test_a_quantile_bounds_its_share(values: list[float], share: float) -> None:
    """At least the share is at or below it, and less than the share is below."""
    found = quantile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) <= share * len(values) + 1e-6


@given(VALUES)
def test_a_rising_curve_rises_and_keeps_the_sum(values: list[float]) -> None:
    found = rising(values)
    assert found == sorted(found)
    assert abs(sum(found) - sum(values)) <= 1e-6 * max(1, sum(values))
    assert rising(sorted(values)) == sorted(values)


@given(VALUES)
def test_unimodal_rises_and_then_falls(values: list[float]) -> None:
    found = unimodal(values)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)


def slow_distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for place, a in enumerate(first, 1):
        last, row[0] = row[0], place
        for column, b in enumerate(second, 1):
            last, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, last + (a != b)),
            )
    return row[-1]


TEXTS = st.text("abc", max_size=80)


@given(TEXTS, TEXTS)
def test_distance_is_levenshtein_s(first: str, second: str) -> None:
    assert distance(first, second) == slow_distance(first, second)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8), st.integers(0, 500))
def test_apportioning_gives_all_away_and_is_fair(shares: list[float], count: int) -> None:
    """Nobody is more than one away from the exact share."""
    found = apportion(shares, count)
    assert sum(found) == count
    exact = [share / sum(shares) * count for share in shares]
    assert all(abs(a - b) < 1 + 1e-9 for a, b in zip(found, exact, strict=True))


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 3))
def test_every_user_is_somebody(count: int, keys: int, lanes: int) -> None:
    names = ("interactive", "standard", "batch")[:lanes]
    callers = Callers(tuple("abcd"[:keys]), (), tuple((name, 1.0) for name in names))
    assert len(callers.users(count)) == count


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 60), st.integers(0, 2**48 - 1), st.integers(0, 9))
def test_stamped_pages_are_good_pngs(width: int, height: int, number: int, seed: int) -> None:
    """Pillow, which checks both checksums, reads the page that was put in, below the strip."""
    pixels = random.Random(seed).randbytes(width * height)
    page = stamped(width, height, pixels)
    image = Image.open(io.BytesIO(page.png(number)))
    image.load()
    assert image.size == (width, page.height)
    assert image.tobytes()[-width * height :] == pixels


@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_checksums_combine(first: bytes, second: bytes) -> None:
    from ocrgate.load.png import _combined

    both = zlib.adler32(first + second)
    assert _combined(zlib.adler32(first), zlib.adler32(second), len(second)) == both


STREAM = (
    'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\r\n\r\n'
    ": ping\n\n"
    'data: {"choices":[{"delta":{"content":"Straße "}}]}\n\n'
    'data:{"choices":[{"delta":{"content":"ééé"},"finish_reason":"stop"}]}\n\n'
    'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":9}}\n\n'
    "data: [DONE]\n\n"
).encode()


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=20))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Pieces of a body end anywhere, in the middle of a character too."""
    stream = ChatStream()
    edges = [0, *sorted(set(cuts)), len(STREAM)]
    for start, end in pairwise(edges):
        stream(STREAM[start:end], float(start + 1))
    assert stream.answer().text == "Straße ééé"
    assert stream.answer().output_tokens == 9
