"""The whole way: default settings, HTTP, a simulated vLLM in real time. It takes ten seconds."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from PIL import Image
from tests.integration.simulate.conftest import runner_url

from ocrgate.domain.document import Document
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.errors import Overloaded
from ocrgate.imaging.limits import ImageLimits
from ocrgate.runtime.recognizer import DocumentRequest
from ocrgate.runtime.service import Service, ServiceParams
from ocrgate.simulate.profile import Lengths, Profile, Speed
from ocrgate.simulate.profiles import profile
from ocrgate.simulate.server.app import Options, Server
from ocrgate.telemetry.metrics import Metrics

KNEE = 24
SLOW_STEPS = replace(
    profile("f-model"),
    speed=Speed(base=0.03, per_sequence=2e-4, per_prefill_token=1e-5),
    max_num_seqs=KNEE,
    kv_tokens=400_000,
    lengths=Lengths(60.0, 0.4, 512, 0.0),
)
"""More than 24 pages at once only queue; few tokens a second, so that two cores can follow."""


@asynccontextmanager
async def simulated(shape: Profile) -> AsyncIterator[str]:
    server = Server(shape, Options())
    runner = web.AppRunner(server.application(), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner_url(runner)
    finally:
        server.pace.close()
        await runner.cleanup()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (512, 512), 255).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.slow
async def test_defaults_find_the_knee_of_a_simulated_engine_in_ten_seconds() -> None:
    """From a cold start and without any number, over HTTP, to within 15 % of its 24 slots."""
    page, numbers, metrics = picture(), itertools.count(), Metrics()
    async with simulated(SLOW_STEPS) as url:
        params = ServiceParams(OpenAIParams(url=(url,)), image=ImageLimits())
        service = Service.build(params, metrics=metrics)
        await service.start()
        assert service.governor.total == 8

        async def caller() -> None:
            while True:
                document = Document(data=page + str(next(numbers)).encode())  # each its own text
                try:
                    await service.recognizer.recognize(document, DocumentRequest(timeout=60.0))
                except Overloaded:
                    await asyncio.sleep(0.1)

        callers = [asyncio.create_task(caller()) for _ in range(3 * KNEE)]
        try:
            await asyncio.sleep(10.0)
            found = service.governor.total
            text = metrics.render()[0].decode()
        finally:
            for each in callers:
                each.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            await service.close()
    assert found == pytest.approx(KNEE, rel=0.15)
    assert f'ocrgate_limit{{replica="0"}} {found}.0' in text
    assert 'ocrgate_limit_changes_total{reason="slow_start"}' in text
    assert 'ocrgate_ledger_tokens{kind="capacity"} 400' in text
