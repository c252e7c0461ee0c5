"""A search on an engine: settings are applied when they change, and taken back whatever happens."""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.unit.load.tune.curves import LINE, seen, slots

from ocrgate.errors import EngineUnavailable, Unauthenticated
from ocrgate.load.tune.session import Search
from ocrgate.load.tune.state import StateFile, observation
from ocrgate.load.tune.trial import Observation, Rules, Stop, Trial


@dataclass
class Engine:
    """Something that can be set and measured: it carries ``most`` and dies of more than that."""

    most: int = 64
    knee: int = 24
    starts: list[float] = field(default_factory=list)
    restored: int = 0
    measured: int = 0
    raises: BaseException | None = None
    at: int = 0

    async def apply(self, setting: Mapping[str, float]) -> str:
        if setting["slots"] > 2 * self.most:
            raise EngineUnavailable("no memory")
        self.starts.append(setting["slots"])
        return "http://engine"

    async def restore(self) -> None:
        await asyncio.sleep(0)
        self.restored += 1

    async def __call__(self, trial: Trial, url: str) -> Observation:
        assert url == "http://engine"
        await asyncio.sleep(0)
        self.measured += 1
        if self.raises is not None and self.measured > self.at:
            raise self.raises
        most = trial.setting[0]
        return seen(trial, Stop.DIED if most > self.most else float(min(most, self.knee)))


def search(engine: Engine, path: Path | None = None) -> Search:
    state = StateFile(path, {}, observation)
    return Search(LINE, Rules(), engine, engine, state, lambda *_: None, lambda _: None)


class FullDisk(StateFile[Observation]):
    """Has room for a file without trials."""

    def save(self, trials: Sequence[Observation]) -> None:
        if trials:
            raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_is_told_once_and_does_not_end_the_search() -> None:
    engine = Engine()
    told: list[OSError] = []
    made = replace(search(engine), state=FullDisk(None, {}, observation), lost=told.append)
    choice, _ = await made.run()
    assert slots(choice) == 24
    assert len(told) == 1
    assert told[0].errno == errno.ENOSPC


async def test_a_place_that_cannot_be_written_is_found_before_the_first_trial(
    tmp_path: Path,
) -> None:
    engine = Engine()
    with pytest.raises(OSError, match="No such file"):
        await search(engine, tmp_path / "nowhere" / "state.json").run()
    assert engine.measured == 0


async def test_it_ends_with_a_recommendation_and_leaves_the_engine_as_it_was() -> None:
    engine = Engine()
    choice, history = await search(engine).run()
    assert slots(choice) == 24
    assert len(history) == engine.measured <= 12
    assert engine.restored == 1


async def test_a_setting_that_is_there_is_not_applied_again() -> None:
    engine = Engine()
    await search(engine).run()
    assert all(a != b for a, b in zip(engine.starts, engine.starts[1:], strict=False))


async def test_an_engine_that_died_is_started_again() -> None:
    engine = Engine(most=16, knee=1000)
    choice, _ = await search(engine).run()
    assert slots(choice) == 16
    assert engine.starts.count(32) == 1
    assert engine.starts[engine.starts.index(32) + 1] < 32


async def test_a_setting_that_does_not_start_is_a_result_whose_reason_is_told() -> None:
    engine = Engine(most=1, knee=1000)
    told: list[str] = []
    made = replace(search(engine), unstarted=lambda error: told.append(str(error)))
    choice, history = await made.run()
    assert choice.setting is None
    assert {one.stop for one in history} == {Stop.UNSTARTED}
    assert set(told) == {"no memory"}


async def test_a_setting_that_dies_is_a_result() -> None:
    engine = Engine(most=4, knee=1000)
    choice, history = await search(engine).run()
    assert choice.setting is not None
    assert {one.stop for one in history} >= {Stop.DIED}


@pytest.mark.parametrize("error", [Unauthenticated("a key"), KeyboardInterrupt(), RuntimeError()])
async def test_whatever_ends_it_the_engine_is_left_as_it_was(error: BaseException) -> None:
    engine = Engine(raises=error, at=3)
    with pytest.raises(type(error)):
        await search(engine).run()
    assert engine.restored == 1


async def test_a_cancelled_search_restores_first_also_when_it_is_cancelled_twice() -> None:
    engine = Engine()

    class Slow(Engine):
        async def restore(self) -> None:
            await asyncio.sleep(0.05)
            self.restored += 1

        async def __call__(self, trial: Trial, url: str) -> Observation:
            await asyncio.sleep(60)
            raise AssertionError(trial)

    engine = Slow()
    task = asyncio.create_task(search(engine).run())
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.restored == 1


async def test_an_interrupted_search_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = Engine()
    expected, _ = await search(whole).run()
    broken = Engine(raises=Unauthenticated(""), at=4)
    with pytest.raises(Unauthenticated):
        await search(broken, tmp_path / "state").run()
    rest = Engine()
    choice, history = await search(rest, tmp_path / "state").run()
    assert choice == expected
    assert rest.measured == whole.measured - 4
    assert len(history) == whole.measured
