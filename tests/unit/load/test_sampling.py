"""Pages of metrics."""

from ocrgate.engines.openai.servers import SERVERS
from ocrgate.load.sampling import USUAL, parse

PAGE = """\
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
vllm:num_preemptions_total{engine="0"} 3.0
ocrgate_backlog{lane="interactive"} 2.0
ocrgate_backlog{lane="batch"} 5.0
ocrgate_ledger_tokens{kind="held"} 100
ocrgate_ledger_tokens{kind="capacity"} 400
ocrgate_gpu_temperature_celsius{gpu="0"} 71
DCGM_FI_DEV_FB_USED{gpu="1",Hostname="x, y"} 1024 1700000000
vllm:num_requests_running NaN
some_other_metric 7
vllm:num_requests_waiting not-a-number
"""


def test_known_readings_are_taken_by_engine_and_gpu() -> None:
    """In common names and units; over other labels they are added up."""
    assert sorted(parse(PAGE)) == [
        ("backlog", "", 7.0),
        ("gpu_memory_bytes", "1", 2.0**30),
        ("gpu_temperature", "0", 71.0),
        ("kv_capacity_tokens", "", 400.0),
        ("kv_held_tokens", "", 100.0),
        ("kv_usage", "0", 0.25),
        ("kv_usage", "1", 0.75),
        ("preemptions", "0", 3.0),
    ]


def test_every_engine_s_own_names_are_known() -> None:
    """What the gate reads of a server, a load test draws beside it."""
    for server in SERVERS.values():
        if server.metrics is None:
            continue
        names = (server.metrics.running, server.metrics.waiting, server.metrics.kv_usage)
        page = "".join(f"{name} 1\n" for name in names)
        assert sorted(name for name, *_ in parse(page)) == ["kv_usage", "running", "waiting"]
        assert server.metrics.path in USUAL


def test_a_page_of_something_else_says_nothing() -> None:
    assert parse("<html>not metrics</html>") == []


def test_readings_without_end_are_left_out() -> None:
    """Written down as they are they would make the whole record unreadable."""
    page = "vllm:kv_cache_usage_perc +Inf\nDCGM_FI_DEV_FB_USED 1e308\nvllm:num_requests_running 2\n"
    assert parse(page) == [("running", "", 2.0)]
