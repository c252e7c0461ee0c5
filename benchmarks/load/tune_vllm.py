"""The tuner on a real vLLM: a tiny model on the CPU, against a sweep of the same server.

``python -m benchmarks.load.tune_vllm [--seconds 8] [--rounds 2]`` needs ``make install-vllm``.

The model writes the texts of ``tests/vllm/script.py``, so that answers end as a trained model's do.
All trials are closed loops of so many callers; the server has room for all. The sweep and the
tuner take turns with nothing: the sweep is made first, then the search, so the machine has to be
quiet throughout.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

from benchmarks.engines.stand import SEQUENCES
from tests.vllm.pages import MODEL, picture
from tests.vllm.reading import RECIPE
from tests.vllm.script import LONGEST, SCRIPTED
from tests.vllm.server import serve

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.load.arrivals import Closed
from ocrgate.load.probe import detect
from ocrgate.load.record import OK
from ocrgate.load.runner import Span, run
from ocrgate.load.slo import parse
from ocrgate.load.targets import Asking
from ocrgate.load.tune.choose import conclude
from ocrgate.load.tune.curve import bars, curve
from ocrgate.load.tune.explain import explanation
from ocrgate.load.tune.live import LiveTrials
from ocrgate.load.tune.planner import propose
from ocrgate.load.tune.trial import Axis, History, Purpose, Rules, Space, Trial
from ocrgate.load.workload import Document, Workload

VALUES = (1, 2, 4, 6, 8, 12, 16, 24, 32)
TURNS = 4
SMALLEST, COUNT = 288, 24  # pixels of the narrowest page, and how many there are
WORDS = RECIPE.instruction(PageRequest(task=Task.TEXT)).text


def pages() -> Workload:
    """Pages of different sizes, each of a class of its own."""
    sides = range(SMALLEST, SMALLEST + 32 * COUNT, 32)
    return Workload(
        tuple(Document(f"{w}", f"{w}", "image/png", picture(w, 512)) for w in sides), "scripted"
    )


async def ending(trials: LiveTrials, url: str) -> Workload:
    """Those whose text comes to an end: some of the script's never do."""
    every = pages()
    endpoint = await detect(url, trials.asking)
    span = Span(seconds=None, requests=len(every.documents), timeout=120.0)
    record = await run(endpoint, every, Closed(4), span=span)
    fine = {one.page_class for one in record.samples.rows if one.outcome == OK and not one.warnings}
    return Workload(tuple(one for one in every.documents if one.name in fine), every.source)


async def sweep(trials: LiveTrials, url: str, rounds: int) -> dict[float, float]:
    """Goodput of every value; rounds run up and down, so that drift meets all alike."""
    found: dict[float, list[float]] = {value: [] for value in VALUES}
    for number in range(rounds):
        order: Sequence[int] = VALUES if number % 2 == 0 else VALUES[::-1]
        for value in order:
            seen = await trials(Trial((value,), Purpose.CONFIRM, 100 + number), url)
            found[value].append(seen.goodput)
            print(f"sweep {value:>3}: {seen.goodput:.2f} pages/s, late {seen.late:.1%}", flush=True)
    return {value: mean(goods) for value, goods in found.items()}


async def tune(trials: LiveTrials, url: str, space: Space) -> History:
    """The search."""
    history: History = ()
    while (trial := propose(history, space, Rules())) is not None:
        seen = await trials(trial, url)
        print(
            f"tuner {trial.setting[0]:>3.0f}: {seen.goodput:.2f} pages/s ({trial.purpose})",
            flush=True,
        )
        history = (*history, seen)
    return history


async def compare(url: str, seconds: float, rounds: int) -> None:
    """Both, and what they say of each other."""
    asking = Asking(model=MODEL, prompt=WORDS, max_tokens=LONGEST + 8)
    trials = LiveTrials(pages(), asking, parse("e2e=10s"), seconds=seconds, warmup=2.0, pages=40)
    trials = replace(trials, workload=await ending(trials, url))
    print(f"{len(trials.workload.documents)} pages of {COUNT} end", flush=True)
    truth = await sweep(trials, url, rounds)
    space = Space((Axis("callers", VALUES, 2, climbs=True, risky=True),))
    history = await tune(trials, url, space)
    choice = conclude(history, space, Rules())
    print("\n".join(bars(curve(history, space, Rules(), choice), "callers")))
    print("\n".join(explanation(history, space, Rules(), choice)))
    best = max(truth, key=lambda value: truth[value])
    found = choice.setting[0] if choice.setting else 0.0
    print(f"\nsweep: {', '.join(f'{value}: {good:.2f}' for value, good in truth.items())}")
    print(f"best of the sweep: {best:g}; recommended: {found:g}, after {len(history)} trials")
    if found and found != best:
        await in_turn(trials, url, found, best)


async def in_turn(trials: LiveTrials, url: str, found: float, best: float) -> None:
    """Both once more, one after the other several times: the machine's drift meets both."""
    goods: dict[float, list[float]] = {found: [], best: []}
    for number in range(TURNS):
        for value in (found, best) if number % 2 else (best, found):
            seen = await trials(Trial((value,), Purpose.CONFIRM, 200 + number), url)
            goods[value].append(seen.goodput)
    ratio = mean(goods[found]) / mean(goods[best])
    told = {f"{value:g}": [round(good, 2) for good in each] for value, each in goods.items()}
    print(f"in turn: {told}; recommended is {ratio:.3f} of the sweep's best")


def main() -> None:
    """Run it."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--seconds", type=float, default=8.0)
    made.add_argument("--rounds", type=int, default=2)
    asked = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--max-num-seqs", str(max(SEQUENCES, 32)), *SCRIPTED)
        with serve(Path(folder), *flags) as server:
            asyncio.run(compare(server.url, asked.seconds, asked.rounds))


if __name__ == "__main__":
    main()
