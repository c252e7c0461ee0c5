"""Loads that are held, and what is written down of them."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ocrgate.errors import EngineUnavailable
from ocrgate.load.arrivals import Closed, Open, Ramp
from ocrgate.load.link import Link, parse_url
from ocrgate.load.pages import synthetic
from ocrgate.load.record import Record
from ocrgate.load.runner import Span, run
from ocrgate.load.sampling import MetricsPage
from ocrgate.load.sending import Sender
from ocrgate.load.slo import Slo, parse, throughput
from ocrgate.load.stats import quantile
from ocrgate.load.targets import Api, Asking, Endpoint
from ocrgate.load.workload import Callers, Workload
from ocrgate.simulate.workload import SMALLER
from ocrgate.testing import FaultyEngine, PausingServer, Refuse, Talk

Raw = Callable[[str], Endpoint]


def p99(record: Record) -> float:
    rows = record.of(record.steps[0])
    return quantile(sorted(row.latency for row in rows), 0.99) or 0.0


def most_at_once(record: Record) -> int:
    rows = record.samples.rows
    return max(sum(row.intended <= at.intended < row.done for row in rows) for at in rows)


async def test_a_closed_loop_holds_its_concurrency(raw: Raw, work: Workload) -> None:
    """Four users of 20 ms each are two hundred a second, and never five at once."""
    async with PausingServer(0.02) as server:
        found = await run(raw(server.url), work, Closed(4), span=Span(seconds=1.0, warmup=0.2))
    step = found.steps[0]
    assert step.finished
    assert step.tally.outcomes.keys() == {"ok"}
    assert 20 < step.tally.total < 201
    points = {point.name: point.value for point in found.series}
    assert 2 < points["in_flight_mean"] < 4.01
    assert points["in_flight_by_little"] == pytest.approx(points["in_flight_mean"], rel=0.1)


async def test_a_window_shorter_than_two_requests_is_counted_exactly(
    raw: Raw, work: Workload
) -> None:
    """Ten users of 0.6 s in one second: ten answers of it, not the ten that come after its end too.

    By Little's law there are ten in flight all the same, whichever edge they cross.
    """
    async with PausingServer(0.6) as server:
        found = await run(raw(server.url), work, Closed(10), parse("e2e=5s"), span=Span(seconds=1))
    assert found.steps[0].tally.outcomes == {"ok": 20}
    assert throughput(found.steps[0], found.samples.rows) == pytest.approx(10, abs=0.1)
    points = {point.name: point.value for point in found.series}
    assert points["in_flight_mean"] == pytest.approx(10, rel=0.1)
    assert points["in_flight_by_little"] == pytest.approx(points["in_flight_mean"], rel=0.05)


async def test_an_open_loop_sends_whatever_comes_back(raw: Raw, work: Workload) -> None:
    """A hundred a second, though each takes 0.3 s: thirty are under way at once."""
    async with PausingServer(0.3) as server:
        found = await run(raw(server.url), work, Open(100.0), span=Span(seconds=1.0))
    total = found.steps[0].tally.total
    assert 60 < total < 140
    assert total == len(found.samples.rows)
    assert most_at_once(found) > 20


async def test_a_number_of_requests_is_exact(raw: Raw, work: Workload) -> None:
    """No more and no fewer, in either loop."""
    async with PausingServer(0.005) as server:
        for arrivals in (Closed(7), Open(400.0)):
            span = Span(seconds=None, requests=50)
            found = await run(raw(server.url), work, arrivals, span=span)
            assert found.steps[0].tally.outcomes == {"ok": 50}
        assert server.answered == 100


async def test_warm_up_is_sent_and_not_measured(raw: Raw, work: Workload) -> None:
    async with PausingServer(0.005) as server:
        found = await run(raw(server.url), work, Open(100.0), span=Span(seconds=0.5, warmup=0.5))
    step = found.steps[0]
    assert step.begins - step.warm_from == pytest.approx(0.5, abs=0.001)
    assert step.tally.total < len(found.samples.rows)
    assert len(found.of(step)) == step.tally.total


async def test_latency_counts_from_the_intended_instant(raw: Raw, work: Workload) -> None:
    """A server that stands still for 0.4 s of every 2 s makes a fifth of all wait.

    Of those the worst twentieth waited 0.38 s and more: this is the p99 of who comes when he
    comes. A closed loop of one user sends a single request into each standstill, and its p99 knows
    nothing of it.
    """
    async with PausingServer(0.005, pause=0.4, period=2.0) as server:
        opened, closed = await asyncio.gather(
            run(raw(server.url), work, Open(100.0), span=Span(seconds=4.0)),
            run(raw(server.url), work, Closed(1), span=Span(seconds=4.0)),
        )
    if opened.steps[0].client.saturated or closed.steps[0].client.late_p99 > 0.05:
        pytest.skip(f"too busy a machine to time anything: {opened.steps[0].client}")
    assert 0.33 < p99(opened) < 0.7
    assert p99(closed) < 0.25


async def test_a_client_that_cannot_keep_up_says_so(raw: Raw, work: Workload) -> None:
    """Its figures are its own. Here it is held up on purpose."""

    async def hold_up() -> None:
        while True:
            await asyncio.sleep(0.05)
            time.sleep(0.06)  # noqa: ASYNC251 - that is the point

    async with PausingServer(0.0) as server:
        task = asyncio.create_task(hold_up())
        found = await run(raw(server.url), work, Open(200.0), span=Span(seconds=1.0))
        task.cancel()
    client = found.steps[0].client
    assert client.late_p99 > 0.03
    assert client.saturated


async def test_a_ramp_shows_where_it_bends(raw: Raw, work: Workload) -> None:
    """More is sent in the second half than in the first."""
    async with PausingServer(0.001) as server:
        found = await run(raw(server.url), work, Ramp(0.0, 200.0, 1.0), span=Span(seconds=1.0))
    halves = Counter(row.intended > 0.5 for row in found.samples.rows)
    assert halves[True] > 1.5 * halves[False]


async def test_stopping_keeps_what_was_measured(raw: Raw, work: Workload) -> None:
    """The record says that it ended early."""
    async with PausingServer(0.02) as server:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, stop.set)
        begun = time.monotonic()
        found = await run(
            raw(server.url), work, Closed(4), parse("e2e=1s"), span=Span(seconds=60), stop=stop
        )
    assert time.monotonic() - begun < 5
    step = found.steps[0]
    assert not step.finished
    assert 0 < step.seconds < 5
    assert step.tally.outcomes["ok"] > 10
    assert step.verdicts[0].held


async def test_what_is_under_way_is_hung_up_on(raw: Raw, work: Workload) -> None:
    """Nobody waits for a slow server after Ctrl-C."""
    async with PausingServer(20.0) as server:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, stop.set)
        begun = time.monotonic()
        found = await run(raw(server.url), work, Closed(4), span=Span(seconds=60), stop=stop)
    assert time.monotonic() - begun < 3
    assert [(each.kind, each.text[0]) for each in found.events] == [("hung_up", "4")]
    assert found.steps[0].tally.total == 0


async def test_a_target_that_dies_ends_the_run(raw: Raw, work: Workload) -> None:
    """After some seconds of nobody there; what was measured before is kept."""
    async with PausingServer(0.005) as server:

        async def die() -> None:
            while server.answered < 50:  # noqa: ASYNC110 - it is the server's own count
                await asyncio.sleep(0.01)
            server.stop()

        dying = asyncio.create_task(die())
        begun = time.monotonic()
        found = await run(raw(server.url), work, Closed(8), span=Span(seconds=60))
        await dying
    assert 4 < time.monotonic() - begun < 30
    outcomes = found.steps[0].tally.outcomes
    assert outcomes["ok"] > 20
    assert outcomes["connect"] < 1000  # users wait a little when nobody is there
    (gone,) = [event for event in found.events if event.kind == "gone"]
    assert "refused" in gone.text
    # Its throughput is of the time that it was there, not of the wait for its return too.
    assert found.steps[0].ends < gone.at - 4


async def test_nobody_there_is_told_before_anything(raw: Raw, work: Workload) -> None:
    with pytest.raises(EngineUnavailable):
        await run(raw("http://127.0.0.1:1/"), work, Closed(1))


async def test_refusals_have_their_reason_and_no_answer(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """By our codes where they are ours; the first words of each kind are kept."""
    problem = {"code": "overloaded", "detail": "it is full"}
    async with FaultyEngine(Refuse(429, problem, headers={"retry-after": "1"})) as server:
        span = Span(seconds=None, requests=10)
        found = await run(chat(server.url), work, Open(50.0), parse("error=1%"), span=span)
    assert found.steps[0].tally.outcomes == {"overloaded": 10}
    assert found.failures[0].message == "it is full"
    assert found.samples.rows[0].retry_after == 1.0
    assert not found.steps[0].verdicts[0].held


async def test_retries_wait_as_long_as_the_server_says(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """Latency counts from the first try, which is when somebody began to wait."""
    refuse = Refuse(503, "", headers={"retry-after": "0.3"})
    async with FaultyEngine(refuse, Talk("a page")) as server:
        span = Span(seconds=None, requests=1, retries=2)
        found = await run(chat(server.url), work, Closed(1), span=span)
    row = found.samples.rows[0]
    assert (row.outcome, row.retries, row.retry_after) == ("ok", 1, 0.3)
    assert 0.3 <= row.latency < 1.5


async def test_pauses_between_tries_are_no_queue_in_the_client(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """The server asked for them: the client is not what limits the figures."""
    refuse = Refuse(503, "", headers={"retry-after": "0.5"})
    async with FaultyEngine(*[refuse] * 60, Talk("a page")) as server:
        span = Span(seconds=1.5, retries=3)
        found = await run(chat(server.url), work, Open(80.0), span=span)
    assert sum(row.retries for row in found.samples.rows) >= 60
    last = {point.name: point.value for point in found.series}
    assert last["in_flight_by_little"] < 2 * last["in_flight_mean"] + 1
    assert "Little" not in found.steps[0].client.saturated


async def test_a_refused_user_waits_before_the_next_request(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """A closed loop that comes again at once would measure how fast a server refuses."""
    refuse = Refuse(429, "", headers={"retry-after": "0.4"})
    async with FaultyEngine(refuse) as server:
        found = await run(chat(server.url), work, Closed(2), span=Span(seconds=1.0))
    assert 2 <= found.steps[0].tally.outcomes["http_429"] <= 6


async def test_a_time_out_is_an_outcome(raw: Raw, work: Workload) -> None:
    """It ends when nobody would wait any more."""
    async with PausingServer(5.0) as server:
        span = Span(seconds=None, requests=3, timeout=0.1)
        found = await run(raw(server.url), work, Closed(3), span=span)
    assert found.steps[0].tally.outcomes == {"timeout": 3}
    assert all(0.09 < row.latency < 3 for row in found.samples.rows)


async def test_a_stream_shows_its_first_text(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """And its tokens, and whether the text is right."""
    async with FaultyEngine(Talk("a page", first=0.1, delay=0.05)) as server:
        found = await run(chat(server.url), work, Closed(1), span=Span(seconds=None, requests=3))
    row = found.samples.rows[0]
    assert row.first is not None
    assert 0.1 <= row.first - row.sent < row.done - row.sent - 0.04
    assert (row.output_tokens, row.cer) == (2, 0.0)


@pytest.mark.parametrize("after", ["reset", "cut", "close"])
async def test_a_stream_that_breaks_is_no_answer(
    chat: Callable[[str], Endpoint], work: Workload, after: str
) -> None:
    """Whichever way it breaks; half a text is not counted as read."""
    async with FaultyEngine(Talk("a page", finish=None, after=after)) as server:  # type: ignore[arg-type]
        found = await run(chat(server.url), work, Closed(1), span=Span(seconds=None, requests=2))
    assert found.steps[0].tally.outcomes.keys() <= {"reset", "bad_answer"}


async def test_lanes_and_keys_travel_with_requests(
    chat: Callable[[str], Endpoint], work: Workload
) -> None:
    """Each under its own key, each in its own lane, results by both."""
    callers = Callers(("k-one", "k-two"), (), (("interactive", 0.5), ("batch", 0.5)))
    async with FaultyEngine(Talk("a page")) as server:
        span = Span(seconds=None, requests=16)
        found = await run(chat(server.url), work, Closed(4), span=span, callers=callers)
        sent = Counter(
            (chat.headers["authorization"], chat.headers["x-priority"]) for chat in server.chats
        )
    assert len(sent) == 4
    groups = found.steps[0].tally.groups
    assert groups["key=0"]["ok"] + groups["key=1"]["ok"] == 16
    assert groups["lane=batch"]["ok"] + groups["lane=interactive"]["ok"] == 16


async def test_a_simulated_engine_is_measured_with_its_own_metrics(
    simulated: Callable[[], Awaitable[str]], chat: Callable[[str], Endpoint]
) -> None:
    """Tokens, first texts, KV and running requests stand beside what the client saw."""
    url = await simulated()
    endpoint = Endpoint(
        chat(url).address, Api.OPENAI, Asking(model="tencent/HunyuanOCR"), kind="vllm"
    )
    meter = MetricsPage(f"{url}/metrics", every=0.1)
    found = await run(
        endpoint,
        synthetic(SMALLER, 8, 0),
        Closed(6),
        Slo(),
        span=Span(seconds=1.5),
        meters=(meter,),
    )
    step = found.steps[0]
    assert step.tally.outcomes.keys() == {"ok"}
    assert (throughput(step) or 0) > 2
    assert step.tally.sums["output_tokens"] > 20
    highest = {p.name: p.value for p in sorted(found.series, key=lambda point: point.value)}
    assert highest["running"] >= 1
    assert highest["kv_usage"] > 0
    assert {"preemptions", "waiting", "generated_tokens"} <= highest.keys()


async def test_the_same_seed_sends_the_same_at_the_same_instants(raw: Raw, work: Workload) -> None:
    """Two servers can be compared on one trace."""
    async with PausingServer(0.001) as server:
        first, second = [
            await run(raw(server.url), work, Open(80.0), span=Span(seconds=0.5, seed=3))
            for _ in range(2)
        ]
    instants = [
        [round(row.intended - record.steps[0].warm_from, 4) for row in record.samples.rows]
        for record in (first, second)
    ]
    assert sorted(instants[0]) == pytest.approx(sorted(instants[1]), abs=1e-3)


async def test_files_are_packed_once(chat: Callable[[str], Endpoint], work: Workload) -> None:
    """A thousand of the same on the wire are one in memory; fresh pages are each their own."""
    async with FaultyEngine(Talk("a page")) as server:
        link = Link(parse_url(server.url))
        sender = Sender(chat(server.url), link, Callers(), timeout=5)
        same = work.documents[0]
        assert sender.prepare(same.work(1))[1] is sender.prepare(same.work(2))[1]
        drawn = synthetic(SMALLER, 1, 0).documents[0]
        assert sender.prepare(drawn.work(1))[1] != sender.prepare(drawn.work(2))[1]


async def test_a_client_without_descriptors_blames_itself(raw: Raw, work: Workload) -> None:
    """It is not the target that is gone."""
    async with PausingServer(0.5) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = len([*Path("/proc/self/fd").iterdir()])  # noqa: ASYNC240
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 12, hard))
        try:
            span = Span(seconds=0.5, timeout=1.0)
            found = await run(raw(server.url), work, Closed(40), span=span)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    step = found.steps[0]
    assert step.tally.outcomes["client"] > 5
    assert "could not open another connection" in step.client.saturated
    assert not [event for event in found.events if event.kind == "gone"]
