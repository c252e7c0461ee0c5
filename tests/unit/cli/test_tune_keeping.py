"""What becomes of the trials of a search when its result is written, or is not."""

from pathlib import Path

import pytest

from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed
from ocrgate.cli.tuning.keeping import keeping, kept, written
from ocrgate.errors import EngineUnavailable
from ocrgate.load.tune.state import StateFile, observation
from ocrgate.load.tune.trial import Observation, Purpose, Trial

ONE = Observation(Trial((4.0,), Purpose.CLIMB), 1.0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where one trial is kept."""
    StateFile(tmp_path / "kept.json", {}, observation).save([ONE])
    return tmp_path / "kept.json"


def test_trials_are_removed_when_all_was_written(place: Path) -> None:
    with written(place):
        pass
    assert not place.exists()


def test_trials_stay_where_the_result_could_not_be_written(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An hour of trials is not to be made again for a full disk."""
    with pytest.raises(OSError, match="full"), written(place):
        raise OSError("full")
    assert place.exists()
    assert "the same command writes it" in capsys.readouterr().err


def test_that_nothing_can_be_recommended_is_a_result(place: Path) -> None:
    with pytest.raises(CommandFailed), written(place):
        raise CommandFailed("no setting kept what --slo promises", Exit.MISSED)
    assert not place.exists()


def test_in_virtual_time_there_is_nothing_to_remove() -> None:
    with written(None):
        pass


def test_after_an_error_it_is_told_what_is_kept(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = StateFile(place, {}, observation)
    with pytest.raises(EngineUnavailable), keeping(state, place):
        raise EngineUnavailable("gone")
    assert "Trials kept in" in capsys.readouterr().err
    assert kept(state, place, fresh=False) == (ONE,)
    assert "Going on after 1 trials" in capsys.readouterr().err
    assert kept(state, place, fresh=True) == ()
    assert not place.exists()
