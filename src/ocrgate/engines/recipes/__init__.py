"""Recipes: how each model family is spoken to, what an image costs it, how its answers are read.

Pure data and pure functions; no I/O, no clock. ``recipe_for`` picks by the id of a served model,
``recipe_named`` by the name of the recipe.
"""

from ocrgate.domain.patches import PatchGrid
from ocrgate.engines.recipes.answer import Geometry, Parsed, Reader
from ocrgate.engines.recipes.catalogue import (
    Unsupported,
    UnsupportedModel,
    recipe_for,
    recipe_named,
    recipes,
)
from ocrgate.engines.recipes.cost import FlatCost, VisualCost
from ocrgate.engines.recipes.prompt import Instruction, Prompt, Wording
from ocrgate.engines.recipes.recipe import Recipe, Sampling, Serving, Variant, token_budget
from ocrgate.engines.recipes.sizing import CostSizing, sizing

__all__ = [
    "CostSizing",
    "FlatCost",
    "Geometry",
    "Instruction",
    "Parsed",
    "PatchGrid",
    "Prompt",
    "Reader",
    "Recipe",
    "Sampling",
    "Serving",
    "Unsupported",
    "UnsupportedModel",
    "Variant",
    "VisualCost",
    "Wording",
    "recipe_for",
    "recipe_named",
    "recipes",
    "sizing",
    "token_budget",
]
