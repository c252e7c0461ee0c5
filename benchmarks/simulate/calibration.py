"""How well the simulated engines match what they stand for. Virtual time, seconds of wall time.

    python benchmarks/simulate/calibration.py

Prints four tables: the reference engine's knee, the founding case, the real tiny vLLM, and how much
faster than real time the model runs.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import replace

from ocrgate.simulate.drive import Outcome, closed_loop
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profiles import PROFILES
from ocrgate.simulate.workload import SMALLER, Page, PlainMix

KNEE = {4: 1.6, 8: 3.1, 16: 5.6, 24: 7.5, 28: 8.4, 32: 9.0, 40: 9.2, 48: 9.2}
FOUNDING = {8: ("-", "0"), 16: ("22", "0"), 32: ("26", "0.30"), 64: ("38", "> 0.70")}
TINY = (  # slots, clients, requests, pages/s, preemptions as measured
    (2, 1, 16, 1.187, 0),
    (2, 4, 48, 2.932, 0),
    (2, 16, 48, 2.372, 0),
    (2, 48, 48, 2.808, 0),
    (4, 4, 48, 5.647, 0),
    (4, 16, 48, 5.539, 0),
    (4, 48, 48, 5.445, 0),
    (8, 4, 48, 5.05, 0),
    (8, 16, 48, 6.023, 3),
    (8, 48, 48, 5.709, 3),
    (16, 4, 48, 4.472, 0),
    (16, 16, 48, 7.872, 10),
    (16, 48, 48, 8.611, 11),
)


def tiny_pages(count: int) -> Iterator[Page]:
    """The pages of the measured runs: 512 tokens on one in four, else 16, of the same seed."""
    source = random.Random(7)
    for _ in range(count):
        output = 512 if source.random() < 0.25 else 16
        yield Page("tiny", 512, 512, 274, 309, output)


def knee(clients: int, seed: int) -> Outcome:
    """Closed loop of clients that leave after 10 s on the reference engine."""
    pages = PlainMix().pages(random.Random(seed))
    return closed_loop(VirtualEngine(PROFILES["f-model"], seed), pages, clients, deadline=10.0)


def founding(slots: int, seed: int) -> Outcome:
    """Two minutes with twice as many clients as slots."""
    profile = replace(PROFILES["founding-4090d"], max_num_seqs=slots)
    pages = SMALLER.pages(random.Random(seed))
    return closed_loop(VirtualEngine(profile, seed), pages, 2 * slots, 120.0, warmup=5.0)


def tiny(slots: int, clients: int, requests: int) -> Outcome:
    """One run of the table of the real tiny server."""
    engine = VirtualEngine(replace(PROFILES["tiny-cpu"], max_num_seqs=slots))
    return closed_loop(engine, tiny_pages(requests), clients, 600.0, warmup=0.0)


def main() -> None:
    print("f-model, seeds 1 to 3\n  at once  pages/s  expected  error  preemptions")
    for clients, expected in KNEE.items():
        runs = [knee(clients, seed) for seed in (1, 2, 3)]
        rate = sum(run.rate for run in runs) / 3
        counts = [run.preemptions for run in runs]
        print(f"  {clients:7} {rate:8.2f} {expected:9} {rate / expected - 1:+6.1%}  {counts}")

    print("\nfounding-4090d, seeds 0 to 99\n  slots  pages/s  expected  died  expected")
    for slots, (rate_wanted, deaths_wanted) in FOUNDING.items():
        runs = [founding(slots, seed) for seed in range(100)]
        alive = [run.rate for run in runs if run.seconds > 20]
        died = sum(run.died_at is not None for run in runs) / len(runs)
        rate = sum(alive) / len(alive)
        print(f"  {slots:5} {rate:8.1f} {rate_wanted:>9} {died:5.2f} {deaths_wanted:>9}")

    print("\ntiny-cpu\n  slots  clients  pages/s  measured  error  preemptions  measured")
    errors = []
    for slots, clients, requests, measured, preempted in TINY:
        run = tiny(slots, clients, requests)
        errors.append(run.rate / measured - 1)
        print(
            f"  {slots:5} {clients:8} {run.rate:8.2f} {measured:9} {errors[-1]:+6.0%} "
            f"{run.preemptions:12} {preempted:9}"
        )
    mean = sum(map(abs, errors)) / len(errors)
    print(f"  mean error {mean:.0%}, worst {max(map(abs, errors)):.0%}")

    started = time.process_time()
    closed_loop(VirtualEngine(PROFILES["f-model"]), PlainMix().pages(random.Random(1)), 48, 3600.0)
    spent = time.process_time() - started
    print(
        f"\nspeed\n  an hour at 48 slots, full: {spent:.2f} s of CPU, "
        f"{3600 / spent:.0f} x real time"
    )


if __name__ == "__main__":
    main()
