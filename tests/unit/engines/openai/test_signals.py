"""A metrics page, as far as it matters."""

import time
from dataclasses import asdict

import pytest

from ocrgate.control.limit.law import Signals
from ocrgate.engines.openai.params import ServerKind
from ocrgate.engines.openai.servers import SERVERS, MetricNames
from ocrgate.engines.openai.signals import parse_signals


def names(kind: ServerKind) -> MetricNames:
    found = SERVERS[kind].metrics
    assert found is not None
    return found


VLLM = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b}c"} 3.0
vllm:num_requests_running{engine="1",model_name="a b}c"} 1.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
vllm:num_requests_waiting{engine="0",model_name="m"} 5.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 77.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.75
vllm:num_preemptions_total{engine="0"} 1.2e+01 1700000000000
vllm:num_preemptions_created{engine="0"} 1.7e+09
vllm:cache_config_info{block_size="128",kv_cache_size_tokens="6016",num_gpu_blocks="48"} 1.0
"""


def test_a_vllm_page() -> None:
    """Sums over engines, the fullest cache; names that only begin alike are others."""
    assert parse_signals(VLLM, names("vllm")) == Signals(4, 5, 0.75, 12, 6016, 128)


def test_older_vllm_tells_blocks_only() -> None:
    """Their product is the capacity; "None" is what it writes for a number that it lacks."""
    page = b'vllm:cache_config_info{block_size="16",kv_cache_size_tokens="None",'
    page += b'num_gpu_blocks="100"} 1.0'
    found = parse_signals(page, names("vllm"))
    assert (found.kv_capacity_tokens, found.kv_block_tokens) == (1600, 16)


def test_other_servers() -> None:
    """Each under its own names; ranks of one engine that repeat a figure are not added."""
    page = b'sglang:num_running_reqs{tp_rank="0"} 2\nsglang:num_running_reqs{tp_rank="1"} 2\n'
    page += b"sglang:token_usage 0.5\nsglang:max_total_num_tokens 9000\n"
    found = parse_signals(page, names("sglang"))
    assert found == Signals(2, None, 0.5, None, 9000)
    page = b"llamacpp:requests_processing 1\nllamacpp:requests_deferred 4\n"
    assert parse_signals(page, names("llamacpp")) == Signals(1, 4)
    page = b'trtllm_kv_cache_max_blocks{a="b"} 10\ntrtllm_kv_cache_tokens_per_block 32\n'
    found = parse_signals(page, names("trtllm"))
    assert (found.kv_capacity_tokens, found.kv_block_tokens) == (320, 32)


@pytest.mark.parametrize(
    "page",
    [b"", b"\n\n", b"<html>", b"vllm:num_requests_running", b"vllm:num_requests_running{", b"\xff"],
)
def test_a_page_of_something_else_tells_nothing(page: bytes) -> None:
    """No exception: the law that reads it holds its last value."""
    assert set(asdict(parse_signals(page, names("vllm"))).values()) == {None}


@pytest.mark.parametrize("value", [b"NaN", b"+Inf", b"x", b""])
def test_values_that_are_no_numbers_count_as_missing(value: bytes) -> None:
    """A gauge that was never set is NaN in some clients."""
    page = b"vllm:num_requests_running " + value + b"\n"
    assert parse_signals(page, names("vllm")).running is None


def test_a_large_page_takes_under_a_millisecond() -> None:
    """It is read several times a second beside the pages."""
    noise = b"".join(
        b'vllm:e2e_request_latency_seconds_bucket{engine="0",le="%d"} %d.0\n' % (n, n)
        for n in range(900)
    )
    page = noise + VLLM
    assert len(page) > 55_000
    best = min(_seconds(page) for _ in range(20))
    assert best < 0.001


def _seconds(page: bytes) -> float:
    start = time.perf_counter()
    parse_signals(page, names("vllm"))
    return time.perf_counter() - start


def test_figures_beyond_reason_are_none() -> None:
    """Python refuses to read a number of thousands of digits, and infinity is no capacity."""
    digits = b"9" * 5000
    page = b'vllm:cache_config_info{block_size="16",kv_cache_size_tokens="%s"} 1.0' % digits
    assert parse_signals(page, names("vllm")).kv_capacity_tokens is None
    page = b"trtllm_kv_cache_max_blocks 1e300\ntrtllm_kv_cache_tokens_per_block 1e300\n"
    assert parse_signals(page, names("trtllm")).kv_capacity_tokens is None
