"""Fixtures for every suite."""

import os
import signal
from pathlib import Path

import pytest

# A suite in the background of a shell is started with Ctrl-C ignored, and so would be whatever the
# tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with ``corpus/dev``: OCRGATE_TEST_SHARED, or ``shared`` beside the checkout."""
    folder = Path(os.environ.get("OCRGATE_TEST_SHARED", ROOT.parent / "shared"))
    if not (folder / "corpus" / "dev" / "manifest.jsonl").is_file():
        pytest.skip(f"no test corpus at {folder} (set OCRGATE_TEST_SHARED)")
    return folder


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Path:
    """The folder of real images and PDFs with ground truth."""
    return shared / "corpus" / "dev"
