"""Pages and arrivals are what they are said to be."""

import random
import statistics
from itertools import islice, pairwise
from pathlib import Path

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.simulate import arrivals
from ocrgate.simulate.arrivals import Arrival, parse_trace, read_trace
from ocrgate.simulate.cost import ImageRule
from ocrgate.simulate.workload import MIXES, OCR, PlainMix


def test_the_mix_has_the_lengths_of_the_corpora() -> None:
    """Tokens of text: median 64, p75 300, p90 740, p95 1240, p99 3500, mean 315 in the corpora."""
    pages = list(islice(OCR.pages(random.Random(1)), 20_000))
    cuts = statistics.quantiles([page.output_tokens for page in pages], n=100)
    measured = {25: 18, 50: 64, 75: 300, 90: 740, 95: 1240, 99: 3500}
    for percent, tokens in measured.items():
        assert cuts[percent - 1] == pytest.approx(tokens, rel=0.35), percent
    assert statistics.mean(page.output_tokens for page in pages) == pytest.approx(315, rel=0.15)
    loops = sum(page.loops_at is not None for page in pages) / len(pages)
    assert loops == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("name", MIXES)
def test_pages_cost_what_their_size_says(name: str) -> None:
    rule = ImageRule()
    for page in islice(MIXES[name].pages(random.Random(2)), 300):
        assert page.image_tokens == rule.tokens(page.width, page.height)
        assert page.input_tokens > page.image_tokens
        assert page.output_tokens >= 1


def test_the_plain_mix_runs_away_on_two_of_a_hundred() -> None:
    pages = list(islice(PlainMix().pages(random.Random(3)), 5000))
    away = [page for page in pages if page.loops_at is not None]
    assert len(away) / len(pages) == pytest.approx(0.02, abs=0.006)
    assert {page.output_tokens for page in away} == {2048}
    assert all(700 <= page.input_tokens <= 1300 for page in pages)


def test_the_same_seed_gives_the_same_pages() -> None:
    first, second = (list(islice(OCR.pages(random.Random(7)), 50)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("cv", [0.5, 1.0, 4.0])
def test_gamma_arrivals_have_their_rate_and_burstiness(cv: float) -> None:
    times = list(islice(arrivals.gamma(5.0, cv, random.Random(1)), 20_000))
    pauses = [b - a for a, b in pairwise(times)]
    mean = statistics.mean(pauses)
    assert mean == pytest.approx(0.2, rel=0.1)
    assert statistics.pstdev(pauses) / mean == pytest.approx(cv, rel=0.1)


def test_a_rate_that_steps_or_swings() -> None:
    rate = arrivals.steps([(10.0, 20.0), (0.0, 5.0), (20.0, 0.0)])
    assert [rate(at) for at in (-1.0, 0.0, 9.9, 10.0, 25.0)] == [0.0, 5.0, 5.0, 20.0, 0.0]
    wave = arrivals.square(2.0, 8.0, 10.0)
    assert [wave(at) for at in (0.0, 4.9, 5.0, 9.9, 10.0)] == [2.0, 2.0, 8.0, 8.0, 2.0]
    stream = arrivals.varying(wave, 8.0, random.Random(1))
    times = list(islice(stream, 20_000))
    low = sum(at % 10 < 5 for at in times) / len(times)
    assert low == pytest.approx(0.2, abs=0.02)


def test_several_callers_are_merged_by_time() -> None:
    streams = [iter([1.0, 4.0, 9.0]), iter([2.0, 3.0, 20.0])]
    assert arrivals.several(streams, 10.0) == [(1.0, 0), (2.0, 1), (3.0, 1), (4.0, 0), (9.0, 0)]


def test_traces_of_both_shapes(tmp_path: Path) -> None:
    azure = tmp_path / "azure.csv"
    azure.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:04.0319600,3180,8\n"
        "2023-11-16 18:17:03.0319600,4808,10\n"
    )
    assert read_trace(azure) == [Arrival(0.0, 4808, 10), Arrival(1.0, 3180, 8)]
    lines = ['{"timestamp": 3000, "input_length": 5, "output_length": 2, "hash_ids": []}\n']
    assert parse_trace([*lines, *lines]) == [Arrival(0.0, 5, 2)] * 2
    trace = [Arrival(0.0, 1, 1), Arrival(8.0, 1, 1)]
    assert list(arrivals.scaled(trace, 4.0)) == [0.0, 2.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "neither"),
        ("a,b\n1,2\n", "neither"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2\n", "line 2"),
        ('{"timestamp": 1}\n', "line 1"),
        ('{"timestamp": 1, "input_length": 5, "output_length": 2}\n{\n', "line 2"),
    ],
)
def test_what_is_no_trace_is_named(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        parse_trace(text.splitlines(keepends=True))


@pytest.mark.parametrize(("rate", "cv"), [(0.0, 1.0), (1.0, 0.0)])
def test_arrivals_need_a_rate(rate: float, cv: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        arrivals.gamma(rate, cv, random.Random(1))
