"""The record of a load run: one versioned JSON file that says what was run and what came of it.

Times are seconds since the run began, latencies count from the **intended** send time. A record is
bounded: counts are exact (:mod:`ocrgate.load.tally`), single samples are thinned evenly once there
are too many (:class:`~ocrgate.load.journal.Journal`), so that an hour at 500 requests a second is
some 9 MB and not a gigabyte. ``docs/reference/record.md`` describes each field.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ocrgate.errors import NotFound, UnreadableDocument
from ocrgate.load.tally import Tally
from ocrgate.settings.load import masked

VERSION = 1
OK = "ok"
PARTIAL = ".partial"  # what a run that is under way (or was killed) is called beside its record

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What comes of decoding JSON that is none, is not in UTF-8, or is nested absurdly."""

Raw = dict[str, Any]
Seconds = Annotated[float, msgspec.Meta(ge=-1e8, le=1e8)]  # three years are a damaged file


class Target(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was asked: ``kind`` is ``ocrgate``, ``openai``, ``vllm``, ``http``…"""

    url: str
    kind: str = ""
    server: str = ""
    version: str = ""
    model: str = ""


class Machine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where the load came from, and the server's GPUs where it says so. Names no host."""

    system: str = ""
    processor: str = ""
    cores: int = 0
    memory_bytes: int = 0
    python: str = ""
    gpus: list[str] = msgspec.field(default_factory=list)


class Run(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was run.

    Attributes:
        started: UTC, ISO 8601.
        ocrgate: version of the program that measured.
        command: the command line, without secrets.
        arrivals: the law of arrivals and its parameters.
        work: what was sent: where pages came from, how many, of which mix.
        slo: limits by name; seconds, or a share for ``error`` (``{"e2e": 5.0, "error": 0.01}``).
        notes: anything a reader should know, one sentence each.
    """

    started: str
    ocrgate: str = ""
    command: str = ""
    seed: int | None = None
    target: Target
    machine: Machine = msgspec.field(default_factory=Machine)
    arrivals: Raw = msgspec.field(default_factory=dict)
    work: Raw = msgspec.field(default_factory=dict)
    slo: dict[str, float] = msgspec.field(default_factory=dict)
    notes: list[str] = msgspec.field(default_factory=list)


class Client(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How the load generator itself fared during a step.

    ``lag_p99`` and ``late_p99`` in seconds (of the event loop; from intended to actual send),
    ``cpu`` as a share of one core. ``saturated`` says in a sentence why the figures of this step
    are the client's and not the server's; empty when they are not.
    """

    lag_p99: float = 0.0
    late_p99: float = 0.0
    cpu: float = 0.0
    saturated: str = ""


class Verdict(msgspec.Struct, kw_only=True):
    """One SLO of a step: what was asked, what was measured (None: nothing was).

    ``sure`` says whether there were enough requests to tell, 95 times of 100; None where that is
    not known.
    """

    name: str
    limit: float
    value: float | None
    held: bool
    sure: bool | None = None


class Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One load that was held for a while; a sweep has several.

    Attributes:
        loop: ``closed`` (``concurrency`` callers, each waits) or ``open`` (``rate`` per second).
        warm_from: when its load began.
        begins: from when requests count (after warm-up).
        ends: until when they are offered.
        finished: False where the run was broken off before this step was over.
    """

    index: int
    loop: str
    concurrency: int | None = None
    rate: float | None = None
    label: str = ""
    warm_from: Seconds = 0.0
    begins: Seconds = 0.0
    ends: Seconds = 0.0
    finished: bool = False
    client: Client = msgspec.field(default_factory=Client)
    verdicts: list[Verdict] = msgspec.field(default_factory=list)
    tally: Tally = msgspec.field(default_factory=Tally)

    @property
    def seconds(self) -> float:
        """How long load was offered and counted."""
        return max(self.ends - self.begins, 0.0)


class Sample(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """One request. In the file a row, in this order (``columns`` names it there too).

    Attributes:
        number: of the request in the run.
        step: index of the step.
        intended, sent, done: when it was due, was begun, and was over; seconds of the run.
        first: when its first token (else byte) came.
        outcome: ``ok`` or the code of what went wrong.
        status: of HTTP, 0 without an answer.
        retries: further tries after the first one.
        lane, key, page_class: in whose name, by which key (by number), and what kind of page.
        cer: character error rate against the known text, where there is one.
        degraded, warnings: as the server said in its reply.
        retry_after: seconds that a refusal named.
    """

    number: int
    step: int
    intended: Seconds
    sent: Seconds
    done: Seconds
    first: Seconds | None = None
    outcome: str = OK
    status: int = 0
    retries: int = 0
    lane: str = ""
    key: int = 0
    page_class: str = ""
    pages: int = 1
    sent_bytes: int = 0
    received_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cer: float | None = None
    degraded: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    retry_after: float | None = None

    @property
    def latency(self) -> float:
        """Seconds from when it should have been sent to its last byte."""
        return self.done - self.intended


class Failure(msgspec.Struct, array_like=True, frozen=True):
    """Words of one request that went wrong; the first few of each kind are kept."""

    at: Seconds
    step: int
    outcome: str
    message: str


class Point(msgspec.Struct, array_like=True, frozen=True):
    """One reading of a meter: of the server's metrics, of a GPU, of the client.

    Names that reports know: ``kv_usage`` (share), ``running``, ``waiting``, ``preemptions``
    (counter), ``limit``, ``backlog``, ``gpu_utilization`` (share), ``gpu_memory_bytes``,
    ``gpu_temperature`` (degrees Celsius), ``client_cpu`` (share of a core), ``client_lag``
    (seconds), ``in_flight``. Others are drawn by their name. ``source`` tells replicas and GPUs
    apart.
    """

    at: Seconds
    name: str
    value: float
    source: str = ""


class Event(msgspec.Struct, array_like=True, frozen=True):
    """Something that happened once: a restart, a target that went away, Ctrl-C."""

    at: Seconds
    kind: str
    text: str


class Samples(msgspec.Struct, kw_only=True):
    """Requests one by one: all of them, or one of ``every`` where there were too many."""

    every: int = 1
    columns: tuple[str, ...] = Sample.__struct_fields__
    rows: list[Sample] = msgspec.field(default_factory=list)


class Record(msgspec.Struct, kw_only=True):
    """All of a run. ``complete`` is False where it was killed before its end was written."""

    ocrgate_bench: int = VERSION
    run: Run
    complete: bool = True
    steps: list[Step] = msgspec.field(default_factory=list)
    samples: Samples = msgspec.field(default_factory=Samples)
    failures: list[Failure] = msgspec.field(default_factory=list)
    series: list[Point] = msgspec.field(default_factory=list)
    events: list[Event] = msgspec.field(default_factory=list)

    def of(self, step: Step) -> list[Sample]:
        """The samples of a step that count: those intended after its warm-up."""
        rows = self.samples.rows
        return [s for s in rows if s.step == step.index and s.intended >= step.begins]


MIGRATIONS: Mapping[int, Callable[[Raw], Raw]] = {}
"""From a version to the next one: what turns a record of the key's version into its successor."""


def encode(record: Record) -> bytes:
    """The record as JSON."""
    return msgspec.json.encode(record)


def decode(
    data: bytes, name: str = "record", migrations: Mapping[int, Callable[[Raw], Raw]] = MIGRATIONS
) -> Record:
    """A record from its JSON.

    Raises:
        UnreadableDocument: it is no JSON, no record, or of a version that is not read here.
    """
    try:
        raw = msgspec.json.decode(data)
    except UNREADABLE as error:
        raise UnreadableDocument(f"{name}: not JSON, or cut short ({error})") from None
    return from_raw(raw, name, migrations)


def from_raw(
    raw: Any, name: str, migrations: Mapping[int, Callable[[Raw], Raw]] = MIGRATIONS
) -> Record:
    """A record from decoded JSON; errors as of :func:`decode`."""
    raw = _upgraded(raw, name, migrations)
    try:
        return msgspec.convert(raw, Record, str_keys=True)
    except msgspec.ValidationError as error:
        raise UnreadableDocument(f"{name}: damaged record of a load run: {error}") from None


def _upgraded(raw: Any, name: str, migrations: Mapping[int, Callable[[Raw], Raw]]) -> Raw:
    version = raw.get("ocrgate_bench") if isinstance(raw, dict) else None
    if type(version) is not int:
        raise UnreadableDocument(
            f"{name}: not a record of `ocrgate bench` (it has no ocrgate_bench)"
        )
    while version < VERSION and version in migrations:
        raw = migrations[version](raw)
        version += 1
    if version != VERSION:
        newer = "; a newer ocrgate wrote it" if version > VERSION else ""
        raise UnreadableDocument(f"{name}: version {version} is not read here{newer}")
    return {**raw, "ocrgate_bench": VERSION}


def read(path: Path) -> Record:
    """The record of a run, also of one that was killed: then what its ``.partial`` still holds.

    Raises:
        NotFound: there is neither.
        UnreadableDocument: it is no record, or of a version that is not read here.
        OSError: it may not be read.
    """
    from ocrgate.load.journal import recover  # noqa: PLC0415 - which is written in terms of this

    partial = path.with_name(path.name + PARTIAL)
    if path.suffix == PARTIAL or (not path.exists() and partial.exists()):
        return recover(path if path.suffix == PARTIAL else partial)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UnreadableDocument(f"{path}: a folder, not a record") from None
    return decode(data, str(path))


_SECRET_OPTIONS = re.compile(r"^(--?(?:[\w-]*key|token|password|header|H))(=.*)?$", re.DOTALL)
_HIDDEN = "***"


def shown_command(words: Sequence[str]) -> str:
    """A command line that may be shown: keys, headers and logins in URLs are masked."""
    shown, hide = [], False
    for word in words:
        option = _SECRET_OPTIONS.match(word)
        if hide:
            shown.append(_HIDDEN)
        elif option and option[2]:
            shown.append(f"{option[1]}={_HIDDEN}")
        else:
            shown.append(str(masked(word)))
        hide = bool(option and not option[2] and not hide)
    return " ".join(word if word and not re.search(r"\s", word) else repr(word) for word in shown)
