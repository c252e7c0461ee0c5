"""The engine against another server of OpenAI's chat completions: ``transformers serve``.

It lives in vLLM's environment already.
"""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.vllm import model
from tests.vllm.reading import cost, drawing, made, page
from tests.vllm.server import HOME, OFFLINE, free_port, guarded, until

from ocrgate.domain.recognition import PageRequest, PageWarning
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.errors import OcrgateError
from ocrgate.ports import Piece


@pytest.fixture(scope="module")
def foreign(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    folder = tmp_path_factory.mktemp("foreign")
    port, log = free_port(), folder / "server.log"
    script = Path(__file__).with_name("foreign.py")
    weights = model.write(folder / "model")
    words = (str(HOME / "bin" / "python"), str(script), str(weights), str(folder), str(port))
    url = f"http://127.0.0.1:{port}"
    with guarded(words, log, OFFLINE) as (process, _):
        took = until(lambda: _answers(url) or process.poll() is not None, 120, pause=0.5)
        assert process.poll() is None, log.read_text()[-4000:]
        assert took < 120, log.read_text()[-4000:]
        yield url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/models", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture
async def engine(foreign: str) -> AsyncIterator[OpenAIEngine]:
    """The engine, started."""
    started = made(foreign, server="transformers")
    await started.start()
    yield started
    await started.close()


async def test_it_reads_pages_and_hands_out_pieces(engine: OpenAIEngine) -> None:
    """Named by its kind, it is asked in its own dialect; pieces come live and add up."""
    found = engine.capabilities
    assert found
    assert found.model == "tencent/HunyuanOCR"
    assert not found.metrics
    pieces: list[Piece] = []
    reading, usage = await engine.recognize(
        page(640, 480), PageRequest(max_tokens=40, live=True), pieces.append
    )
    assert usage.output_tokens == 40
    assert PageWarning.TRUNCATED in reading.warnings
    assert "".join(piece.text for piece in pieces).split() == reading.text.split()
    assert reading.text


async def test_its_kind_is_found_out(foreign: str) -> None:
    """Its models name their authors and it has no metrics, but paths that no other has."""
    found = made(foreign)
    await found.start()
    assert found.description.name == "transformers/tencent/HunyuanOCR"
    reading, _ = await found.recognize(page(), PageRequest(max_tokens=8))
    await found.close()
    assert reading.text


async def test_it_draws_from_all_tokens(foreign: str) -> None:
    """As a page is asked for once more after a loop: its own sign for no bound is not -1, and it
    has to be told that it is to draw at all.
    """
    engine = drawing(foreign, "transformers")
    await engine.start()
    asked = PageRequest(max_tokens=24)
    texts = {(await engine.recognize(page(), asked))[0].text for _ in range(3)}
    await engine.close()
    assert len(texts) > 1


async def test_pages_at_the_same_time_are_all_read(engine: OpenAIEngine) -> None:
    """It works on one after the other; nobody gets an error for that."""
    results = await asyncio.gather(
        *(engine.recognize(page(), PageRequest(max_tokens=8)) for _ in range(6)),
        return_exceptions=True,
    )
    assert [result for result in results if isinstance(result, BaseException)] == []


async def test_signals_are_absent_and_no_error(engine: OpenAIEngine) -> None:
    """A server without metrics leaves the gate to what it sees itself."""
    signals = await engine.signals()
    assert signals is None or signals.running is None
    with pytest.raises(OcrgateError):
        await engine.recognize(page(4100, 20), PageRequest())
    assert cost(engine, 512, 512) > 276
