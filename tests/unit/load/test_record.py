"""Records of load runs: read what was written, refuse what is not one."""

from pathlib import Path

import msgspec
import pytest

from ocrgate.errors import NotFound, UnreadableDocument
from ocrgate.load.record import (
    VERSION,
    Event,
    Failure,
    Point,
    Record,
    Run,
    Sample,
    Samples,
    Step,
    Target,
    Verdict,
    decode,
    encode,
    read,
    shown_command,
)
from ocrgate.load.tally import Tally


def a_record() -> Record:
    tally = Tally(outcomes={"ok": 2}, seconds={"done:ok": {0: 1, 3: 1}})
    tally.latency.add(0.5, 2)
    return Record(
        run=Run(started="2026-01-02T03:04:05Z", target=Target(url="http://127.0.0.1:8000")),
        steps=[
            Step(
                index=0,
                loop="open",
                rate=4.0,
                begins=1.0,
                ends=9.0,
                verdicts=[Verdict(name="e2e", limit=5.0, value=0.5, held=True)],
                tally=tally,
            )
        ],
        samples=Samples(
            rows=[
                Sample(number=0, step=0, intended=0.5, sent=0.5, done=0.9),
                Sample(number=1, step=0, intended=1.5, sent=1.6, done=2.0, warnings=("empty",)),
            ]
        ),
        failures=[Failure(1.0, 0, "overloaded", "the server is full")],
        series=[Point(1.0, "kv_usage", 0.5, "gpu 0")],
        events=[Event(2.0, "restart", "the engine came back")],
    )


def test_what_was_written_is_read() -> None:
    """Nothing is lost on the way through JSON."""
    assert decode(encode(a_record())) == a_record()


def test_columns_of_samples_stand_in_the_file() -> None:
    """Rows are short; a reader without ocrgate finds their names beside them."""
    samples = msgspec.json.decode(encode(a_record()))["samples"]
    row = dict(zip(samples["columns"], samples["rows"][1], strict=True))
    assert (row["intended"], row["done"], row["warnings"]) == (1.5, 2.0, ["empty"])


def test_samples_of_the_warm_up_do_not_count() -> None:
    """What was intended before a step's figures begin is not among them."""
    record = a_record()
    assert [sample.number for sample in record.of(record.steps[0])] == [1]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (encode(a_record())[:-20], "cut short"),
        (b"[]", "not a record of `ocrgate bench`"),
        (b'{"ocrgate_bench": true}', "not a record"),
        (b'{"ocrgate_bench": 99}', "version 99 is not read here; a newer ocrgate wrote it"),
        (b'{"ocrgate_bench": 0}', "version 0 is not read here"),
        (b'{"ocrgate_bench": 1}', "damaged record of a load run"),
        (encode(a_record()).replace(b"0.9", b'"x"', 1), "damaged record of a load run"),
        (encode(a_record()).replace(b'"ends":9.0', b'"ends":9e99', 1), "damaged record"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, says: str) -> None:
    """Cut files, other JSON and other versions get one clear sentence."""
    with pytest.raises(UnreadableDocument) as caught:
        decode(data, "run.json")
    assert caught.value.detail.startswith("run.json: ")
    assert says in caught.value.detail


def test_older_versions_are_brought_up_to_date() -> None:
    """Each version is turned into the next until it is today's."""
    raw = msgspec.json.decode(encode(a_record()))
    older = {**raw, "ocrgate_bench": VERSION - 2, "when": raw["run"].pop("started")}
    migrations = {
        VERSION - 2: lambda old: {**old, "run": {**old["run"], "begun": old["when"]}},
        VERSION - 1: lambda old: {**old, "run": {**old["run"], "started": old["run"]["begun"]}},
    }
    assert decode(msgspec.json.encode(older), "old.json", migrations) == a_record()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A wrong path is said as one."""
    with pytest.raises(NotFound, match="no such file"):
        read(tmp_path / "none.json")
    with pytest.raises(UnreadableDocument, match="a folder"):
        read(tmp_path)


def test_commands_are_shown_without_secrets() -> None:
    """Keys, headers and logins never reach a report that is passed around."""
    words = ["ocrgate", "bench", "http://me:hunter2@host/", "--key", "k1", "-H", "X: k2"]
    shown = shown_command([*words, "--api-key=k3", "--token=a\nb", "--concurrency", "20", "a b"])
    assert not {"hunter2", "k1", "k2", "k3", "b'"} & set(shown.replace("'", " ' ").split())
    assert "hunter2" not in shown
    assert "k2" not in shown
    assert "k3" not in shown
    assert shown.endswith("--concurrency 20 'a b'")


@pytest.mark.parametrize("data", [b'{"a":"caf\xe9"}', b"[" * 100_000])
def test_what_no_decoder_bears_is_no_record(data: bytes) -> None:
    """Another alphabet, or brackets without end."""
    with pytest.raises(UnreadableDocument, match="not JSON"):
        decode(data)
