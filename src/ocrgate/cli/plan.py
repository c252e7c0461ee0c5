"""``ocrgate plan``: what a GPU will do, before there is one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ocrgate.cli.options import JsonOption
from ocrgate.cli.planning import options
from ocrgate.cli.report import CommandFailed, say, show

if TYPE_CHECKING:
    from ocrgate.load.plan.calibrate import Calibration
    from ocrgate.load.plan.wish import Model, Wish
    from ocrgate.load.tune.virtual import Pages

_GIB = 1024**3


def plan(
    *,
    gpu: options.Gpu = None,
    model: options.Model = "hunyuanocr",
    pages: options.Pages = "mix",
    slo: options.Slo = "e2e.p90=10s",
    side: options.Side = 1024,
    gpus: options.Gpus = 1,
    gpu_memory: options.GpuMemory = 0.9,
    neighbour: options.Neighbour = 0.0,
    peak: options.Peak = 1.4,
    max_tokens: options.MaxTokens = 2048,
    calibrate: options.Calibrate = None,
    calibrated_on: options.CalibratedOn = None,
    list_gpus: options.ListGpus = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a GPU will carry: pages at once, pages a second, pages a day, and what more gives.

    Nothing is measured and no GPU is needed. The figures come from the data sheet and a model of
    the engine; how far off they may be stands beside them.
    """
    from ocrgate.cli.planning import told
    from ocrgate.load.plan import wish as wishes
    from ocrgate.load.plan.outlook import outlook

    if list_gpus:
        _list()
        return
    if gpu is None:
        raise CommandFailed("which GPU? --gpu L4", hint="--list shows those that are known")
    deadline, late = _slo(slo)
    wish = wishes.Wish(
        wishes.gpu(gpu),
        _model(model, max_tokens),
        _pages(pages),
        side,
        deadline,
        late,
        gpus=gpus,
        neighbour=neighbour * _GIB,
        peak=peak,
        assumed=replace(wishes.ASSUMED, utilization=gpu_memory),
    )
    fit = _calibration(calibrate, calibrated_on, wish) if calibrate else None
    if fit is not None:
        wish = fit.applied(wish)
        wish = replace(wish, pages=fit.pages) if fit.pages and pages == "mix" else wish
    found = outlook(wish, fit.known if fit else None, say)
    if as_json:
        show(json.dumps(told.as_json(wish, found, fit), indent=2))
    else:
        told.show_plan(wish, found, fit)


def _list() -> None:
    from ocrgate.simulate.gpus import SHEETS

    show(f"{'NAME':<18}{'MEMORY':>8}{'BANDWIDTH':>12}{'DENSE BF16':>13}")
    for sheet in sorted(SHEETS.values(), key=lambda sheet: sheet.bandwidth):
        show(
            f"{sheet.name:<18}{sheet.memory / 1e9:>5.0f} GB{sheet.bandwidth / 1e9:>7.0f} GB/s"
            f"{sheet.dense_rate / 1e12:>6.0f} TFLOP/s"
        )


def _pages(text: str) -> "Pages":
    """Those of a run, where a record is named; else of a sort or a size."""
    from ocrgate.load.plan.calibrate import counted
    from ocrgate.load.plan.pages import named
    from ocrgate.load.record import PARTIAL, read

    path = Path(text)
    return counted(read(path)) if path.suffix in {".json", PARTIAL} else named(text)


def _slo(text: str) -> tuple[float, float]:
    """Seconds of a page, and the share of the pages that may take longer."""
    from ocrgate.load.slo import parse

    wanted = parse(text)
    name = next((name for name in wanted.limits if name.partition(".")[0] == "e2e"), None)
    if name is None or len(wanted.limits) > 1:
        raise CommandFailed(f"--slo {text!r}: a plan knows e2e only, as in e2e.p90=10s")
    share = name.partition(".p")[2]
    return wanted.limits[name], 1 - float(share) / 100 if share else 0.01


def _model(name: str, cap: int) -> "Model":
    from ocrgate.engines.recipes.catalogue import recipes
    from ocrgate.load.plan.wish import SHAPES, Model, shape

    asked = name.strip().lower()
    found = next((each for each in recipes() if asked in {each.name, _base(each.name)}), None)
    weights = shape(_base(found.name)) if found else None
    if found is None or weights is None:
        known = ", ".join(SHAPES)
        raise CommandFailed(f"--model {name}: its shape is not known here; there are {known}")
    batched = found.serving.batched_tokens or 0
    return Model(found.title, weights, found.cost.tokens, batched, cap)


def _base(name: str) -> str:
    """The name of a recipe without the model's version: the newest one is meant."""
    base, _, version = name.rpartition("-")
    return base if version.replace(".", "").isdigit() else name


def _calibration(path: Path, gpu: str | None, wish: "Wish") -> "Calibration":
    from ocrgate.load.plan.calibrate import calibrated
    from ocrgate.load.plan.wish import gpu as named
    from ocrgate.load.record import read

    of = replace(wish, gpu=named(gpu)) if gpu else wish
    return calibrated(read(path), of, elsewhere=of.gpu != wish.gpu)
