"""Several engines look like one."""

from dataclasses import replace

from ocrgate.domain.recognition import Task
from ocrgate.ports import EngineDescription
from ocrgate.runtime.replicas import Replicas
from ocrgate.testing import ScriptedEngine


class Changing(ScriptedEngine):
    """An engine whose description may change, as that of a server that was started anew."""

    said: EngineDescription | None = None

    @property
    def description(self) -> EngineDescription:
        """The changed one, if it has changed."""
        return self.said or super().description


def test_together_they_can_what_each_can_and_have_the_places_of_all() -> None:
    able, less = ScriptedEngine(slots=2), Changing(slots=3, boxes=False)
    less.said = replace(less.description, tasks=frozenset({Task.TEXT}))
    together = Replicas([able, less]).description
    assert (together.slots, together.tasks, together.boxes) == (
        5,
        frozenset({Task.TEXT}),
        False,
    )


def test_a_change_of_one_shows_at_once() -> None:
    engine = Changing(slots=4)
    replicas = Replicas([engine, ScriptedEngine(slots=1)])
    assert replicas.description.slots == 5
    engine.said = replace(engine.description, slots=2)
    assert (replicas.description.slots, replicas.slots) == (3, 3)
