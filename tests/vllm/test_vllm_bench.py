"""A load test counts what the engine counts."""

import pytest
from tests.vllm.server import Vllm

from ocrgate.errors import InvalidRequest
from ocrgate.load.arrivals import Closed, Open
from ocrgate.load.pages import synthetic
from ocrgate.load.probe import detect, try_out
from ocrgate.load.record import Record
from ocrgate.load.runner import Span, run
from ocrgate.load.sampling import MetricsPage
from ocrgate.load.targets import Api, Asking
from ocrgate.load.workload import Callers
from ocrgate.simulate.workload import SMALLER

TOKENS = 24


def tokens(record: Record) -> int:
    return sum(row.output_tokens for row in record.samples.rows)


async def test_client_and_engine_agree_on_requests_and_tokens(
    server: Vllm, figures: dict[str, str]
) -> None:
    """Each request that the engine served is one of ours, each token that it wrote was received."""
    endpoint = await detect(server.url, Asking(max_tokens=TOKENS))
    assert (endpoint.api, endpoint.kind) == (Api.OPENAI, "vllm")
    assert endpoint.version
    work = synthetic(SMALLER, 6, 0)
    await try_out(endpoint, work.documents[0], Callers(), 120)
    written = server.metric("vllm:generation_tokens_total")
    read = server.metric("vllm:prompt_tokens_total")
    meter = MetricsPage(f"{server.url}/metrics", every=0.2)
    found = await run(
        endpoint,
        work,
        Closed(3),
        span=Span(seconds=None, requests=12, timeout=240),
        meters=(meter,),
    )
    step = found.steps[0]
    assert step.tally.outcomes == {"ok": 12}
    assert server.metric("vllm:generation_tokens_total") - written == tokens(found)
    prompts = sum(row.input_tokens for row in found.samples.rows)
    assert server.metric("vllm:prompt_tokens_total") - read == prompts
    assert all(row.output_tokens <= TOKENS for row in found.samples.rows)
    assert all(row.first is not None and row.first < row.done for row in found.samples.rows)
    highest = {p.name: p.value for p in sorted(found.series, key=lambda point: point.value)}
    assert 1 <= highest["running"] <= 3
    assert highest["kv_usage"] > 0
    assert step.tally.latency.total == 12
    figures["load test, 3 at once"] = f"{12 / step.seconds:.2f} pages/s"


async def test_an_open_loop_on_a_real_engine_ends_whole(server: Vllm) -> None:
    """Some answers are cut at the bound of tokens, and are said to be."""
    endpoint = await detect(server.url, Asking(max_tokens=8))
    work = synthetic(SMALLER, 4, 1)
    found = await run(endpoint, work, Open(2.0), span=Span(seconds=4.0, timeout=240))
    outcomes = found.steps[0].tally.outcomes
    assert outcomes.keys() == {"ok"}
    cut = [row for row in found.samples.rows if "truncated" in row.warnings]
    assert all(row.output_tokens == 8 for row in cut)
    assert len(cut) >= sum(row.output_tokens == 8 for row in found.samples.rows) - 1


async def test_a_model_that_is_not_there_is_told_in_the_server_s_words(server: Vllm) -> None:
    """Before any load is put on it."""
    endpoint = await detect(server.url, Asking(model="no-such-model"))
    document = synthetic(SMALLER, 1, 0).documents[0]
    with pytest.raises(InvalidRequest, match="no-such-model"):
        await try_out(endpoint, document, Callers(), 60)
