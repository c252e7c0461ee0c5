"""The engine over HTTP as the tests use it, and what a page is known to cost and to say."""

import random
from dataclasses import replace

from tests.vllm import model, script
from tests.vllm.pages import picture

from ocrgate.domain.document import Encoding, PageImage
from ocrgate.engines.openai.engine import OpenAIEngine
from ocrgate.engines.openai.params import OpenAIParams, ServerKind
from ocrgate.engines.recipes import Sampling, recipe_named
from ocrgate.engines.recipes.families.hunyuan import MARKERS
from ocrgate.runtime.clock import LoopClock

RECIPE = recipe_named("hunyuanocr-1.0")


def page(width: int = 512, height: int = 512) -> PageImage:
    """A page as the engine is given it."""
    return PageImage(
        data=picture(width, height),
        encoding=Encoding.PNG,
        width=width,
        height=height,
        channels=1,
        source_width=width,
        source_height=height,
    )


def made(url: str, **fields: object) -> OpenAIEngine:
    """An engine that is not started."""
    params = OpenAIParams(recipe=RECIPE.name, connect=2, **fields)  # type: ignore[arg-type]
    return OpenAIEngine(params, url, LoopClock())


def drawing(url: str, server: ServerKind = "vllm", **fields: object) -> OpenAIEngine:
    """An engine that asks at once as HunyuanOCR 1.5 is asked after a loop: tokens are drawn, and of
    all there are. ``fields`` are further ones of the request.
    """
    newest = recipe_named("hunyuanocr-1.5").draws
    body = {**newest.body, **newest.again[0], **fields}
    recipe = replace(RECIPE, draws=Sampling(newest.max_tokens, body, newest.again))
    params = OpenAIParams(server=server, connect=2)
    return OpenAIEngine(params, url, LoopClock(), recipe=recipe)


def cost(engine: OpenAIEngine, width: int, height: int) -> int:
    """Tokens of the prompt for a page, as it is computed before anything is sent."""
    return engine.prompt_tokens + MARKERS + RECIPE.cost.tokens(width, height)


def sizes(engine: OpenAIEngine, *, long: bool, most: int = 1024) -> list[tuple[int, int]]:
    """Sizes of pages whose scripted text is long, or is not."""
    rng = random.Random(7)
    tried = [(rng.randint(200, most), rng.randint(200, most)) for _ in range(400)]
    return [size for size in tried if script.is_long(cost(engine, *size)) == long]


def text_of(tokens: int) -> list[str]:
    """The words of the scripted text of a page whose prompt has so many tokens."""
    return model.text(script.words(tokens)).split()
