"""What a file of one's own may cost, when it is read on one's own machine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ocrgate.settings import Loaded, Settings

OWN: Final[Mapping[str, int]] = {"max_bytes": 4 * 2**30, "max_pages": 100_000}
"""Bounds instead of the server's, which are there for strangers.

Documents are read page by page, so neither takes memory. What one page may cost stays bounded:
its pixels, and the time and memory of the process that decodes it.
"""


def for_own_files(loaded: Loaded) -> Settings:
    """The settings with ``OWN`` bounds wherever the user has set none."""
    unset = {name: most for name, most in OWN.items() if f"image.{name}" not in loaded.origins}
    return replace(loaded.settings, image=replace(loaded.settings.image, **unset))
