"""Settings are written into a file that people have written in."""

from pathlib import Path

import pytest

from ocrgate.errors import UnreadableDocument
from ocrgate.load.tune.settings_file import write, written
from ocrgate.settings import SettingsError

OURS = """# our scanner
[engine]
kind = "vllm"  # the big one
max_sequences = 8   # by hand

[server]
port = 7861
"""


def test_all_else_stays_as_it_was() -> None:
    text = written(OURS, {"engine.max_sequences": 32})
    assert text == OURS.replace("= 8 ", "= 32 ")


def test_new_sections_are_made() -> None:
    text = written(OURS, {"gate.limit.kind": "fixed", "gate.limit.limit": 24})
    assert text.startswith(OURS)
    assert '[gate.limit]\nkind = "fixed"\nlimit = 24' in text


def test_a_list_is_written_as_one() -> None:
    assert 'args = ["--a", "1"]' in written("", {"engine.args": ("--a", "1")})


def test_what_is_written_can_be_read_as_settings(tmp_path: Path) -> None:
    path = tmp_path / "ocrgate.toml"
    path.write_text(OURS)
    write(path, {"engine.max_sequences": 32, "gate.limit.kind": "fixed", "gate.limit.limit": 24})
    assert "limit = 24" in path.read_text()
    assert (tmp_path / "ocrgate.toml.bak").read_text() == OURS


def test_settings_that_do_not_go_together_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ocrgate.toml"
    path.write_text('[engine]\nkind = "cpu"\n')
    with pytest.raises(SettingsError, match="max_sequences"):
        write(path, {"engine.max_sequences": 32})
    assert path.read_text() == '[engine]\nkind = "cpu"\n'
    assert [one.name for one in tmp_path.iterdir()] == ["ocrgate.toml"]


@pytest.mark.parametrize("text", ["[", "engine = 3", "a = [1"])
def test_a_file_that_is_no_settings_file_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UnreadableDocument):
        written(text, {"engine.max_sequences": 32})
