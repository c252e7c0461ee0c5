"""Output lengths: priors, learning, drift, bounds."""

import math
import random

import pytest

from ocrgate.control.cost import Estimate, LengthParams, Lengths, PageClass

A4 = 1240 * 1754
RECEIPT = 812 * 1682
LINE = 336 * 50


def of(pixels: int, task: str = "text", model: str = "hunyuan") -> PageClass:
    return PageClass.of(model, task, pixels)


def draws(median: float, sigma: float, count: int, seed: int = 1) -> list[int]:
    chance = random.Random(seed)
    return [int(median * chance.lognormvariate(0, sigma)) + 1 for _ in range(count)]


def taught(lengths: Lengths, key: PageClass, tokens: list[int]) -> Lengths:
    for each in tokens:
        lengths.observe(key, each)
    return lengths


def test_the_first_page_is_guessed_from_its_area() -> None:
    """Line crops have some ten tokens, receipts three hundred, report pages twice that."""
    lengths = Lengths()
    assert lengths.quantile(of(LINE), 0.5) == pytest.approx(11, rel=0.2)
    assert lengths.quantile(of(RECEIPT), 0.5) == pytest.approx(300, rel=0.2)
    assert lengths.quantile(of(A4), 0.5) == pytest.approx(650, rel=0.2)
    assert lengths.quantile(of(A4, "table"), 0.5) == pytest.approx(1300, rel=0.2)
    assert lengths.quantile(of(4000 * 6000), 0.5) == pytest.approx(900, rel=0.1)
    assert lengths.quantile(of(1), 0.5) >= 1


def test_the_prior_is_wide() -> None:
    low, high = Lengths().estimate(of(A4)).low, Lengths().estimate(of(A4)).high
    assert high / low == pytest.approx(math.exp(2 * 1.2816 * 0.9), rel=0.01)


def test_after_some_dozens_of_pages_the_bucket_speaks() -> None:
    lengths = taught(Lengths(), of(RECEIPT), draws(1200, 0.3, 100))
    seen = lengths.estimate(of(RECEIPT))
    assert seen.median == pytest.approx(1200, rel=0.15)
    assert seen.low == pytest.approx(1200 * math.exp(-1.2816 * 0.3), rel=0.2)
    assert seen.high == pytest.approx(1200 * math.exp(1.2816 * 0.3), rel=0.2)


def test_what_one_size_taught_corrects_the_others() -> None:
    """A model that writes three times the plain text does so on every page."""
    lengths = taught(Lengths(), of(RECEIPT), draws(900, 0.3, 60))
    before, after = (each.quantile(of(A4), 0.5) for each in (Lengths(), lengths))
    assert after == pytest.approx(3 * before, rel=0.25)
    assert lengths.quantile(of(A4, "table"), 0.5) == Lengths().quantile(of(A4, "table"), 0.5)
    assert lengths.quantile(of(A4, model="other"), 0.5) == before


def test_one_odd_page_changes_little() -> None:
    lengths = taught(Lengths(), of(RECEIPT), [8000])
    assert lengths.quantile(of(RECEIPT), 0.5) < 3 * Lengths().quantile(of(RECEIPT), 0.5)


def test_other_pages_of_the_same_size_are_learned_in_twenty() -> None:
    """Drift: a caller starts to send another kind of page."""
    lengths = taught(Lengths(), of(A4), draws(200, 0.3, 500))
    taught(lengths, of(A4), draws(1500, 0.3, 30, seed=2))
    assert lengths.quantile(of(A4), 0.5) == pytest.approx(1500, rel=0.3)


def test_steady_pages_are_not_taken_for_drift() -> None:
    lengths, medians = Lengths(), []
    for each in draws(500, 0.6, 3000):
        lengths.observe(of(A4), each)
        medians.append(lengths.quantile(of(A4), 0.5))
    assert 300 < min(medians[200:]) <= max(medians[200:]) < 800


def test_pages_cut_off_count_as_longer() -> None:
    """Half of the pages are cancelled at 100 tokens: the median must not become 100."""
    cut, naive = Lengths(), Lengths()
    for each in draws(300, 0.5, 400):
        naive.observe(of(RECEIPT), min(each, 250))
        cut.observe(of(RECEIPT), min(each, 250), censored=each > 250)
    assert naive.quantile(of(RECEIPT), 0.9) < 280
    assert cut.quantile(of(RECEIPT), 0.9) > 330


def test_memory_is_bounded_and_what_is_dropped_lives_on_in_its_parent() -> None:
    lengths = Lengths(LengthParams(buckets=8))
    keys = [PageClass("m", "text", area) for area in range(20, 60)]
    for key in keys:
        taught(lengths, key, [round(3 * Lengths().quantile(key, 0.5))] * 20)
    assert len(lengths) == 8
    before, after = (each.quantile(keys[10], 0.5) for each in (Lengths(), lengths))
    assert after == pytest.approx(3 * before, rel=0.2)


def test_a_promise_is_whole_ordered_and_capped() -> None:
    promise = Estimate(100.4, 250.0, 900.6).promise(1100, 512)
    assert (promise.input, promise.expected, promise.high, promise.cap) == (1100, 400, 512, 512)
    assert Estimate(3000.0, 4000.0, 9000.0).promise(10, 512).expected == 512


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_only_true_quantiles_are_given(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Lengths().quantile(of(A4), share)


def test_parameters_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="window"):
        LengthParams(window=10)


def test_a_class_that_is_always_cut_is_looked_at_again() -> None:
    """Refused for what it is taken to write, nothing more is learned of it: now and then the
    estimate is that of a class nothing is known of, until a page says more.
    """
    lengths, key = Lengths(LengthParams(retry=8)), PageClass.of("m", "text", 1_000_000)
    unknown = Lengths().estimate(key)
    for _ in range(20):
        lengths.observe(key, 5_000, censored=True)
    told = sorted(lengths.estimate(key).median for _ in range(16))
    assert told[:2] == [pytest.approx(unknown.median)] * 2
    assert told[2] > 3_000
    lengths.estimate(key)
    lengths.observe(key, 5_000, censored=True)
    assert all(lengths.estimate(key).median > 3_000 for _ in range(7))
