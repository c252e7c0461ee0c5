"""``ocrgate report``: files in, pages, tables and comparisons out."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.load_records import a_run, sweep

from ocrgate.cli.app import main
from ocrgate.load.journal import Journal, fold
from ocrgate.load.record import Record

Said = tuple[int, str, str]
"""Exit code, standard output, standard error."""


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command."""

    def run(*words: object) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(["report", *map(str, words)])
        found = capsys.readouterr()
        return int(ended.value.code or 0), found.out, found.err

    return run


class Killed(Journal):
    """Never gets to fold its lines."""

    def close(self, *, complete: bool = True) -> Record:
        assert complete
        self.leave()
        return self.record()


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record in a folder of its own."""
    path = tmp_path / "run.json"
    fold(path, sweep((4, 16, 64), seconds=15))
    return path


def test_a_page_is_written_beside_the_record(report: Callable[..., Said], record: Path) -> None:
    """With no option at all, and the summary is printed too."""
    code, out, err = report(record)
    assert code == 0
    assert "SLO broken at concurrency 64" in out
    assert "concurrency 16" in out
    page = record.with_suffix(".html")
    assert f"The report is in {page}" in err
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_an_older_report_is_replaced_but_nothing_else(
    report: Callable[..., Said], record: Path
) -> None:
    """Making it again is no mistake; writing over a letter is."""
    assert report(record)[0] == 0
    assert report(record)[0] == 0
    page = record.with_suffix(".html")
    page.write_text("<p>Dear Anna,</p>")
    code, _, err = report(record)
    assert code == 2
    assert "--force replaces it" in err
    assert page.read_text() == "<p>Dear Anna,</p>"
    assert report(record, "--force")[0] == 0


def test_a_report_never_replaces_its_record(report: Callable[..., Said], record: Path) -> None:
    """A slip of the fingers does not cost an hour of measuring."""
    before = record.read_bytes()
    assert report(record, "--out", record)[0] == 2
    assert record.read_bytes() == before


def test_reports_go_into_pipes(report: Callable[..., Said], record: Path) -> None:
    """Text, JSON, CSV on standard output; also the page."""
    assert report(record, "-o", "-")[1].startswith("<!DOCTYPE html>")
    assert "SLO broken" in report(record, "-f", "text")[1]
    found = json.loads(report(record, "-f", "json")[1])
    assert [step["load"] for step in found["steps"]] == [4, 16, 64]
    rows = list(csv.DictReader(io.StringIO(report(record, "-f", "csv")[1])))
    assert [row["load"] for row in rows] == ["4", "16", "64"]
    samples = list(csv.DictReader(io.StringIO(report(record, "-f", "samples")[1])))
    assert {row["outcome"] for row in samples} == {"ok", "overloaded"}


def test_files_are_written_for_every_format(report: Callable[..., Said], record: Path) -> None:
    """``--out`` names the file, whatever is in it."""
    out = record.with_name("figures.csv")
    assert report(record, "-f", "csv", "-o", out)[0] == 0
    assert out.read_text().startswith("step,loop,load,")


def test_the_language_is_chosen(report: Callable[..., Said], record: Path) -> None:
    """Chinese, in the terminal and in the page."""
    code, out, _ = report(record, "--language", "zh")
    assert code == 0
    assert "拐点" in out
    assert 'lang="zh-CN"' in record.with_suffix(".html").read_text()
    assert report(record, "--language", "tlh")[0] == 2


def test_runs_are_compared(report: Callable[..., Said], record: Path) -> None:
    """Two records make a comparison; the same one twice has no change."""
    other = record.with_name("other.json")
    other.write_bytes(record.read_bytes())
    code, out, err = report(record, other)
    assert code == 0
    assert "run is what the others are compared with." in out
    assert "other: nothing changed beyond noise." in out
    assert f"The report is in {record.with_name('run.compared.html')}" in err
    changes = json.loads(report(record, other, "-f", "json")[1])["changes"]
    assert {change["verdict"] for change in changes} <= {"same", "unsure"}
    assert report(record, other, "-f", "csv")[0] == 2


def test_records_of_one_name_are_told_apart(report: Callable[..., Said], record: Path) -> None:
    """By their folder; the very same file twice by a number."""
    folder = record.with_name("later")
    folder.mkdir()
    other = folder / "run.json"
    other.write_bytes(record.read_bytes())
    assert f"{other}: nothing changed" in report(record, other, "-f", "text")[1]
    assert "(2): nothing changed" in report(record, record, "-f", "text")[1]


def test_a_killed_run_is_reported(report: Callable[..., Said], tmp_path: Path) -> None:
    """From the lines that it left, by either name."""
    sweep((8,), seconds=10, journal=Killed(tmp_path / "run.json", a_run()))
    for name in ("run.json", "run.json.partial"):
        code, out, err = report(tmp_path / name)
        assert code == 0
        assert "The run was broken off" in out
        assert "run.html" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not JSON, or cut short"),
        ('{"ocrgate_bench": 1, "run": {"star', "cut short"),
        ('{"hello": 1}', "not a record of `ocrgate bench`"),
        ('{"ocrgate_bench": 2}', "a newer ocrgate wrote it"),
    ],
)
def test_what_is_no_record_is_refused(
    report: Callable[..., Said], tmp_path: Path, content: str, says: str
) -> None:
    """In one line, with the name of the file and the code for bad input."""
    path = tmp_path / "x.json"
    path.write_text(content)
    code, out, err = report(path)
    assert (code, out) == (4, "")
    assert err.startswith(f"ocrgate: {path}: ")
    assert says in err
    assert "Traceback" not in err


def test_wrong_places_are_said(report: Callable[..., Said], record: Path) -> None:
    """No file, a folder, a folder that is not there, a disk that is full."""
    assert report(record.with_name("none.json"))[0] == 4
    assert report(record, "-o", record.parent)[0] == 2
    assert report(record, "-o", record.parent / "no" / "x.html")[0] == 10
    if Path("/dev/full").exists():
        full = record.with_name("full.html")
        full.with_name("full.html.tmp").symlink_to("/dev/full")
        code, _, err = report(record, "-o", full)
        assert code == 10
        assert f"{full}: No space left on device" in err
        assert not full.exists()
