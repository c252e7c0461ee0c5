"""Whatever lengths come, the quantiles stay quantiles."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.control.cost import LengthParams, Lengths, PageClass

LAWS = settings(max_examples=150, deadline=None, derandomize=True, database=None)

keys = st.builds(
    PageClass, st.sampled_from(["a", "b"]), st.sampled_from(["text", "table"]), st.integers(0, 60)
)
pages = st.lists(st.tuples(keys, st.integers(0, 100_000), st.booleans()), max_size=200)
shares = st.floats(0.01, 0.99)


def learned(history: list[tuple[PageClass, int, bool]], buckets: int = 4) -> Lengths:
    lengths = Lengths(LengthParams(buckets=buckets, window=32, drift=8))
    for key, tokens, censored in history:
        lengths.observe(key, tokens, censored=censored)
    return lengths


@LAWS
@given(pages, keys, shares, shares)
def test_a_greater_share_is_never_shorter(
    history: list[tuple[PageClass, int, bool]], key: PageClass, one: float, other: float
) -> None:
    lengths = learned(history)
    low, high = (lengths.quantile(key, share) for share in sorted((one, other)))
    assert 0 < low <= high * (1 + 1e-9) < math.inf
    estimate = lengths.estimate(key)
    assert estimate.low <= estimate.median * (1 + 1e-9) <= estimate.high * (1 + 1e-9) ** 2


@LAWS
@given(pages, st.integers(1, 5))
def test_memory_is_bounded_whatever_comes(
    history: list[tuple[PageClass, int, bool]], buckets: int
) -> None:
    lengths = learned(history, buckets)
    assert len(lengths) <= buckets
    for windows in (lengths._buckets, lengths._parents):
        assert all(len(each) <= 32 for each in windows.values())


@LAWS
@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=100), keys, shares)
def test_a_quantile_lies_between_the_prior_and_what_was_seen(
    tokens: list[int], key: PageClass, share: float
) -> None:
    prior = Lengths().quantile(key, share)
    seen = learned([(key, each, False) for each in tokens]).quantile(key, share)
    # The parent scales the prior by what was seen, so that may widen the range by itself.
    median = Lengths().quantile(key, 0.5)
    least, most = min(tokens), max(tokens)
    low = min(prior, least) * min(1.0, least / median)
    high = max(prior, most) * max(1.0, most / median)
    assert low * 0.999 <= seen <= high * 1.001


@LAWS
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60), keys, shares)
def test_a_page_cut_off_never_makes_pages_look_shorter_than_one_that_ended(
    tokens: list[int], key: PageClass, share: float
) -> None:
    ended = learned([(key, each, False) for each in tokens])
    cut = learned([*((key, each, False) for each in tokens)])
    ended.observe(key, tokens[0], censored=False)
    cut.observe(key, tokens[0], censored=True)
    if len(tokens) < 12:  # short of any drift, which is judged by the page as it counts
        assert cut.quantile(key, share) >= ended.quantile(key, share) * (1 - 1e-9)
