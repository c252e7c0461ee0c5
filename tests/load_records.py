"""Records of load runs against a server of a few lines: a queue, slots, and errors when full."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ocrgate.load import slo
from ocrgate.load.journal import Journal
from ocrgate.load.record import Client, Machine, Record, Run, Sample, Step, Target

ATTACK = '<script>alert(1)</script><img src=x onerror="window.pwned=1">"\'&'
PROMISE = {"e2e": 5.0, "error": 0.02}


@dataclass(frozen=True)
class Server:
    """``slots`` pages at once, which slow each other; ``backlog`` more wait, others are refused."""

    slots: int = 24
    backlog: int = 24
    page: float = 0.8
    slowdown: float = 0.03

    def seconds(self, busy: int, draw: random.Random) -> float:
        """How long one page takes while so many are read."""
        return self.page * (1 + self.slowdown * busy) * draw.lognormvariate(0, 0.35)


def sweep(
    loads: Sequence[int] = (4, 8, 16, 32, 64),
    *,
    loop: str = "closed",
    seconds: float = 40.0,
    server: Server = Server(),
    seed: int = 1,
    journal: Journal | None = None,
    promise: dict[str, float] | None = None,
) -> Record:
    """A run of several steps: ``closed``, of so many callers, or ``open``, at such rates."""
    draw = random.Random(seed)
    journal = journal or Journal(None, a_run(promise), keep=50_000)
    at, number = 0.0, 0
    for index, load in enumerate(loads):
        step = Step(
            index=index,
            loop=loop,
            concurrency=load if loop == "closed" else None,
            rate=float(load) if loop == "open" else None,
            warm_from=at,
            begins=at + 4,
            ends=at + 4 + seconds,
        )
        journal.begin(step)
        number = _hold(journal, step, server, draw, number)
        _finish(journal, step)
        at = step.ends + 2
    return journal.close()


def a_run(promise: dict[str, float] | None = None) -> Run:
    """The description that records of tests share."""
    return Run(
        started="2026-01-02T03:04:05Z",
        ocrgate="1.0.0",
        command="ocrgate bench http://127.0.0.1:7860 --concurrency 4,8,16,32,64",
        seed=1,
        target=Target(
            url="http://127.0.0.1:7860", kind="ocrgate", server="ocrgate", version="1.0.0"
        ),
        machine=Machine(system="Linux", processor="a CPU", cores=2, memory_bytes=8 * 2**30),
        arrivals={"law": "closed"},
        work={"source": "synthetic", "pages": 64},
        slo=PROMISE if promise is None else promise,
    )


def _hold(journal: Journal, step: Step, server: Server, draw: random.Random, number: int) -> int:
    """Offer one step's load; the number of the next request."""
    dues = _dues(step, draw)
    running: list[float] = []  # when each slot is free
    ended: list[float] = []  # when callers of a closed loop come back
    waiting = 0.0
    while True:
        due = heapq.heappop(dues) if dues else (heapq.heappop(ended) if ended else step.ends)
        if due >= step.ends:
            return number
        while running and running[0] <= due:
            heapq.heappop(running)
        sample = _serve(step, server, draw, running, number, due)
        journal.add(sample, "" if sample.outcome == "ok" else "the server is full <b>now</b>")
        if number % 8 == 0:
            busy = min(len(running), server.slots)
            journal.point(due, "running", busy)
            journal.point(due, "waiting", max(len(running) - server.slots, 0))
            journal.point(due, "kv_usage", min(1.0, busy / server.slots * draw.uniform(0.85, 1)))
            journal.point(due, "gpu_memory_bytes", 14 * 2**30 + busy * 2**26)
            waiting += max(0, busy - 0.8 * server.slots) * draw.random()
            journal.point(due, "preemptions", float(int(waiting)))
        number += 1
        if step.loop == "closed":
            pause = 1.0 if sample.outcome != "ok" else 0.0
            heapq.heappush(ended, sample.done + pause)


def _dues(step: Step, draw: random.Random) -> list[float]:
    if step.loop == "closed":
        return [step.warm_from + place * 0.01 for place in range(step.concurrency or 0)]
    dues, at = [], step.warm_from
    while at < step.ends:
        dues.append(at)
        at += draw.expovariate(step.rate or 1.0)
    return dues


def _serve(
    step: Step,
    server: Server,
    draw: random.Random,
    running: list[float],
    number: int,
    due: float,
) -> Sample:
    lane = "batch" if draw.random() < 0.3 else "interactive"
    if len(running) >= server.slots + server.backlog:
        return Sample(
            number=number,
            step=step.index,
            intended=due,
            sent=due,
            done=due + 0.004,
            outcome="overloaded",
            status=429,
            lane=lane,
        )
    begins = due
    if len(running) >= server.slots:  # behind all but the last slots - 1 that are ahead
        begins = sorted(running)[len(running) - server.slots]
    took = server.seconds(min(len(running), server.slots), draw)
    heapq.heappush(running, begins + took)
    tight = len(running) / (server.slots + server.backlog)
    warnings = ("truncated",) if draw.random() < 0.02 * tight else ()
    return Sample(
        number=number,
        step=step.index,
        intended=due,
        sent=due + draw.random() * 0.001,
        done=begins + took,
        first=begins + 0.2 * took,
        status=200,
        lane=lane,
        page_class=draw.choice(("receipt", "dense")),
        input_tokens=800,
        output_tokens=draw.randrange(50, 400),
        sent_bytes=90_000,
        received_bytes=2_000,
        cer=max(0.0, draw.gauss(0.012, 0.004)) + (0.2 if warnings else 0.0),
        degraded=("smaller_image",) if tight > 0.8 and draw.random() < 0.3 else (),
        warnings=warnings,
    )


def _finish(journal: Journal, step: Step) -> None:
    promise = slo.Slo(journal.record().run.slo)
    samples = [s for s in journal.samples if s.step == step.index and s.intended >= step.begins]
    judged = slo.verdicts(promise, step, samples)
    journal.end(step, client=Client(cpu=0.2), verdicts=judged)


def hostile() -> Record:
    """A run against a server that writes markup wherever it can."""
    run = Run(
        started=ATTACK,
        command=f"ocrgate bench {ATTACK}",
        target=Target(url=f"http://h/{ATTACK}", kind=ATTACK, version=ATTACK, model=ATTACK),
        work={"source": ATTACK},
        notes=[ATTACK],
    )
    journal = Journal(None, run)
    for index in range(2):
        step = Step(index=index, loop="closed", concurrency=index + 1, label=ATTACK, ends=30.0)
        journal.begin(step)
        for number in range(60):
            journal.add(
                Sample(
                    number=number,
                    step=index,
                    intended=number / 2,
                    sent=number / 2,
                    done=number / 2 + 0.4,
                    outcome=ATTACK if number % 5 == 0 else "ok",
                    lane=ATTACK,
                    page_class=f"{ATTACK}{number % 2}",
                    warnings=(ATTACK,),
                ),
                ATTACK,
            )
        journal.point(1.0, ATTACK, 1.0, ATTACK)
        journal.end(step, client=Client(saturated=ATTACK))
    journal.event(1.0, ATTACK, ATTACK)
    return journal.close()
