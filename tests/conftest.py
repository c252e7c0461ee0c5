"""Fixtures for every suite."""

import os
from pathlib import Path

import pytest

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
