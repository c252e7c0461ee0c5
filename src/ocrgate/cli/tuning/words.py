"""What a model is asked with, where nothing else is said."""

from dataclasses import replace

from ocrgate.domain.recognition import PageRequest
from ocrgate.engines.recipes import recipe_for
from ocrgate.engines.recipes.catalogue import UnsupportedModel
from ocrgate.load.targets import PROMPT, Api, Endpoint


def worded(endpoint: Endpoint) -> Endpoint:
    """The same with the words that its model is used to, where it has none."""
    asking = endpoint.asking
    if endpoint.api is not Api.OPENAI or asking.prompt:
        return endpoint
    return replace(endpoint, asking=replace(asking, prompt=_words(endpoint)))


def _words(endpoint: Endpoint) -> str:
    if endpoint.kind == "ocrgate":
        return PROMPT
    try:
        return recipe_for(endpoint.asking.model).instruction(PageRequest()).text or PROMPT
    except UnsupportedModel:
        return PROMPT
