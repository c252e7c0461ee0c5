"""Trials survive an interruption, and are not mixed with those of another search."""

import json
from pathlib import Path

import pytest

from ocrgate.errors import Conflict, UnreadableDocument
from ocrgate.load.tune.state import StateFile, observation
from ocrgate.load.tune.trial import Observation, Purpose, Stop, Trial

HISTORY = (
    Observation(Trial((4, 0.9), Purpose.CLIMB), 3.5, 0.1, 120.0, 420, 0, 0.01, 0.0),
    Observation(Trial((8, 0.9), Purpose.SOAK, 2, 5.0), 0.0, failed=3, stop=Stop.DIED),
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "tune.json", {"target": "a"}, observation)
    assert file.load() == ()
    file.save(HISTORY)
    assert StateFile(tmp_path / "tune.json", {"target": "a"}, observation).load() == HISTORY
    assert [path.name for path in tmp_path.iterdir()] == ["tune.json"]


def test_another_search_is_told_apart(tmp_path: Path) -> None:
    StateFile(tmp_path / "tune.json", {"target": "a"}, observation).save(HISTORY)
    with pytest.raises(Conflict, match="--fresh"):
        StateFile(tmp_path / "tune.json", {"target": "b"}, observation).load()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"trials": [{}], "of": "x"}', "null"])
def test_a_damaged_file_is_said_to_be_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "tune.json").write_text(text)
    with pytest.raises(UnreadableDocument, match="--fresh"):
        StateFile(tmp_path / "tune.json", {}, observation).load()


def test_a_format_of_tomorrow_is_not_guessed_at(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "tune.json", {}, observation)
    file.save(HISTORY)
    data = json.loads((tmp_path / "tune.json").read_text())
    (tmp_path / "tune.json").write_text(json.dumps(data | {"format": 2}))
    with pytest.raises(Conflict):
        file.load()


def test_nothing_is_kept_without_a_path(tmp_path: Path) -> None:
    file = StateFile(None, {}, observation)
    file.save(HISTORY)
    file.forget()
    assert file.load() == ()


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        StateFile(tmp_path / "none" / "tune.json", {}, observation).save(HISTORY)
