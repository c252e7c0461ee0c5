"""What is kept across restarts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.guard import Death, GuardState, Load
from ocrgate.engines.launch.memory import Memory, MemoryFile, _memory
from ocrgate.engines.launch.notice import notice_due, notice_shown
from ocrgate.engines.launch.params import VllmParams
from ocrgate.engines.launch.served import recipe_of, served

STATE = GuardState(Load(8, 10**6), 12.5, Load(7, 10**6), (Death(1e9, Load(16, 10**6)),))


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """The folder is made; nothing else is left in it."""
    file = MemoryFile(tmp_path / "deep" / "state", ("model", "gpu 0"))
    assert file.load() == Memory()
    assert file.save(Memory(STATE, 24_000))
    assert file.load() == Memory(STATE, 24_000)
    assert len(list((tmp_path / "deep" / "state").iterdir())) == 1


def test_lessons_of_another_gpu_are_not_ours(tmp_path: Path) -> None:
    MemoryFile(tmp_path, ("model", "gpu 0")).save(Memory(STATE))
    assert MemoryFile(tmp_path, ("model", "gpu 1")).load() == Memory()


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    """It is told, by False."""
    (tmp_path / "file").write_text("")
    assert MemoryFile(tmp_path / "file", ()).save(Memory()) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"format": 2, "guard": null, "context": null}',
        '{"format": 1, "guard": {"load": {"sequences": 0, "pixels": 1}}, "context": null}',
        '{"format": 1, "guard": null, "context": -3}',
        "[" * 50_000,
    ],
)
def test_a_damaged_file_is_forgotten(tmp_path: Path, text: str) -> None:
    file = MemoryFile(tmp_path, ())
    file.save(Memory(STATE))
    next(tmp_path.iterdir()).write_text(text)
    assert file.load() == Memory()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["load", "healthy", "proven", "deaths", "at", "sequences", "pixels"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(values, values)
def test_whatever_the_file_holds_it_is_a_memory_or_none(guard: object, context: object) -> None:
    """Errors of these kinds only, all of which mean: nothing is known."""
    try:
        found = _memory(json.loads(json.dumps({"format": 1, "guard": guard, "context": context})))
    except (ValueError, TypeError, KeyError):
        return
    assert found.context is None or found.context >= 1


def test_a_notice_is_due_once(tmp_path: Path) -> None:
    """The licence of the default model excludes regions; who starts it must have seen that."""
    params = VllmParams()
    model = served(recipe_of(params), params)
    due = notice_due(model, tmp_path / "state")
    assert due is not None
    for region in ("European Union", "United Kingdom", "South Korea"):
        assert region in due
    assert notice_due(model, tmp_path / "state") == due, "asking is not showing"
    notice_shown(model, tmp_path / "state")
    assert notice_due(model, tmp_path / "state") is None


def test_a_notice_is_shown_again_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    params = VllmParams()
    model = served(recipe_of(params), params)
    notice_shown(model, tmp_path / "file")
    assert notice_due(model, tmp_path / "file") is not None
