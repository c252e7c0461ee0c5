"""What is asked of a plan, and what is known of the model."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ocrgate.errors import InvalidRequest
from ocrgate.load.plan.pages import Prepared, Tokens, weighed
from ocrgate.load.tune.virtual import Pages
from ocrgate.simulate.gpus import SHEETS, Assumed, Gpu, Serving, Weights, derived
from ocrgate.simulate.profile import GIB, Profile

SHAPES: Mapping[str, Weights] = {
    "hunyuanocr": Weights(),
    "dots.ocr": Weights(1.54e9, 1.26e9, 28 * 2 * 128 * 2 * 2, 42, 1536),
    "olmocr": Weights(7.07e9, 0.675e9, 28 * 4 * 128 * 2 * 2, 32, 1280),
}
"""Parameters, KV and encoder of the models whose shape is known, by the name of their recipe
without its version."""

_LARGE = 70e9  # bytes of memory from which vLLM takes more at once by itself
_SHEET_GIB = GIB / 1e9  # a data sheet's GB are GiB
_PAGE = 16 * 1024**2  # bytes of a running page that vLLM's profiling did not see; fitted, once


ASSUMED = Assumed(kv_bandwidth=0.9, prompt_rate=0.3)
"""What plans begin with. Both shares were measured with layers of HunyuanOCR's shape on one H100
(``benchmarks/load/gpu_shares.py``); the context follows from the pages (:attr:`Wish.prepared`)."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as far as a plan needs it. The command line makes it from a recipe.

    Attributes:
        name: how it is shown.
        weights: its shape.
        tokens: what it makes of a picture.
        batched_tokens: tokens of a step that hold the largest picture; 0 for the engine's default.
        cap: tokens of text at most.
    """

    name: str
    weights: Weights
    tokens: Tokens
    batched_tokens: int = 0
    cap: int = 2048


@dataclass(frozen=True, slots=True)
class Wish:
    """What is planned.

    Attributes:
        gpu: of which kind.
        model: that reads.
        pages: as they come.
        side: longest side in pixels that the gate leaves.
        deadline: seconds from a page's sending within which it counts.
        late: share of the pages that may take longer.
        gpus: how many, each with an engine of its own.
        neighbour: bytes that other programs take of each GPU.
        peak: how many times the mean of a day its busiest time is.
        assumed: what no data sheet says.
    """

    gpu: Gpu
    model: Model
    pages: Pages
    side: int = 1024
    deadline: float = 10.0
    late: float = 0.1
    gpus: int = 1
    neighbour: float = 0.0
    peak: float = 1.4
    assumed: Assumed = ASSUMED

    @property
    def prepared(self) -> Prepared:
        """The pages as the engine gets them."""
        return Prepared(self.pages, self.model.tokens, self.side)

    def profile(self, slots: int = 256) -> Profile:
        """The engine with so many slots."""
        large = self.gpu.memory >= _LARGE and not self.gpu.name.startswith("a100")
        batched = max(8192 if large else 2048, self.model.batched_tokens)
        serving = Serving(slots, batched)
        read = replace(self.assumed, context=_context(self.prepared, self.model.cap))
        made = derived(self.gpu, serving, self.model.weights, read)
        return replace(made, largest_image=max(made.largest_image, self.model.batched_tokens))

    @property
    def fitting(self) -> int:
        """Pages at once that the memory outside vLLM's share has room for.

        Each takes some that was not profiled at the start, and neighbours take theirs.
        """
        outside = (1 - self.assumed.utilization) * self.gpu.memory * _SHEET_GIB
        return int(max(0.0, outside - self.neighbour) / _PAGE)


@lru_cache(maxsize=256)
def _context(pages: Prepared, cap: int) -> float:
    """Tokens of KV that a sequence of such pages reads in a step, on average."""
    return weighed(pages, cap, count=500).context


def gpu(name: str) -> Gpu:
    """The GPU of a name as people write it: ``L4``, ``RTX 4090``, ``A100-40``, ``h100-80gb``.

    Raises:
        InvalidRequest: none is called so; the message names those that are like it, or all.
    """
    wanted = _plain(name)
    found = [sheet for key, sheet in SHEETS.items() if wanted in _names(key)]
    if len(found) == 1:
        return found[0]
    known = {_plain(key.rpartition("-")[0]): key for key in SHEETS}
    close = [known[near] for near in difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)]
    several = [sheet.name for sheet in found]
    raise InvalidRequest(
        f"--gpu {name!r}: {_hint(several, close)}; there are {', '.join(SHEETS)}", field="--gpu"
    )


def _hint(several: list[str], close: list[str]) -> str:
    if several:
        return f"that may be {' or '.join(several)}"
    return f"did you mean {' or '.join(close)}?" if close else "its data sheet is not known"


def _names(key: str) -> frozenset[str]:
    """``a100-40gb`` is also ``a10040`` and ``a100``."""
    name, _, memory = key.rpartition("-")
    plain = _plain(name)
    return frozenset({plain, _plain(key), plain + memory.removesuffix("gb")})


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]|nvidia|geforce|tesla", "", name.lower())


def shape(recipe: str) -> Weights | None:
    """The shape of a recipe's model, its version left off; None where it is not known."""
    return SHAPES.get(recipe)
