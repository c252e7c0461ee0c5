"""A record while it is made: written line by line beside its file, folded into it at the end.

A run that is killed leaves ``RUN.json.partial``, lines of JSON of which all but a cut last one can
be read (:func:`recover`). A full disk stops the writing, not the run: what is in memory is kept,
and :attr:`Journal.fault` says so.

Thinning: with more than ``keep`` samples, every other one is let go and from then on one of two,
of four… is kept, chosen by a hash of its number, so that no rhythm of the work is favoured. What is
let go has been counted: tallies stay exact, in memory and in the file.
"""

import math
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ocrgate.errors import UnreadableDocument
from ocrgate.load.record import (
    OK,
    PARTIAL,
    UNREADABLE,
    VERSION,
    Client,
    Event,
    Failure,
    Point,
    Record,
    Run,
    Sample,
    Samples,
    Step,
    Verdict,
    encode,
    from_raw,
)
from ocrgate.load.tally import Tally

KEEP = 100_000  # samples, some 50 MB of memory
WORDS = 20  # failures of one kind whose words are kept
POINTS = 200_000  # readings of meters; beyond, one of two is kept and so on
_SCRAMBLE = 0x9E3779B1  # odd, near 2**32 divided by the golden ratio: neighbours fly apart


def kept(number: int, every: int) -> bool:
    """Whether a sample stays where one of ``every`` (a power of two) does."""
    return not ((number * _SCRAMBLE & 0xFFFFFFFF) >> 16) % every


class Journal:
    """Takes what a run tells, in any order, and keeps it within bounds.

    Args:
        path: of the record to be; None keeps it in memory only.
        run: what is run.
        keep: how many samples at most.
    """

    def __init__(self, path: Path | None, run: Run, *, keep: int = KEEP) -> None:
        self.path = path
        self.fault: OSError | None = None
        self._record = Record(run=run, complete=False)
        self._keep = keep
        self._unwritten: dict[int, Tally] = {}  # of samples that were counted and let go
        self._points = 1  # one of so many is kept
        self._readings: Counter[tuple[str, str]] = Counter()
        self._spoken: Counter[str] = Counter()
        self._file: BinaryIO | None = None
        if path is not None:
            self._file = _partial(path).open("wb")
            self._write({"ocrgate_bench": VERSION, "run": run})

    @property
    def steps(self) -> list[Step]:
        """The steps so far; their tallies are live."""
        return self._record.steps

    @property
    def samples(self) -> list[Sample]:
        """The samples that are kept; :attr:`every` says of how many one."""
        return self._record.samples.rows

    @property
    def every(self) -> int:
        """One of how many samples is kept."""
        return self._record.samples.every

    def begin(self, step: Step) -> Step:
        """A step starts; ``index`` must be the next one."""
        if step.index != len(self.steps):
            raise ValueError(f"step {step.index} after {len(self.steps)} steps")
        self.steps.append(step)
        self._write({"step": step})
        return step

    def end(
        self, step: Step, *, client: Client | None = None, verdicts: list[Verdict] | None = None
    ) -> None:
        """A step is over and :attr:`Step.ends` is known."""
        step.finished = True
        step.client = client or step.client
        step.verdicts = verdicts if verdicts is not None else step.verdicts
        self._write({"step": msgspec.structs.replace(step, tally=Tally())})
        self.flush()

    def add(self, sample: Sample, message: str = "") -> None:
        """One request is over; ``message`` tells what went wrong."""
        step = self.steps[sample.step]
        count(step.tally, sample, step)
        if kept(sample.number, self.every):
            self.samples.append(sample)
            self._write({"sample": sample})
            if len(self.samples) > self._keep:
                self._thin()
        else:
            count(self._unwritten.setdefault(step.index, Tally()), sample, step)
        if sample.outcome != OK and message:
            self._tell(Failure(sample.done, sample.step, sample.outcome, message))

    def point(self, at: float, name: str, value: float, source: str = "") -> None:
        """A reading of a meter; one without end has no place in a record and is passed over."""
        if not math.isfinite(value):
            return
        self._readings[name, source] += 1
        if self._readings[name, source] % self._points:
            return
        point = Point(at, name, value, source)
        self._record.series.append(point)
        self._write({"point": point})
        if len(self._record.series) > POINTS:
            self._points *= 2
            self._record.series = every_other(self._record.series)

    def event(self, at: float, kind: str, text: str) -> None:
        """Something happened once."""
        event = Event(at, kind, text)
        self._record.events.append(event)
        self._write({"event": event})

    def note(self, text: str) -> None:
        """One sentence for whoever reads the record; said once."""
        if text not in self._record.run.notes:
            self._record.run.notes.append(text)
            self._write({"note": text})

    def flush(self) -> None:
        """Hand to the system what was told so far; call it about once a second."""
        for index, tally in self._unwritten.items():
            self._write({"tally": tally, "of": index})
        self._unwritten.clear()
        self._attempt(lambda file: file.flush())

    def record(self) -> Record:
        """What is known by now. It shares its parts with the journal."""
        return self._record

    def close(self, *, complete: bool = True) -> Record:
        """Fold all into the record's file and remove the lines beside it.

        Raises:
            OSError: it could not be written; the lines beside it stay.
        """
        self._record.complete = complete
        self.leave()
        if self.path is not None:
            fold(self.path, self._record)
        return self._record

    def leave(self) -> None:
        """Close the lines beside the record and leave them as they are."""
        self.flush()
        if self._file:
            with suppress(OSError):  # of what could not be flushed, which is remembered
                self._file.close()
            self._file = None

    def _thin(self) -> None:
        samples = self._record.samples
        samples.every *= 2
        samples.rows = [s for s in samples.rows if kept(s.number, samples.every)]
        self._write({"every": samples.every})

    def _tell(self, failure: Failure) -> None:
        self._spoken[failure.outcome] += 1
        if self._spoken[failure.outcome] <= WORDS:
            failure = msgspec.structs.replace(failure, message=failure.message[:500])
            self._record.failures.append(failure)
            self._write({"failure": failure})

    def _write(self, line: dict[str, Any]) -> None:
        self._attempt(lambda file: file.write(msgspec.json.encode(line) + b"\n"))

    def _attempt(self, act: Any) -> None:
        """Do something with the file; the first fault ends the writing and is remembered."""
        if self._file is None or self.fault:
            return
        try:
            act(self._file)
        except OSError as error:
            self.fault = error


def count(tally: Tally, sample: Sample, step: Step) -> None:
    """Add a sample to a tally: to its time line always, to its counts after the warm-up."""
    tally.happened("offered", sample.intended)
    tally.happened("sent", sample.sent)
    tally.happened(f"done:{sample.outcome}", sample.done)
    if sample.intended < step.begins:
        return
    tally.ended(sample.outcome, _groups(sample))
    tally.sum_up("seconds", sample.done - sample.sent)
    if sample.outcome != OK:
        return
    tally.latency.add(sample.latency)
    if sample.first is not None:
        tally.first.add(sample.first - sample.intended)
    for what in ("pages", "input_tokens", "output_tokens", "sent_bytes", "received_bytes"):
        tally.sum_up(what, getattr(sample, what))


def _groups(sample: Sample) -> Iterator[str]:
    yield f"key={sample.key}"
    if sample.lane:
        yield f"lane={sample.lane}"
    if sample.page_class:
        yield f"class={sample.page_class}"


def every_other(points: list[Point]) -> list[Point]:
    """Every other reading of each meter."""
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for point in points:
        seen[point.name, point.source] += 1
        if not seen[point.name, point.source] % 2:
            chosen.append(point)
    return chosen


def fold(path: Path, record: Record) -> None:
    """Write a record whole or not at all, and remove the lines beside it.

    Raises:
        OSError: it could not be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(encode(record))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _partial(path).unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + PARTIAL)


def recover(path: Path) -> Record:
    """The record of a run that was killed, from the lines that it left.

    The load under way ends with the last that was written down, an answer or a reading, and not
    when it was meant to: its figures are of the time that it was held.

    Raises:
        UnreadableDocument: not even its first line is whole, or it is of another version.
    """
    lines = path.read_bytes().splitlines()
    found = _whole(lines)
    try:
        head = next(found)
    except StopIteration:
        raise UnreadableDocument(f"{path}: holds no whole line of a load run") from None
    record = from_raw({**head, "complete": False}, str(path))
    try:
        for line in found:
            _replay(record, line)
    except (msgspec.ValidationError, LookupError) as error:
        raise UnreadableDocument(f"{path}: damaged record of a load run: {error}") from None
    samples = record.samples
    samples.rows = [s for s in samples.rows if kept(s.number, samples.every)]
    for step in record.steps:
        if not step.finished:
            step.ends = _broken_off(step, record)
    return record


def _broken_off(step: Step, record: Record) -> float:
    """When the load was held no more; as it was meant to be where only answers were awaited."""
    let_go = (line for what, line in step.tally.seconds.items() if what.startswith("done:"))
    told = [float(max(line)) for line in let_go if line]
    told += [sample.done for sample in record.samples.rows if sample.step == step.index]
    last = max([step.begins, *told, *(point.at for point in record.series)])
    meant = step.ends if step.ends > step.begins else last
    return min(last, meant)


def _whole(lines: list[bytes]) -> Iterator[Any]:
    for line in lines:
        try:
            yield msgspec.json.decode(line)
        except UNREADABLE:
            return  # cut here; whatever follows a torn line is not to be trusted


def _replay(record: Record, line: Any) -> None:
    """Take in one line. Kinds that this version does not know are passed over."""
    match line:
        case {"sample": told}:
            sample = msgspec.convert(told, Sample)
            record.samples.rows.append(sample)
            step = record.steps[sample.step]
            count(step.tally, sample, step)
        case {"tally": told, "of": int(index)}:
            record.steps[index].tally.merge(msgspec.convert(told, Tally, str_keys=True))
        case {"step": told}:
            _replay_step(record, msgspec.convert(told, Step, str_keys=True))
        case {"every": int(every)}:
            record.samples = Samples(every=every, rows=record.samples.rows)
        case {"point": told}:
            record.series.append(msgspec.convert(told, Point))
        case {"event": told}:
            record.events.append(msgspec.convert(told, Event))
        case {"failure": told}:
            record.failures.append(msgspec.convert(told, Failure))
        case {"note": str(text)}:
            record.run.notes.append(text)


def _replay_step(record: Record, step: Step) -> None:
    if step.index < len(record.steps):
        step.tally = record.steps[step.index].tally
        record.steps[step.index] = step
    else:
        record.steps.append(step)
