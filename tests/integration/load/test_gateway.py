"""Loads on our own gateway, with an engine that follows a script."""

import asyncio
from collections import Counter

from tests.integration.http.conftest import make_site, over_sockets

from ocrgate.domain.ticket import Lane
from ocrgate.load.arrivals import Closed, Open
from ocrgate.load.probe import detect, try_out
from ocrgate.load.record import Record
from ocrgate.load.runner import Span, run
from ocrgate.load.sampling import MetricsPage
from ocrgate.load.targets import Api, Asking
from ocrgate.load.workload import Callers, Workload
from ocrgate.testing import ScriptedEngine

SPAN = Span(seconds=None, requests=12)


async def test_all_our_contracts_are_spoken(work: Workload) -> None:
    """Found out or named, each reads the text that the engine wrote."""
    with over_sockets(make_site(ScriptedEngine(["a page"]))) as site:
        found = await detect(site.url, Asking())
        assert (found.api, found.kind) == (Api.OCR, "ocrgate")
        for api in (Api.OCR, Api.OPENAI, Api.MISTRAL):
            endpoint = await detect(site.url, Asking(), api=api)
            assert endpoint.kind == "ocrgate"
            record = await run(endpoint, work, Closed(3), span=SPAN)
            assert record.steps[0].tally.outcomes == {"ok": 12}, api
            assert {row.cer for row in record.samples.rows} == {0.0}
        raw = await detect(f"{site.url}/ocr", Asking(form="file"), api=Api.RAW)
        record = await run(raw, work, Closed(3), span=SPAN)
        assert {row.cer for row in record.samples.rows} == {0.0}


async def test_keys_and_lanes_are_those_of_the_gateway(work: Workload) -> None:
    """Each key is counted for itself, and the gate sees the lanes."""
    site = make_site(ScriptedEngine(["a page"]))
    keys = (site.key("ann", Lane.INTERACTIVE), site.key("bob", Lane.INTERACTIVE))
    callers = Callers(keys, (), (("interactive", 0.5), ("batch", 0.5)))
    with over_sockets(site):
        endpoint = await detect(site.url, Asking(), key=keys[0])
        await try_out(endpoint, work.documents[0], callers, 10)
        record = await run(endpoint, work, Closed(4), span=SPAN, callers=callers)
    groups = record.steps[0].tally.groups
    assert groups["key=0"]["ok"] + groups["key=1"]["ok"] == 12
    assert groups["lane=interactive"]["ok"] > 0
    assert groups["lane=batch"]["ok"] > 0


async def test_a_full_gate_refuses_with_its_code_and_its_time(work: Workload) -> None:
    """And its own metrics stand beside what the client saw."""
    engine = ScriptedEngine(["a page"], delay=0.2, slots=2)
    with over_sockets(make_site(engine)) as site:
        endpoint = await detect(site.url, Asking())
        meter = MetricsPage(f"{site.url}/metrics", every=0.1)
        record = await run(
            endpoint, work, Open(60.0), span=Span(seconds=1.5, timeout=2.0), meters=(meter,)
        )
    outcomes = record.steps[0].tally.outcomes
    assert outcomes["ok"] > 3
    assert outcomes["overloaded"] > 10
    refused = [row for row in record.samples.rows if row.outcome == "overloaded"]
    assert all(row.status == 429 and row.retry_after is not None for row in refused)
    assert highest(record, "limit") == 2
    assert highest(record, "admitted") >= 2
    assert highest(record, "refusals") > 5


def highest(record: Record, name: str) -> float:
    return max(point.value for point in record.series if point.name == name)


async def test_what_the_gateway_warns_of_is_counted(work: Workload) -> None:
    """An empty page is an answer, and a wrong one."""
    with over_sockets(make_site(ScriptedEngine([""]))) as site:
        endpoint = await detect(site.url, Asking())
        record = await run(endpoint, work, Closed(2), span=SPAN)
    warnings = Counter(row.warnings for row in record.samples.rows)
    assert warnings == {("empty",): 12}
    assert {row.cer for row in record.samples.rows} == {1.0}


async def test_hanging_up_frees_the_gate(work: Workload) -> None:
    """Ctrl-C leaves no work behind at the server."""
    engine = ScriptedEngine(["a page"], delay=30.0, slots=3)
    with over_sockets(make_site(engine)) as site:
        endpoint = await detect(site.url, Asking())
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, stop.set)
        await run(endpoint, work, Closed(3), span=Span(seconds=60), stop=stop)
        async with asyncio.timeout(5):
            while any(site.snapshot().inflight.values()):  # noqa: ASYNC110 - its own count
                await asyncio.sleep(0.02)


async def test_a_client_with_more_patience_than_the_gateway_is_served(work: Workload) -> None:
    """It tells the longest wait that the gateway takes; its own time is its own."""
    with over_sockets(make_site(ScriptedEngine(["a page"]))) as site:
        endpoint = await detect(site.url, Asking())
        span = Span(seconds=None, requests=3, timeout=3600.0)
        record = await run(endpoint, work, Closed(1), span=span)
    assert record.steps[0].tally.outcomes == {"ok": 3}
