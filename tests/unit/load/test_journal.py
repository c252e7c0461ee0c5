"""Records while they are made: bounded, and readable wherever they were cut."""

import math
import random
from pathlib import Path

import msgspec
import pytest

from ocrgate.errors import UnreadableDocument
from ocrgate.load import slo
from ocrgate.load.journal import WORDS, Journal, kept
from ocrgate.load.record import (
    Client,
    Record,
    Run,
    Sample,
    Step,
    Target,
    Verdict,
    read,
)
from ocrgate.load.tally import Tally

RUN = Run(started="2026-01-02T03:04:05Z", target=Target(url="http://127.0.0.1:8000"))


def fill(journal: Journal, requests: int, *, rate: float = 100.0) -> Step:
    """One step of so many requests; one in ten fails."""
    draw = random.Random(7)
    step = journal.begin(Step(index=len(journal.steps), loop="open", rate=rate, begins=1.0))
    for number in range(requests):
        at = number / rate
        sample = Sample(
            number=number,
            step=step.index,
            intended=at,
            sent=at,
            done=at + draw.lognormvariate(0.0, 0.5),
            outcome="ok" if number % 10 else "overloaded",
            lane="batch" if number % 2 else "interactive",
            output_tokens=50,
        )
        journal.add(sample, "" if number % 10 else "the server is full")
    step.ends = requests / rate
    return step


def a_journal(path: Path | None, keep: int = 1000) -> Journal:
    return Journal(path, msgspec.structs.replace(RUN, notes=[]), keep=keep)


def rounded(tally: Tally) -> Tally:
    """Without the last digits, which depend on the order in which is summed up."""
    sums = {what: round(amount, 6) for what, amount in tally.sums.items()}
    return msgspec.structs.replace(tally, sums=sums)


def test_counts_stay_exact_when_samples_are_thinned() -> None:
    """A long run costs no more memory than a short one, and loses no count."""
    journal = a_journal(None)
    step = fill(journal, 20_000)
    assert len(journal.samples) <= 1000
    assert journal.every >= 16
    assert step.tally.outcomes == {"ok": 17910, "overloaded": 1990}  # without 100 of warm-up
    assert step.tally.groups["lane=batch"] == {"ok": 9950}
    assert step.tally.sums["output_tokens"] == 50 * 17910
    assert sum(step.tally.seconds["offered"].values()) == 20_000
    assert step.tally.latency.quantile(0.5) == pytest.approx(1.0, rel=0.03)


def test_thinning_favours_no_rhythm() -> None:
    """Of work that comes in turns, each kind keeps its share."""
    for period in (2, 3, 8, 16, 100):
        rest = [n % period for n in range(200_000) if kept(n, 16)]
        assert len(rest) == pytest.approx(12_500, rel=0.03)
        share = rest.count(0) / len(rest)
        assert share == pytest.approx(1 / period, rel=0.15)


def test_a_run_is_folded_into_one_file(tmp_path: Path) -> None:
    """At the end there is the record and nothing beside it."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    step = fill(journal, 3000)
    journal.point(2.0, "kv_usage", 0.5)
    journal.end(
        step,
        client=Client(saturated="the client was the bottleneck"),
        verdicts=[Verdict(name="error", limit=0.01, value=0.1, held=False)],
    )
    written = journal.close()
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert read(path) == written
    assert read(path).complete


@pytest.mark.parametrize("requests", [500, 20_000])
def test_a_killed_run_is_read_from_its_lines(tmp_path: Path, requests: int) -> None:
    """Counts are whole up to the last flush, also those of samples that were let go."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    step = fill(journal, requests)
    journal.event(3.0, "restart", "the engine came back")
    journal.note("a note")
    journal.leave()
    found = read(path)
    assert not found.complete
    assert rounded(found.steps[0].tally) == rounded(step.tally)
    assert found.samples == journal.record().samples
    assert found.events == journal.record().events
    assert found.failures == journal.record().failures
    assert found.run.notes == ["a note"]
    last = max(sample.done for sample in journal.samples)
    assert found.steps[0].ends == pytest.approx(last, abs=1.0)


def test_a_killed_run_is_judged_by_the_time_that_it_was_held(tmp_path: Path) -> None:
    """Ten seconds of a run that was to go on for two minutes: ten answers a second, not one."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    journal.begin(Step(index=0, loop="open", rate=10.0, begins=0.0, ends=120.0))
    for number in range(100):
        due = number / 10
        journal.add(Sample(number=number, step=0, intended=due, sent=due, done=due + 0.05))
    journal.point(10.0, "in_flight", 1)
    journal.leave()
    (step,) = read(path).steps
    assert step.ends == pytest.approx(10.0, abs=1.0)
    assert slo.throughput(step) == pytest.approx(10.0, rel=0.1)
    assert slo.offered(step) == pytest.approx(10.0, rel=0.1)


def test_a_run_killed_within_its_first_second_has_a_rate(tmp_path: Path) -> None:
    """A full disk may end the writing that early."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    journal.begin(Step(index=0, loop="closed", concurrency=4, begins=0.0, ends=60.0))
    for number in range(400):
        due = number / 800
        journal.add(Sample(number=number, step=0, intended=due, sent=due, done=due + 0.005))
    journal.leave()
    assert slo.throughput(read(path).steps[0]) == pytest.approx(800, rel=0.1)


def test_a_run_killed_while_it_waits_for_the_last_answers_has_its_length(tmp_path: Path) -> None:
    """What came after the load had gone does not make it longer."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    journal.begin(Step(index=0, loop="open", rate=1.0, begins=0.0, ends=5.0))
    journal.add(Sample(number=0, step=0, intended=1.0, sent=1.0, done=30.0))
    journal.leave()
    assert read(path).steps[0].ends == 5.0


def test_a_cut_file_loses_its_last_line_only(tmp_path: Path) -> None:
    """Wherever the disk filled up or the power went, the rest is read."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    fill(journal, 50)
    journal.leave()
    lines = path.with_name("run.json.partial")
    whole = lines.read_bytes()
    numbers = []
    for length in range(len(whole) - 400, len(whole)):
        lines.write_bytes(whole[:length])
        numbers.append(len(read(path).samples.rows))
    assert numbers == sorted(numbers)
    assert numbers[-1] >= 49
    lines.write_bytes(whole[:10])
    with pytest.raises(UnreadableDocument, match="no whole line"):
        read(path)


def test_damaged_lines_are_refused(tmp_path: Path) -> None:
    """A line that is JSON but not ours is an error with a name, not a traceback."""
    path = tmp_path / "run.json.partial"
    journal = a_journal(tmp_path / "run.json")
    journal.leave()
    path.write_bytes(path.read_bytes() + b'{"sample":[0,0,0.0,0.0,1.0]}\n')
    with pytest.raises(UnreadableDocument, match="damaged record"):
        read(path)


def test_a_full_disk_stops_the_writing_not_the_run() -> None:
    """The run goes on in memory and the fault is there to be told."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    journal = a_journal(None)
    journal._file = full.open("wb")
    fill(journal, 100)
    journal.leave()
    assert journal.fault is not None
    assert "No space left" in str(journal.fault)
    assert len(journal.samples) == 100


def test_a_record_that_cannot_be_written_leaves_its_lines(tmp_path: Path) -> None:
    """What was measured can still be read when the last write fails."""
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "run.json"
    journal = a_journal(path)
    fill(journal, 20)
    path.mkdir()  # so that nothing can be renamed to it
    with pytest.raises(OSError, match="directory"):
        journal.close()
    assert sorted(file.name for file in folder.iterdir()) == ["run.json", "run.json.partial"]
    assert len(read(folder / "run.json.partial").samples.rows) == 20


def test_words_and_meters_are_bounded() -> None:
    """A million failures or a week of meters do not fill the memory."""
    journal = a_journal(None)
    fill(journal, 1000)
    assert len(journal.record().failures) == WORDS
    for second in range(500_000):
        journal.point(float(second), "kv_usage", 0.5)
        journal.point(float(second), "limit", 16.0, "replica 1")
    record: Record = journal.record()
    assert len(record.series) <= 200_000
    assert {point.name for point in record.series} == {"kv_usage", "limit"}
    assert record.series[-1].at > 499_980


def test_steps_come_in_order() -> None:
    """A step that skips its turn is a mistake of the caller."""
    with pytest.raises(ValueError, match="step 3 after 0 steps"):
        a_journal(None).begin(Step(index=3, loop="closed"))


def test_a_reading_without_end_does_not_spoil_the_record(tmp_path: Path) -> None:
    """JSON has no word for it: the whole record would be unreadable."""
    path = tmp_path / "run.json"
    journal = a_journal(path)
    for value in (math.inf, -math.inf, math.nan, 1.0):
        journal.point(1.0, "limit", value)
    journal.close()
    assert [point.value for point in read(path).series] == [1.0]
