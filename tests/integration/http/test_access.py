"""Who may ask, how often, and what a busy server says."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ocrgate.control.admission import AdmissionParams
from ocrgate.domain.ticket import Lane
from ocrgate.errors import EngineFailed
from ocrgate.settings import ServerSettings
from ocrgate.testing import ScriptedEngine

ENVELOPES = [
    ("POST", "/ocr"),
    ("POST", "/v1/ocr"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/scripted"),
]


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until the condition holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


def bearer(secret: str) -> dict[str, str]:
    """The header of a key."""
    return {"authorization": f"Bearer {secret}"}


def left(answer: httpx.Response) -> int:
    """Pages that the caller's quota has left."""
    return int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0])


@pytest.mark.parametrize(("method", "path"), ENVELOPES)
async def test_once_a_key_exists_every_door_asks_for_it(
    build: Any, started: Any, method: str, path: str
) -> None:
    """401 in the words of each contract, before any of the body is looked at."""
    async with started(build()) as (site, client):
        site.key()
        answer = await client.request(method, path, content=b"x" if method == "POST" else None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "unauthenticated" in answer.text


@pytest.mark.parametrize(("method", "path"), ENVELOPES)
async def test_without_keys_a_page_of_elsewhere_is_not_answered(
    build: Any, started: Any, method: str, path: str
) -> None:
    """Its name resolves to this machine, or it sends a form here: a browser is a way in."""
    async with started(build()) as (site, client):
        content = b"x" if method == "POST" else None
        for foreign in ({"host": "evil.example.com"}, {"origin": "https://evil.example.com"}):
            answer = await client.request(method, path, content=content, headers=foreign)
            assert (answer.status_code, "forbidden" in answer.text) == (403, True)
        assert not site.engine.calls
        keyed = bearer(site.key()) | {"host": "evil.example.com"}
        answer = await client.request(method, path, content=content, headers=keyed)
        assert answer.status_code != 403  # who has a key is no stranger


async def test_names_that_were_set_are_answered(build: Any, started: Any) -> None:
    """For a proxy on this machine that passes on its own."""
    server = ServerSettings(hosts=("ocr.example.com",))
    async with started(build(server=server)) as (_, client):
        headers = {"host": "ocr.example.com", "origin": "https://ocr.example.com"}
        assert (await client.post("/ocr", content=b"x", headers=headers)).status_code == 200


async def test_metrics_are_no_page_for_other_sites(build: Any, started: Any) -> None:
    """They tell how much is done here."""
    async with started(build()) as (_, client):
        assert (await client.get("/metrics", headers={"host": "a.evil.com"})).status_code == 403


async def test_examples_have_the_address_that_was_asked(build: Any, started: Any) -> None:
    """Behind a proxy that ends TLS too."""
    async with started(build()) as (_, client):
        plain = await client.get("/docs", headers={"host": "scan:81"})
        proxied = await client.get(
            "/docs", headers={"host": "ocr.example", "x-forwarded-proto": "https"}
        )
    assert "http://scan:81/ocr" in plain.text
    assert "https://ocr.example/ocr" in proxied.text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/version", "/docs"])
async def test_what_tells_nothing_about_documents_stays_open(
    build: Any, started: Any, path: str
) -> None:
    """Balancers and people need no key to see whether the server lives."""
    async with started(build()) as (site, client):
        site.key()
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"x-forwarded-for": "9.9.9.9"}, 401),
        ("10.0.0.9", {}, 401),
    ],
)
async def test_metrics_are_open_on_this_machine_only(
    build: Any, started: Any, peer: str, headers: dict[str, str], status: int
) -> None:
    """A scraper beside the server needs no key; one behind a proxy or elsewhere does."""
    async with started(build()) as (site, _):
        secret = site.key()
        transport = httpx.ASGITransport(site.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            assert (await client.get("/metrics", headers=headers)).status_code == status
            with_key = await client.get("/metrics", headers=headers | bearer(secret))
    assert with_key.status_code == 200
    assert b"ocrgate_requests_total" in with_key.content


async def test_a_key_sees_its_quota_and_is_refused_beyond_it(build: Any, started: Any) -> None:
    """Two pages a minute: the third is told how long to wait, in header and body."""
    async with started(build()) as (site, client):
        headers = bearer(site.key(rate=2))
        answers = [await client.post("/ocr", content=b"x", headers=headers) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["ratelimit"] for a in answers] == [
        '"pages";r=1;t=30',
        '"pages";r=0;t=60',
        '"pages";r=0;t=60',
    ]
    assert answers[0].headers["ratelimit-policy"] == '"pages";q=2;w=60'
    assert answers[2].json()["code"] == "rate_limited"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30


async def test_a_stream_tells_the_quota_after_it_was_charged(build: Any, started: Any) -> None:
    """The header of a streamed answer is as true as that of a plain one."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    body = {"stream": True, "messages": [{"role": "user", "content": [part]}]}
    async with started(build()) as (site, client):
        headers = bearer(site.key(rate=10))
        answer = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["ratelimit"].startswith('"pages";r=9')


async def test_a_document_costs_its_pages(build: Any, started: Any) -> None:
    """Three pages of five cost three."""
    async with started(build(pages=5)) as (site, client):
        headers = bearer(site.key(rate=10))
        params = {"pages": "1-3"}
        answer = await client.post("/ocr", content=b"x", params=params, headers=headers)
    assert answer.headers["ratelimit"].startswith('"pages";r=7')


async def test_what_was_not_read_costs_no_quota(build: Any, started: Any) -> None:
    """A broken engine is not paid for by the caller."""
    async with started(build(ScriptedEngine(errors=[EngineFailed()] * 2))) as (site, client):
        headers = bearer(site.key(rate=2))
        failed = await client.post("/ocr", content=b"x", headers=headers)
        after = await client.post("/ocr", content=b"x", headers=headers)
    assert failed.status_code == 502
    assert failed.headers["ratelimit"].startswith('"pages";r=2')
    assert after.headers["ratelimit"].startswith('"pages";r=1')


async def test_work_that_ran_out_of_time_is_paid(build: Any, started: Any) -> None:
    """Whoever gives too little time on purpose keeps an engine busy, and not for nothing: the pages
    that were begun are paid, the others are not.
    """
    engine = ScriptedEngine(delay=30)
    async with started(build(engine, pages=9)) as (site, client):
        headers = bearer(site.key(rate=10)) | {"X-Request-Timeout": "0.2"}
        one = await client.post("/ocr", params={"pages": "1"}, content=b"x", headers=headers)
        all_of_it = await client.post("/ocr", content=b"x", headers=headers)
    assert (one.status_code, one.json()["where"]) == (504, "engine")
    assert left(one) == 9
    assert all_of_it.status_code == 504
    assert 1 <= 9 - left(all_of_it) < 9


async def test_time_that_ran_out_in_the_queue_costs_nothing(build: Any, started: Any) -> None:
    """Nothing was done for a page that waited until its time was up."""
    engine = ScriptedEngine(delay=1.0)
    gate = AdmissionParams(wait_share=1.0)
    async with started(build(engine, gate=gate, prefetch=0)) as (site, client):
        headers = bearer(site.key(rate=10))
        first = asyncio.create_task(client.post("/ocr", content=b"x", headers=headers))
        await until(lambda: engine.calls)
        hasty = headers | {"X-Request-Timeout": "0.2"}
        late = await client.post("/ocr", content=b"x", headers=hasty)
        await first
    assert (late.status_code, late.json()["where"]) == (504, "queue")
    assert left(late) == 9


@pytest.mark.parametrize(("busy", "cost"), [(True, 0), (False, 1)])
async def test_who_leaves_pays_what_was_begun(
    build: Any, started: Any, busy: bool, cost: int
) -> None:
    """Of nine pages those that were worked on; none where the document still waited."""
    engine = ScriptedEngine(delay=30)
    async with started(build(engine, pages=9, prefetch=0)) as (site, client):
        ahead = bearer(site.key("ahead"))
        mine = bearer(site.key("mine", rate=10))
        others = []
        if busy:
            first = client.post("/ocr", params={"pages": "1"}, content=b"x", headers=ahead)
            others.append(asyncio.create_task(first))
            await until(lambda: engine.calls)
        second = asyncio.create_task(client.post("/ocr", content=b"x", headers=mine))
        await until(lambda: site.snapshot().backlog[Lane.STANDARD] if busy else engine.calls)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        refused = await client.post("/ocr", params={"pages": "99"}, content=b"", headers=mine)
        for other in others:
            other.cancel()
    assert left(refused) == 10 - cost


async def test_what_a_stream_has_given_is_paid(build: Any, started: Any) -> None:
    """A document that fails at its last page is not free, or every document could be had so."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    body = {"stream": True, "messages": [{"role": "user", "content": [part]}]}
    engine = ScriptedEngine(errors=[None, None, EngineFailed(), EngineFailed()])
    async with started(build(engine, pages=3)) as (site, client):
        headers = bearer(site.key(rate=10))
        broken = await client.post("/v1/chat/completions", json=body, headers=headers)
        after = await client.post("/ocr", params={"pages": "1"}, content=b"x", headers=headers)
    assert "engine_failed" in broken.text
    assert after.headers["ratelimit"].startswith('"pages";r=7')


async def test_strangers_are_not_told_of_the_load(build: Any, started: Any) -> None:
    """The state of the gate is for those who may use it."""
    asking = {"x-debug": "gate"}
    async with started(build()) as (site, client):
        before = await client.post("/ocr", content=b"x", headers=asking)
        headers = bearer(site.key()) | asking
        known = await client.post("/ocr", content=b"x", headers=headers)
        strange = await client.post("/ocr", content=b"x", headers=asking)
    assert "x-debug-gate" in before.headers
    assert "x-debug-gate" in known.headers
    assert (strange.status_code, "x-debug-gate" in strange.headers) == (401, False)


async def test_the_page_of_docs_is_counted_under_its_own_path(build: Any, started: Any) -> None:
    """The same page stands at two paths."""
    async with started(build()) as (site, client):
        for path in ("/docs", "/docs", "/"):
            await client.get(path)
    for path, times in (("/docs", 2), ("/", 1)):
        labels = f'{{lane="other",route="{path}",status="200"}}'
        assert site.metric(f"ocrgate_requests_total{labels}") == times


async def test_a_key_has_so_many_documents_at_once(build: Any, started: Any) -> None:
    """The second of a key with one place is refused; another key is not touched."""
    async with started(build(ScriptedEngine(delay=0.2, slots=4))) as (site, client):
        ann, bob = bearer(site.key("ann", concurrency=1)), bearer(site.key("bob"))
        first = asyncio.create_task(client.post("/ocr", content=b"x", headers=ann))
        await until(lambda: site.engine.running)
        second = await client.post("/ocr", content=b"x", headers=ann)
        other = await client.post("/ocr", content=b"x", headers=bob)
        third = (await first, await client.post("/ocr", content=b"x", headers=ann))[1]
    assert (second.status_code, second.json()["limit"]) == (429, "1 at once")
    assert [other.status_code, third.status_code] == [200, 200]


async def test_a_lane_above_the_keys_own_is_forbidden(build: Any, started: Any) -> None:
    """A batch key cannot push ahead by saying so."""
    async with started(build()) as (site, client):
        headers = bearer(site.key(lane=Lane.BATCH)) | {"x-priority": "interactive"}
        answer = await client.post("/ocr", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_full_server_says_so_at_once(build: Any, started: Any) -> None:
    """429 with Retry-After; the accepted ones are not disturbed."""
    gate = AdmissionParams(backlog_share=0.0, backlog_min=1)
    site = build(ScriptedEngine(delay=0.3), prefetch=0, gate=gate)
    async with started(site) as (site, client):
        sent = [asyncio.create_task(client.post("/ocr", content=b"x")) for _ in range(12)]
        answers = await asyncio.gather(*sent)
    served = [a for a in answers if a.status_code == 200]
    refused = [a for a in answers if a.status_code == 429]
    assert len(served) + len(refused) == 12
    assert served
    assert refused
    assert {a.json()["code"] for a in refused} == {"overloaded"}
    assert all(int(a.headers["retry-after"]) >= 1 for a in refused)
    assert all(a.json()["retryable"] for a in refused)


async def test_memory_for_bodies_is_bounded(build: Any, started: Any) -> None:
    """When the bodies in flight fill their budget, the next one is told to come back."""
    site = build(ScriptedEngine(delay=0.3, slots=8), server=ServerSettings(max_body_bytes=1024))
    async with started(site) as (site, client):
        sent = [asyncio.create_task(client.post("/ocr", content=b"x" * 1000)) for _ in range(6)]
        answers = await asyncio.gather(*sent)
        again = await client.post("/ocr", content=b"x" * 1000)
    assert sorted(a.status_code for a in answers) == [200] * 4 + [429] * 2
    assert site.metric('ocrgate_refusals_total{reason="bytes"}') == 2
    assert again.status_code == 200


async def test_a_draining_server_finishes_and_takes_nothing_new(build: Any, started: Any) -> None:
    """What was accepted is answered; new work is sent elsewhere; probes tell the balancer."""
    async with started(build(ScriptedEngine(delay=0.1))) as (site, client):
        before = await client.get("/readyz")
        accepted = asyncio.create_task(client.post("/ocr", content=b"x"))
        await until(lambda: site.engine.running)
        draining = asyncio.create_task(site.service.drain(5))
        await until(lambda: site.service.draining)
        late = await client.post("/ocr", content=b"x")
        ready, live = await client.get("/readyz"), await client.get("/livez")
        assert await draining
        assert site.metric('ocrgate_refusals_total{reason="draining"}') == 1
        assert (await accepted).status_code == 200
    assert (before.status_code, before.json()["status"]) == (200, "ok")
    assert (late.status_code, late.json()["code"]) == (503, "draining")
    assert int(late.headers["retry-after"]) >= 1
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert live.status_code == 200
