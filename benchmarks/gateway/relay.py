"""CPU that one streamed event costs the gateway: socket, SSE, JSON, loop watch and listener.

Streams run at the same time through :class:`OpenAIEngine`; the server that sends them is a process
of its own. Counted is the CPU time of this process alone, all threads, less what the same number of
pages costs with a single event each.

    python benchmarks/gateway/relay.py [--streams 64] [--events 400] [--delay 0.005] [--rounds 5]

An event holds one token with its running count, as vLLM writes it. With ``--delay`` events come one
by one, so that each costs a wake-up: the dearest case. ``--together`` sends several per write.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import statistics
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.domain.recognition import PageRequest
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.params import OpenAIParams
from ocrgate.ports import Piece
from ocrgate.runtime.clock import LoopClock
from ocrgate.testing import FaultyEngine, Persona, Talk

PAGE = PageImage(bytes(1000), Encoding.JPEG, 800, 600, 3, 800, 600)
WORDS = [f"{word}{n} " for n in range(50) for word in ("total", "of", "invoice", "the", "page")]


Round = dict[str, float]


@dataclass
class Heard:
    """What the listeners were told."""

    pieces: int = 0
    characters: int = 0

    def __call__(self, piece: Piece) -> None:
        """Count a piece."""
        self.pieces += 1
        self.characters += len(piece.text)


def talk(events: int, delay: float, together: int) -> Talk:
    """A page of ``events`` tokens in random order."""
    dice = random.Random(7)
    return Talk(dice.choices(WORDS, k=events), delay=delay, together=together)


def serve(pipe: Connection, script: Talk) -> None:
    """Run the server until the pipe says stop; scripts come through it too."""

    async def main() -> None:
        async with FaultyEngine(script, persona=Persona(context=None)) as server:
            pipe.send(server.url)
            loop = asyncio.get_running_loop()
            while (new := await loop.run_in_executor(None, pipe.recv)) is not None:
                server.chats.clear()
                server.scripts = [new]
                pipe.send(True)

    uvloop.run(main())


async def pages(engine: OpenAIEngine, count: int, heard: Heard) -> float:
    """Read ``count`` pages at once; the CPU seconds of this process."""
    start = time.process_time()
    request = PageRequest(live=True)
    await asyncio.gather(*(engine.recognize(PAGE, request, heard) for _ in range(count)))
    return time.process_time() - start


async def measure(
    pipe: Connection, url: str, options: argparse.Namespace
) -> list[dict[str, float]]:
    """Rounds of long and short pages in turn."""
    engine = OpenAIEngine(OpenAIParams(), url, LoopClock())
    await engine.start()
    rounds = []
    try:
        for _ in range(options.rounds + 1):  # the first warms up
            heard = Heard()
            pipe.send(talk(options.events, options.delay, options.together))
            pipe.recv()
            full = await pages(engine, options.streams, heard)
            pipe.send(talk(1, 0.0, 1))
            pipe.recv()
            short = await pages(engine, options.streams, Heard())
            events = options.streams * (options.events - 1)
            rounds.append(
                {
                    "us_per_event": 1e6 * (full - short) / events,
                    "us_per_page": 1e6 * short / options.streams,
                    "pieces_per_event": heard.pieces / (options.streams * options.events),
                }
            )
    finally:
        await engine.close()
    return rounds[1:]


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--delay", type=float, default=0.005)
    parser.add_argument("--together", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    script = talk(1, 0.0, 1)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, script))
    server.start()
    try:
        rounds = uvloop.run(measure(ours, ours.recv(), options))
    finally:
        ours.send(None)
        server.join(10)
    names = rounds[0]
    print(
        json.dumps({name: round(statistics.median(r[name] for r in rounds), 2) for name in names})
    )


if __name__ == "__main__":
    main()
