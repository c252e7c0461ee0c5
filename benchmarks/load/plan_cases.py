"""What was measured on real GPUs, by others and here, against what is planned for them.

``python -m benchmarks.load.plan_cases``

Nothing of the plan was fitted to any of these. Each is planned for with as much as is known of it:
of the pages of two only the sort, of those of the third every token. The numbers at once are those
that were measured, not those that a plan would choose.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ocrgate.engines.recipes.catalogue import recipe_for
from ocrgate.load.plan.calibrate import counted
from ocrgate.load.plan.outlook import expected
from ocrgate.load.plan.pages import named
from ocrgate.load.plan.uncertain import Known
from ocrgate.load.plan.wish import ASSUMED, Model, Wish, gpu, shape
from ocrgate.load.record import read
from ocrgate.load.tune.virtual import Pages

RECORD = Path(__file__).parents[1] / "engines" / "records" / "h100_vllm.json"
GIB = 1024**3


@dataclass(frozen=True)
class Case:
    """A measurement: what of, pages at once, pages a second, and how it is planned for."""

    name: str
    at_once: int
    measured: float
    wish: Wish


def model(cap: int) -> Model:
    """HunyuanOCR, its texts cut at so many tokens."""
    recipe, weights = recipe_for("tencent/HunyuanOCR"), shape("hunyuanocr")
    assert weights is not None
    batched = recipe.serving.batched_tokens or 0
    return Model(recipe.title, weights, recipe.cost.tokens, batched, cap)


def h100(pages: Pages) -> Wish:
    """A model of that shape, its vLLM without compiler (``benchmarks.engines.gpu_managed``)."""
    assumed = replace(ASSUMED, utilization=0.85)
    return Wish(gpu("h100-80gb"), model(700), pages, assumed=assumed)


def cases() -> Iterator[Case]:
    """All there are."""
    founding = Wish(gpu("RTX4090D"), model(2048), named("up-to-1024"), neighbour=2.05 * GIB)
    yield Case("the founding case, RTX 4090D", 16, 22.0, founding)
    others = Wish(gpu("A100-80"), model(8192), named("dense"), 4096, 1000.0)
    yield Case("HunyuanOCR 1.5 on an A800", 512, 0.94, others)
    told = counted(read(RECORD))
    for at_once, rate in ((8, 4.6), (32, 9.1), (128, 14.0)):
        yield Case("H100, its very pages", at_once, rate, h100(told))
    for at_once, rate in ((8, 4.6), (32, 9.1), (128, 14.0)):
        yield Case("H100, pages only named (dense)", at_once, rate, h100(named("dense")))


def main() -> None:
    """Run it."""
    print("| who | at once | measured | planned | off by | in the interval |")
    print("|---|--:|--:|--:|--:|---|")
    for case in cases():
        found = expected(case.wish, Known(), case.at_once)
        inside = "yes" if found.low <= case.measured <= found.high else "NO"
        print(
            f"| {case.name} | {case.at_once} | {case.measured:g} "
            f"| {found.middle:.2f} ({found.low:.2f} to {found.high:.2f}) "
            f"| {found.middle / case.measured:.2f} | {inside} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
