"""An engine attached to a server that does as it is told."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.runtime.clock import LoopClock
from ocrgate.testing import FaultyEngine, Persona, Script

PAGE = PageImage(b"\xff\xd8 a page", Encoding.JPEG, 800, 600, 3, 1600, 1200)


@dataclass
class Pair:
    """A started engine and its server, whose next requests are answered by ``play``."""

    engine: OpenAIEngine
    server: FaultyEngine

    def play(self, *scripts: Script) -> None:
        """Forget the requests until now; answer the next ones so."""
        self.server.chats.clear()
        self.server.scripts = list(scripts)


Attach = Callable[..., "contextlib.AbstractAsyncContextManager[Pair]"]


@contextlib.asynccontextmanager
async def attached(
    *scripts: Script, params: OpenAIParams | None = None, persona: Persona | None = None
) -> AsyncIterator[Pair]:
    """A pair; the engine has read its known page already."""
    async with FaultyEngine(persona=persona) as server:
        engine = OpenAIEngine(params or OpenAIParams(), server.url, LoopClock())
        try:
            await engine.start()
            pair = Pair(engine, server)
            pair.play(*scripts)
            yield pair
        finally:
            await engine.close()


@pytest.fixture
def attach() -> Attach:
    """Makes pairs."""
    return attached


@pytest.fixture
def page() -> PageImage:
    """A page that nobody decodes."""
    return PAGE
