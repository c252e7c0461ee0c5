"""What is served: a model with all that its start needs, from its recipe and the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ocrgate.domain.patches import PatchGrid
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.pinning import pinned
from ocrgate.engines.launch.versions import Version
from ocrgate.engines.recipes.catalogue import recipe_for, recipe_named, recipes
from ocrgate.engines.recipes.recipe import Recipe, token_budget
from ocrgate.errors import EngineUnavailable

SMALLEST = 1024 * 1024  # pixels of a page that can still be read: A4 at 100 dpi
_UNKNOWN = 4096 * 4096  # pixels, where a model cuts images in a way of its own
_STEP = 2048  # tokens that vLLM works on in one step, where nobody says otherwise


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model to start.

    Attributes:
        model: its name on the hub, or a folder.
        name: what requests call it.
        pixels: of the largest page that it is given.
        page_tokens: token budget that holds every page of at most so many pixels.
        revision: the commit to use; None where it is not pinned.
        context: longest request with its answer, tokens; None leaves it to vLLM.
        images: most images in one request.
        least_pixels: the smallest cap that still makes sense; ``pixels`` where there is no cap.
        free_pixels: size from which no cap needs to be named: the checkpoint has it. None where
            none can be named.
        min_pixels: smaller pages are enlarged to this; None leaves it to the checkpoint.
        gpu_memory: share of a GPU's memory.
        prefix_caching: whether pages share beginnings that are worth keeping.
        processor_cache: GiB for prepared images that come again.
        trust_remote_code: whether the model brings code that must be run.
        content_format: ``string`` or ``openai``; None leaves it to vLLM.
        logits_processors: import paths of what must be plugged into the sampler.
        args: further arguments.
        least: the oldest vLLM that can serve it.
        notice: what its licence asks to be said; None where nothing is.
    """

    model: str
    name: str
    pixels: int
    page_tokens: Callable[[int], int]
    revision: str | None = None
    context: int | None = None
    images: int = 1
    least_pixels: int = SMALLEST
    free_pixels: int | None = None
    min_pixels: int | None = None
    gpu_memory: float = 0.9
    prefix_caching: bool = False
    processor_cache: float = 0
    trust_remote_code: bool = False
    content_format: str | None = None
    logits_processors: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    least: Version | None = None
    notice: str | None = None


def recipe_of(params: VllmParams) -> Recipe:
    """The recipe that the settings name, or that the model asks for; without both the first.

    Raises:
        EngineUnavailable: there is no such recipe, or the model is known not to work.
    """
    try:
        if params.recipe is not None:
            return recipe_named(params.recipe)
        return recipes()[0] if params.model is None else recipe_for(params.model)
    except ValueError as error:
        raise EngineUnavailable(str(error)) from None


def served(recipe: Recipe, params: VllmParams) -> ServedModel:
    """What to start.

    Raises:
        EngineUnavailable: no model is named, or it takes no pages as small as
            ``params.max_pixels``.
    """
    model, serving = params.model or recipe.default_model, recipe.serving
    if not model:
        raise EngineUnavailable("no model is named: set engine.model (OCRGATE_ENGINE__MODEL)")
    is_own = model == recipe.default_model
    pixels, least_pixels, free = _sizes(recipe, params)
    return ServedModel(
        model=model,
        name=serving.served_name
        if serving.served_name and (is_own or _is_folder(model))
        else model,
        pixels=pixels,
        page_tokens=_budget(recipe),
        revision=params.revision
        or (recipe.revision if is_own else None)
        or pinned(model, params.state),
        context=serving.context,
        images=serving.images,
        least_pixels=least_pixels,
        free_pixels=free,
        min_pixels=serving.min_pixels,
        gpu_memory=serving.gpu_memory,
        prefix_caching=serving.prefix_caching,
        processor_cache=serving.processor_cache_gb,
        trust_remote_code=serving.trust_remote_code,
        content_format=serving.content_format,
        logits_processors=serving.logits_processors,
        args=serving.arguments,
        least=Version.parse(serving.min_vllm) if serving.min_vllm else None,
        notice=recipe.notice,
    )


def _sizes(recipe: Recipe, params: VllmParams) -> tuple[int, int, int | None]:
    """Largest page, smallest cap that makes sense, and the size that needs no cap."""
    cost = recipe.cost
    if not isinstance(cost, PatchGrid):
        return _UNKNOWN, _UNKNOWN, None
    square = max(params.max_side**2, cost.min_pixels)  # no page that is sent has more
    pixels = min(params.max_pixels or square, cost.max_pixels)
    if pixels < cost.min_pixels:
        raise EngineUnavailable(
            f"engine.max_pixels is {pixels}; {recipe.title} takes {cost.min_pixels} or more"
        )
    capped = recipe.serving.max_pixels is not None
    free = cost.max_pixels + 1 if capped else cost.max_pixels
    return pixels, min(pixels, max(SMALLEST, cost.min_pixels)), free


def _budget(recipe: Recipe) -> Callable[[int], int]:
    least = recipe.serving.batched_tokens or _STEP

    def page_tokens(pixels: int) -> int:
        if isinstance(recipe.cost, PatchGrid) and pixels < recipe.cost.max_pixels:
            return max(_STEP, token_budget(recipe.capped(pixels).cost))
        return max(_STEP, least, token_budget(recipe.cost))

    return page_tokens


def _is_folder(model: str) -> bool:
    return model.startswith(("/", "./", "../", "~")) or Path(model).is_dir()
