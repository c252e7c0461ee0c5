"""The simulated engine against the real one: the same pages at the same instants.

The model is calibrated by a short measurement of the very server (:mod:`tests.vllm.measured`),
before and after; what it must then get right by itself is what the scheduler does. Counts have
narrow bands, seconds have wide ones: the server's own differ from one run to the next. On a machine
that others use all of this says nothing, and is skipped.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import psutil
import pytest
from tests.vllm.calls import CHAT
from tests.vllm.measured import Limits, TooSlow, apart, between, calibrated
from tests.vllm.pages import completion
from tests.vllm.server import Vllm, serve
from tests.vllm.trace import Course, Sheet, as_sent, imagined, mixed, replay

from ocrgate.simulate.cost import ImageRule
from ocrgate.simulate.model import VirtualEngine

SLOTS, CONTEXT = 16, 2048
LIMITS = Limits(SLOTS, CONTEXT)
BUSY = 30.0  # per cent of the machine that others may use
ALIKE, TRIES = 0.25, 8
SECONDS = 0.4  # pages a second may differ by this part
COUNTS = 0.15  # steps of the engine
LENGTHS = (16, 96, 320)
PLENTY, FEW = 400, 40  # KV blocks of 128 tokens


@dataclass(frozen=True, slots=True)
class Twins:
    """What the real server and its model did with the same pages."""

    real: Course
    model: Course

    def spoken(self) -> str:
        """For people."""
        return "; ".join(
            f"{name} {it.rate:.2f} pages/s, {it.steps} steps, {it.preemptions} preemptions, "
            f"running {it.mean(lambda one: one.running):.1f}, "
            f"waiting {it.mean(lambda one: one.waiting):.1f}"
            for name, it in (("real", self.real), ("model", self.model))
        )


@pytest.fixture(scope="module", params=[PLENTY, FEW])
def sized(
    installed: object, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Vllm, int]]:
    """A server with a cache that is large, or small, and the number of its blocks."""
    blocks: int = request.param
    flags = (
        *("--max-num-seqs", str(SLOTS), "--max-model-len", str(CONTEXT)),
        *("--num-gpu-blocks-override", str(blocks), "--stream-interval", "4"),
    )
    with serve(tmp_path_factory.mktemp("vllm"), *flags) as running:
        yield running, blocks


async def both(url: str, sheets: list[Sheet]) -> Twins:
    """The pages before the server and before its model: once more where the machine was not the
    same before and after. Skips where it never was.
    """
    for _ in range(TRIES):
        if await asyncio.to_thread(psutil.cpu_percent, 1.0) > BUSY:
            continue
        with contextlib.suppress(TooSlow):
            before = await calibrated(url, LIMITS)
            real = await replay(url, sheets)
            after = await calibrated(url, LIMITS)
            if apart(before, after) < ALIKE:
                break
    else:
        pytest.skip("others use this machine: what the server can do changes from second to second")
    profile = between(before, after)
    async with (
        aiohttp.ClientSession(url) as session,
        session.post(CHAT, json=completion(max_tokens=1)) as reply,
    ):
        prompt = (await reply.json())["usage"]["prompt_tokens"]
    text = prompt - ImageRule().tokens(512, 512)
    return Twins(real, imagined(VirtualEngine(profile), as_sent(sheets, real), text))


def ranks(values: list[float]) -> list[float]:
    """The place of each in their order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    places = [0.0] * len(values)
    for place, number in enumerate(order):
        places[number] = place
    return places


def spearman(one: list[float], other: list[float]) -> float:
    """How alike two orders are: 1 when they are the same."""
    apart = sum((a - b) ** 2 for a, b in zip(ranks(one), ranks(other), strict=True))
    return 1 - 6 * apart / (len(one) * (len(one) ** 2 - 1))


async def test_model_does_what_the_server_does(
    sized: tuple[Vllm, int], figures: dict[str, str]
) -> None:
    """More pages than it can take at once: pages and steps, batch and queue over time, preemptions,
    and who waits longer than whom.
    """
    server, blocks = sized
    twins = await both(server.url, mixed(60, 40.0, 1, LENGTHS))
    figures[f"model and server, {blocks} blocks"] = twins.spoken()
    real, model = twins.real, twins.model
    assert model.steps == pytest.approx(real.steps, rel=COUNTS)
    assert model.preemptions == pytest.approx(real.preemptions, rel=0.35, abs=3)
    assert (real.preemptions > 5) == (blocks == FEW)
    assert model.rate == pytest.approx(real.rate, rel=SECONDS)
    running = [it.mean(lambda one: one.running) for it in (real, model)]
    waiting = [it.mean(lambda one: one.waiting) for it in (real, model)]
    usage = [it.mean(lambda one: one.usage) for it in (real, model)]
    assert running[1] == pytest.approx(running[0], rel=0.25)
    assert waiting[1] == pytest.approx(waiting[0], rel=SECONDS, abs=2)
    assert usage[1] == pytest.approx(usage[0], rel=0.25)
    assert spearman(real.first, model.first) > 0.97
    assert spearman(real.waits, model.waits) > 0.8


async def test_clients_who_leave_free_what_they_held_in_both(
    sized: tuple[Vllm, int], figures: dict[str, str]
) -> None:
    """A third leaves within three seconds, running or queued: the rest have their places."""
    server, blocks = sized
    sheets = mixed(60, 40.0, 2, LENGTHS, impatient=0.33)
    twins = await both(server.url, sheets)
    figures[f"model and server, clients who leave, {blocks} blocks"] = twins.spoken()
    real, model = twins.real, twins.model
    assert model.rate == pytest.approx(real.rate, rel=SECONDS)
    assert model.preemptions == pytest.approx(real.preemptions, rel=0.5, abs=4)
    running = [it.mean(lambda one: one.running) for it in (real, model)]
    assert running[1] == pytest.approx(running[0], rel=0.25, abs=1)
    assert server.running() == server.waiting() == 0
    assert server.metric("vllm:kv_cache_usage_perc") == 0


@pytest.mark.parametrize("sized", [FEW], indirect=True)
async def test_whole_prompt_must_fit_and_holds_up_all_behind_it_in_both(
    sized: tuple[Vllm, int],
) -> None:
    """Four pages hold 36 of 39 blocks. One that needs 3 enters at once; behind one that needs 4 it
    waits until one of the four has ended.
    """
    server, _ = sized
    four = [Sheet(0.001 * number, 1024, 1024, 64) for number in range(4)]
    small, larger = Sheet(0.3, 512, 512, 16), Sheet(0.25, 640, 640, 16)
    alone = await both(server.url, [*four, small])
    behind = await both(server.url, [*four, larger, small])
    for it in (alone.real, alone.model):
        assert it.first[4] < min(it.ended[:4])
        assert it.preemptions == 0
    for it in (behind.real, behind.model):
        assert min(it.first[4:]) > min(it.ended[:4])
        assert it.preemptions == 0
