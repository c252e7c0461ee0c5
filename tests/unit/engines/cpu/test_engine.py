"""The engine's side of the workers."""

from dataclasses import dataclass, field

import pytest

from ocrgate.domain.document import Encoding
from ocrgate.domain.recognition import Block, Line, PageReading, PageRequest
from ocrgate.engines.cpu.engine import CpuEngine, worker_count
from ocrgate.engines.cpu.known_page import KNOWN_TEXT, known_page
from ocrgate.engines.cpu.params import CpuParams
from ocrgate.errors import EngineUnavailable


@dataclass
class TextWorkers:
    """Workers whose pages all say the same."""

    text: str
    calls: list[str] = field(default_factory=list)

    async def call(self, method: str, *args: object) -> object:
        self.calls.append(method)
        return PageReading(1, 10, 10, (Block((Line(self.text),)),))


async def test_start_warms_every_worker_and_reads_a_known_page() -> None:
    """Ready means that a page was read."""
    workers = TextWorkers(KNOWN_TEXT)
    await CpuEngine(CpuParams(workers=3), workers).start()
    assert workers.calls == ["warm_up"] * 3 + ["read"]


async def test_a_wrong_reading_of_the_known_page_is_not_ready() -> None:
    """An engine that cannot read does not serve."""
    with pytest.raises(EngineUnavailable, match="nonsense"):
        await CpuEngine(CpuParams(workers=1), TextWorkers("nonsense")).start()


async def test_a_page_costs_one_page() -> None:
    """Usage counts pages; there are no tokens."""
    _, usage = await CpuEngine(CpuParams(), TextWorkers("x")).recognize(known_page(), PageRequest())
    assert (usage.pages, usage.input_tokens, usage.output_tokens) == (1, 0, 0)


def test_the_engine_wants_raw_pixels_and_one_page_per_worker() -> None:
    """What the gate and the image path need to know."""
    described = CpuEngine(CpuParams(workers=2, max_side=3000), TextWorkers("")).description
    assert described.slots == 2
    assert described.boxes
    assert (described.input.encoding, described.input.max_side) == (Encoding.RAW, 3000)


def test_without_a_number_there_is_a_worker_per_core() -> None:
    """All cores work, at low priority."""
    assert worker_count(CpuParams()) >= 1
