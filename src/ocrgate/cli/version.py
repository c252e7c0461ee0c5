"""``ocrgate version``."""

import json
import platform
from typing import Annotated

import typer

from ocrgate import __version__
from ocrgate.cli.report import show


def version(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the version."""
    if as_json:
        facts = {"ocrgate": __version__, "python": platform.python_version()}
        show(json.dumps(facts))
    else:
        show(f"ocrgate {__version__}")
