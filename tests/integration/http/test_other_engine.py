"""The embedded engine beside a server that has no room or is not there, over HTTP."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocrgate.control.admission import AdmissionParams
from ocrgate.control.breaker import BreakerParams
from ocrgate.control.degrade import DegradeParams
from ocrgate.control.limit.choice import AutoLaw
from ocrgate.control.retry import RetryParams
from ocrgate.domain.document import Document
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.gateway.app import create_app
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.replica import ReplicaParams
from ocrgate.runtime.service import Service, ServiceParams
from ocrgate.settings import ServerSettings, Settings
from ocrgate.telemetry.metrics import Metrics
from ocrgate.testing import FaultyEngine, Mute, Persona, Refuse, Talk

QUICK = DegradeParams(other_engine=1, sustain=0.1, dwell=0.0)
NO_QUEUE = AdmissionParams(backlog_min=0, backlog_share=0.0)


def page(text: str) -> bytes:
    """A picture of one line of text, as PNG."""
    image = Image.new("L", (640, 200), 255)
    ImageDraw.Draw(image).text((30, 60), text, fill=0, font=ImageFont.load_default(size=48))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Bench:
    """A gateway with one seat at a server that answers as told, and a client of it."""

    server: FaultyEngine
    client: httpx.AsyncClient
    service: Service
    metrics: Metrics

    async def read(self, text: str = "Hello 42", **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/ocr", content=page(text), headers=names)

    async def until_up(self) -> None:
        for _ in range(1500):
            if self.service.spare.up:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the other engine did not start")

    def metric(self, line: str) -> float:
        text = self.metrics.render()[0].decode()
        found = [row.rpartition(" ")[2] for row in text.splitlines() if row.startswith(line + " ")]
        return float(found[0]) if found else 0.0


@asynccontextmanager
async def standing(degrade: DegradeParams = QUICK) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        persona = Persona(model="tencent/HunyuanOCR")
        server = await stack.enter_async_context(FaultyEngine(persona=persona))
        engine = OpenAIParams(url=(server.url,), slots=1)
        replicas = ReplicaParams(
            BreakerParams(failures=2, first=60.0, longest=60.0), RetryParams(ratio=0.0, floor=0.0)
        )
        settings, metrics = Settings(server=ServerSettings(), engine=engine), Metrics()
        params = ServiceParams(
            engine, NO_QUEUE, degrade=degrade, prefetch=0, raster_workers=1, replicas=replicas
        )
        service = Service.build(params, metrics=metrics)
        app = create_app(settings, service, metrics=metrics)
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)
        await stack.enter_async_context(client)
        yield Bench(server, client, service, metrics)


@asynccontextmanager
async def full(bench: Bench) -> AsyncIterator[None]:
    """One page takes the only seat and does not end; others come until the last rung is reached."""
    bench.server.scripts = [Mute()]
    blocking = asyncio.create_task(bench.read(x_request_timeout="120"))
    await bench.server.chat(len(bench.server.chats) + 1)
    async with asyncio.timeout(10):
        while len(bench.service.pressure.rungs) < 4:
            assert (await bench.read(x_no_degradation="1")).status_code == 429
            await asyncio.sleep(0.02)
    try:
        yield
    finally:
        blocking.cancel()
        await asyncio.gather(blocking, return_exceptions=True)


async def test_pages_that_would_be_refused_are_read_by_the_other_engine() -> None:
    """The reply says so, its engine is named, and whoever does not want that is refused."""
    async with standing() as bench, full(bench):
        await bench.until_up()
        reply = await bench.read("Spare page 7", x_debug="gate")
        assert (reply.status_code, reply.json()["text"]) == (200, "Spare page 7")
        assert reply.json()["engine"] == "cpu/pp-ocrv6"
        assert reply.json()["pages"][0]["degraded"] == ["other_engine"]
        told = reply.headers["x-debug-gate"]
        assert "rungs=smaller_image+shorter_output+other_engine+refusal" in told
        assert told.endswith("other;inflight=0;places=1")
        assert bench.metric('ocrgate_degraded_pages_total{rung="other_engine"}') == 1
        assert bench.metric("ocrgate_ladder_rung") == 4
        plain = await bench.read("Plain text 8", accept="text/plain")
        assert (plain.text.strip(), plain.headers["x-ocr-degraded"]) == (
            "Plain text 8",
            "other_engine",
        )
        for header in ("1", "other_engine", "smaller_image, other_engine"):
            refused = await bench.read(x_no_degradation=header)
            assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        table = await bench.client.post("/ocr", params={"task": "table"}, content=page("x"))
        assert table.status_code == 429


async def test_no_more_than_its_places_and_the_loop_stays_free() -> None:
    """Of many pages at once it reads one at a time; the others are refused, at once."""
    async with standing() as bench, full(bench):
        await bench.until_up()
        loop = asyncio.get_running_loop()
        replies = [asyncio.create_task(bench.read(f"Number {n}")) for n in range(12)]
        late = 0.0
        while not all(reply.done() for reply in replies):
            begun = loop.time()
            await asyncio.sleep(0.005)
            late = max(late, loop.time() - begun)
            assert bench.service.spare.busy <= 1
        codes = [reply.result().status_code for reply in replies]
        assert codes.count(200) >= 1
        assert codes.count(429) >= 6
        assert set(codes) == {200, 429}
        assert late < 0.5


async def test_a_page_whose_server_is_gone_is_read_by_the_other_engine() -> None:
    """From the opened breaker on, without any pressure; and the server is not called ready."""
    async with standing() as bench:
        bench.server.scripts = [Refuse(500, "broken")]
        codes = [(await bench.read()).status_code for _ in range(4)]
        assert codes[0] == 502
        await bench.until_up()
        reply = await bench.read("Engine is away")
        assert (reply.status_code, reply.json()["text"]) == (200, "Engine is away")
        assert reply.json()["pages"][0]["degraded"] == ["other_engine"]
        assert bench.service.readiness().status != "ok"
        assert bench.service.pressure.rungs == ()
        strict = await bench.read(x_no_degradation="1")
        assert (strict.status_code, strict.json()["code"]) == (503, "breaker_open")
        with_model = await bench.client.post("/v1/chat/completions", json=chat())
        assert with_model.json()["model"] == "cpu/pp-ocrv6"
        assert with_model.headers["x-ocr-degraded"] == "other_engine"
        streamed = await bench.client.post("/v1/chat/completions", json=chat(stream=True))
        assert "breaker_open" in streamed.text


@pytest.mark.parametrize("degrade", [DegradeParams(), DegradeParams(other_engine=1, enabled=False)])
async def test_without_the_setting_nothing_starts(degrade: DegradeParams) -> None:
    """Pages are refused with the reason they always had."""
    async with standing(degrade) as bench:
        bench.server.scripts = [Refuse(500, "broken")]
        codes = {(await bench.read()).status_code for _ in range(4)}
        assert codes == {502, 503}
        await asyncio.sleep(0.05)
        assert not bench.service.spare.up
        assert "other;" not in (await bench.read(x_debug="gate")).headers["x-debug-gate"]


async def test_the_embedded_engine_has_no_other() -> None:
    """It would only take its own processors from itself."""
    degrade = DegradeParams(enabled=True, other_engine=2)
    service = Service.build(ServiceParams(CpuParams(workers=1), degrade=degrade))
    assert service.spare.places == 0
    service.spare.want()
    service.retune(AdmissionParams(), AutoLaw(), DegradeParams(enabled=True, other_engine=3))
    assert (service.spare.places, service.spare.up) == (0, False)
    await service.close()


async def test_it_can_be_turned_on_and_off_while_the_server_runs() -> None:
    """A reload is enough."""
    async with standing(DegradeParams()) as bench:
        params = ServiceParams()
        bench.service.retune(params.gate, params.limit, QUICK)
        bench.server.scripts = [Refuse(500, "broken")]
        for _ in range(4):
            await bench.read()
        await bench.until_up()
        assert (await bench.read("On and off")).json()["text"] == "On and off"
        bench.service.retune(params.gate, params.limit, DegradeParams())
        assert (await bench.read()).status_code == 503
        assert not bench.service.spare.up


async def test_a_server_that_was_never_there_has_another_engine() -> None:
    """Pages are read before the first of its servers is."""
    engine = OpenAIParams(url=("http://127.0.0.1:1",), model="tencent/HunyuanOCR")
    service = Service.build(ServiceParams(engine, degrade=QUICK, raster_workers=1))
    try:
        await service.start(patience=0.2)
        for _ in range(1500):
            if service.spare.up:
                break
            await asyncio.sleep(0.02)
        document = Document(data=page("Nobody there"))
        result = await service.recognizer.recognize(document, DocumentRequest(timeout=30.0))
        assert (result.recognition.text, result.recognition.engine) == (
            "Nobody there",
            "cpu/pp-ocrv6",
        )
        assert await service.drain(1.0)
    finally:
        await service.close()


async def test_the_usual_engine_reads_again_when_it_is_back() -> None:
    """Nothing stays with the other one."""
    async with standing() as bench:
        bench.server.scripts = [Refuse(500, "broken")]
        for _ in range(4):
            await bench.read()
        await bench.until_up()
        bench.server.scripts = [Talk("from the server")]
        bench.service.replicas.replica_up(0)
        reply = await bench.read()
        assert (reply.json()["text"], reply.json()["engine"]) == (
            "from the server",
            "vllm/tencent/HunyuanOCR",
        )


def chat(*, stream: bool = False) -> dict[str, Any]:
    """A conversation about one picture."""
    url = "data:image/png;base64," + base64.b64encode(page("Chat 5")).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [{"role": "user", "content": content}], "stream": stream}
