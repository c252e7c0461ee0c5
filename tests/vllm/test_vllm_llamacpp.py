"""The engine against a real llama.cpp server with the same tiny model."""

import asyncio
import os
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.vllm import model
from tests.vllm.reading import cost, made, page
from tests.vllm.server import CACHE, free_port, guarded, until

from ocrgate.domain.recognition import PageRequest, PageWarning
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.ports import Piece

HOME = Path(os.environ.get("OCRGATE_LLAMACPP_HOME", CACHE / "ocrgate" / "llamacpp"))

TEMPLATE = 3  # begin, end of the system's words, user: its /tokenize counts the words alone


@pytest.fixture(scope="module")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    python = HOME / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no llama.cpp at {HOME}: run tests/vllm/install_llamacpp.sh")
    folder = tmp_path_factory.mktemp("llamacpp")
    port, log = free_port(), folder / "server.log"
    script = Path(__file__).with_name("llamacpp.py")
    words = (str(python), str(script), str(model.write(folder / "model")), str(port))
    url = f"http://127.0.0.1:{port}"
    with guarded(words, log, {}) as (process, _):
        took = until(lambda: _answers(url) or process.poll() is not None, 60, pause=0.2)
        assert process.poll() is None, log.read_text()[-4000:]
        assert took < 60, log.read_text()[-4000:]
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture
async def engine(llamacpp: str) -> AsyncIterator[OpenAIEngine]:
    """The engine, started."""
    started = made(llamacpp)
    await started.start()
    yield started
    await started.close()


async def test_it_is_recognized_and_its_load_is_seen(engine: OpenAIEngine) -> None:
    """Kind, model, context of one slot and metrics, without configuration."""
    found = engine.capabilities
    assert found
    assert (found.server.kind, found.model, found.context) == (
        "llamacpp",
        "tencent/HunyuanOCR",
        8192,
    )
    signals = await engine.signals()
    assert signals
    assert signals.running == 0


@pytest.mark.parametrize("size", [(512, 512), (640, 480), (300, 900), (1024, 1024)])
async def test_page_costs_what_was_computed(llamacpp: str, size: tuple[int, int]) -> None:
    """Another implementation of the same resize counts the same tokens."""
    engine = made(llamacpp)
    await engine.start()
    await asyncio.sleep(0.1)  # see below
    pieces: list[Piece] = []
    reading, usage = await engine.recognize(
        page(*size), PageRequest(max_tokens=12, live=True), pieces.append
    )
    await engine.close()
    assert usage.input_tokens == cost(engine, *size) + TEMPLATE
    assert usage.output_tokens == 12
    assert PageWarning.TRUNCATED in reading.warnings
    assert "".join(piece.text for piece in pieces).split() == reading.text.split()


async def test_pages_right_after_one_another_are_read(engine: OpenAIEngine) -> None:
    """A connection that the server closed between two pages is no failure of a page."""
    for _ in range(20):
        _, usage = await engine.recognize(page(), PageRequest(max_tokens=2))
        assert usage.output_tokens == 2


async def test_more_pages_than_slots_are_all_read(engine: OpenAIEngine) -> None:
    """Two slots, eight pages at once: the others wait in its queue."""
    results = await asyncio.gather(
        *(engine.recognize(page(), PageRequest(max_tokens=8)) for _ in range(8)),
        return_exceptions=True,
    )
    assert [result for result in results if isinstance(result, BaseException)] == []
