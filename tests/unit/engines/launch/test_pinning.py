"""The weights that were served once are served again."""

from pathlib import Path

import pytest

from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.pinning import FILE, cached, pin, pinned
from ocrgate.engines.launch.served import recipe_of, served

MODEL = "tencent/HunyuanOCR"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = COMMIT[::-1]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine whose hub's cache holds the model."""
    refs = tmp_path / "hf" / "hub" / "models--tencent--HunyuanOCR" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(f"{COMMIT}\n")
    return {"HF_HOME": str(tmp_path / "hf")}


def test_the_first_commit_is_remembered_and_later_ones_are_not(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    state = tmp_path / "state"
    assert pin(MODEL, state, environ) == COMMIT
    (tmp_path / "hf/hub/models--tencent--HunyuanOCR/refs/main").write_text(OTHER)
    assert pin(MODEL, state, environ) is None
    assert pinned(MODEL, state) == COMMIT


def test_a_start_asks_for_what_was_served_before(tmp_path: Path, environ: dict[str, str]) -> None:
    params = VllmParams(state=tmp_path)
    assert served(recipe_of(params), params).revision is None
    pin(MODEL, tmp_path, environ)
    assert served(recipe_of(params), params).revision == COMMIT
    named = VllmParams(state=tmp_path, revision="main")
    assert served(recipe_of(named), named).revision == "main"


def test_the_cache_may_lie_elsewhere(tmp_path: Path, environ: dict[str, str]) -> None:
    assert cached(MODEL, {"HF_HUB_CACHE": str(tmp_path / "hf" / "hub")}) == COMMIT
    assert cached(MODEL, {"HF_HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("model", ["/models/own", "some/other", "..", "a\0b"])
def test_what_is_not_in_the_cache_is_not_pinned(
    model: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    assert pin(model, tmp_path / "state", environ) is None
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tencent/HunyuanOCR": "main; rm"}', "\xff"])
def test_a_broken_memory_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert pinned(MODEL, tmp_path) is None


def test_a_folder_that_cannot_be_written_is_no_failure(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "state").write_text("a file where the folder would be")
    assert pin(MODEL, tmp_path / "state", environ) is None
