"""What a caller wants of each page, checked against what the engine can do."""

from collections.abc import Iterator

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.errors import InvalidRequest
from ocrgate.ports import EngineDescription


def require(asked: PageRequest, engine: EngineDescription) -> None:
    """Refuse what the engine does not do, before anything else is done.

    Raises:
        InvalidRequest: names the option.
    """
    for problem in _problems(asked, engine):
        raise problem


def _problems(asked: PageRequest, engine: EngineDescription) -> Iterator[InvalidRequest]:
    if asked.task not in engine.tasks:
        known = ", ".join(sorted(engine.tasks))
        yield InvalidRequest(f"this engine knows {known}", field="task")
    if asked.prompt is not None and not engine.prompts:
        yield InvalidRequest("prompts of one's own are not allowed here", field="prompt")
    if asked.target is not None and asked.task is not Task.TRANSLATE:
        yield InvalidRequest("it goes with the task translate only", field="target")
    yield from _fields(asked)


def _fields(asked: PageRequest) -> Iterator[InvalidRequest]:
    named, described = bool(asked.keys), asked.schema is not None
    if asked.task is Task.FIELDS and named == described:
        yield InvalidRequest("name the fields in keys, or give a JSON schema instead", field="keys")
    if asked.task is not Task.FIELDS and (named or described):
        field = "keys" if named else "schema"
        yield InvalidRequest("it goes with the task fields only", field=field)
