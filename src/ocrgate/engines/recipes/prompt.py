"""What a model is told, word for word, and how a request picks and fills it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ocrgate.domain.recognition import PageRequest, Task
from ocrgate.engines.recipes.constraint import affordable, check_size
from ocrgate.engines.recipes.reading.fields import schema_of
from ocrgate.errors import InvalidRequest

FIELDS = "{fields}"  # replaced by the names of the fields: ['total', 'date']
SCHEMA = "{schema}"  # replaced by the JSON schema of the fields
_MOST_KEYS = 200
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Wording:
    """One text, and the requests that it is for.

    Attributes:
        text: verbatim, with at most one of the marks ``{fields}`` and ``{schema}`` in it.
        language: for pages in this language only (``en``); None for every page.
        target: for translations into this language only.
    """

    text: str
    language: str | None = None
    target: str | None = None

    def suits(self, request: PageRequest) -> bool:
        """Whether it is for this request."""
        return _is(self.target, request.target) and _is(self.language, request.language)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The texts for one task; the first that suits a request is taken."""

    wordings: tuple[Wording, ...]

    @classmethod
    def of(cls, text: str) -> "Prompt":
        """One text for all requests."""
        return cls((Wording(text),))

    @property
    def targets(self) -> tuple[str, ...]:
        """The languages into which it translates, each once."""
        return tuple(dict.fromkeys(one.target for one in self.wordings if one.target))

    def text(self, request: PageRequest) -> str:
        """The text for a request, filled in.

        Raises:
            InvalidRequest: (``target``) it does not translate into that language.
        """
        wording = next((one for one in self.wordings if one.suits(request)), None)
        if wording is None:
            raise InvalidRequest(f"target must be one of {', '.join(self.targets)}", field="target")
        return _filled(wording.text, request)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is sent with the image.

    Attributes:
        system: text of the system message; None for none, which is not the same as an empty one.
        text: the words beside the image; "" for the image alone.
        image_first: whether the image comes before the words.
        schema: JSON schema that the engine should hold the answer to; None for free text.
    """

    system: str | None
    text: str
    image_first: bool
    schema: Mapping[str, object] | None = None


def check_fields(request: PageRequest) -> None:
    """See that a request of task ``fields`` says which fields, in words that fit into a prompt.

    Raises:
        InvalidRequest: (``keys`` or ``schema``) none, too many, or not of that form.
    """
    if request.schema is not None and request.keys:
        raise InvalidRequest("give keys or a schema, not both", field="keys")
    if request.schema is not None:
        check_size(request.schema)
    names = list(_names(request))
    field = "keys" if request.schema is None else "schema"
    if not names:
        raise InvalidRequest(f"{field} must name at least one field", field=field)
    if len(names) > _MOST_KEYS:
        raise InvalidRequest(
            "more fields than are extracted at once", field=field, limit=f"{_MOST_KEYS} fields"
        )
    wrong = next((name for name in names if not _is_name(name)), None)
    if wrong is not None:
        raise InvalidRequest(
            f"{str(wrong)[:40]!r} is not the name of a field: one line of printable text",
            field=field,
            limit=f"{_LONGEST_KEY} characters",
        )


def wanted_schema(request: PageRequest) -> Mapping[str, object] | None:
    """The schema to hold the answer to, as far as an engine can without harm; None for other tasks
    than ``fields``.
    """
    return affordable(schema_of(request)) if request.task is Task.FIELDS else None


def _names(request: PageRequest) -> Iterator[object]:
    if request.schema is None:
        yield from request.keys
        return
    properties = request.schema.get("properties")
    if isinstance(properties, Mapping) and request.schema.get("type", "object") == "object":
        yield from properties


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and len(name.strip()) > 0
        and len(name) <= _LONGEST_KEY
        and name.isprintable()
    )


def _filled(text: str, request: PageRequest) -> str:
    """The text with its mark replaced; what is filled in is not looked at again."""
    for mark, fill in ((FIELDS, _fields), (SCHEMA, _schema)):
        before, found, after = text.partition(mark)
        if found:
            return before + fill(request) + after
    return text


def _fields(request: PageRequest) -> str:
    quoted = (str(name).replace("\\", "\\\\").replace("'", "\\'") for name in _names(request))
    return "[" + ", ".join(f"'{name}'" for name in quoted) + "]"


def _schema(request: PageRequest) -> str:
    return json.dumps(schema_of(request), ensure_ascii=False, sort_keys=True)


def _is(wanted: str | None, given: str | None) -> bool:
    """Whether a language tag (``zh-Hant``) is of a language (``zh``)."""
    if wanted is None:
        return True
    return (given or "").lower().replace("_", "-").split("-")[0] == wanted
