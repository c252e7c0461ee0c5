"""What people read: sentences, tables, and one page that asks nothing of any network."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from tests.load_records import ATTACK, a_run, hostile, sweep

from ocrgate.load.journal import Journal
from ocrgate.load.record import Client, Event, Failure, Point, Record, Sample, Step
from ocrgate.load.report import sheets, tables
from ocrgate.load.report.digest import digest
from ocrgate.load.report.page import render
from ocrgate.load.report.plots.figure import text
from ocrgate.load.report.several import Several
from ocrgate.load.report.single import page_of
from ocrgate.load.report.summary import summary
from ocrgate.load.report.words import LANGUAGES, Words


@pytest.fixture(scope="module")
def record() -> Record:
    return sweep()


def said(record: Record, language: str = "en") -> dict[str, str]:
    """Sentences and their tone."""
    return {say.text: say.tone for say in summary(digest(record), Words(language))}


def figures(page: str) -> list[dict[str, Any]]:
    """The plots that travel packed in a page."""
    found = re.search(r'id="figures">([^<]+)<', page)
    assert found
    data: list[dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return data


class Tags(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def count(self, name: str) -> int:
        return self.names.count(name)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data if len(data) < 10_000 else ""


def test_the_summary_answers_what_people_ask(record: Record) -> None:
    """Was the SLO kept, how far, where is the knee, what failed, whose fault is it."""
    found = said(record)
    assert found["Every SLO (e2e ≤ 5 s, error ≤ 2 %) was kept up to concurrency 32."] == "good"
    broken = next(
        each for each in found if each.startswith("SLO broken at concurrency 64: error was")
    )
    assert found[broken] == "bad"
    assert any(each.startswith("The knee is at concurrency 32") for each in found)
    assert any("got no answer: overloaded" in each for each in found)
    assert any("preempted" in each for each in found)
    assert "The load generator kept up: what was measured is the server." in found


def test_a_client_that_was_the_bottleneck_is_said(record: Record) -> None:
    """Otherwise the server would be blamed."""
    steps = [
        msgspec.structs.replace(step, client=Client(saturated="one core was busy"))
        for step in record.steps
    ]
    found = said(msgspec.structs.replace(record, steps=steps))
    assert any("the load generator was the bottleneck (one core was busy)" in s for s in found)
    assert not any("generator kept up" in sentence for sentence in found)


def test_a_run_that_was_broken_off_says_so(record: Record) -> None:
    """Killed, or ended by Ctrl-C in the middle of a load; not a run that came to its end."""
    told = Words()("say.broken_off")
    steps = [*record.steps[:-1], msgspec.structs.replace(record.steps[-1], finished=False)]
    assert told not in said(record)
    assert told in said(msgspec.structs.replace(record, complete=False))
    assert told in said(msgspec.structs.replace(record, steps=steps))


def test_a_run_without_answers_says_so() -> None:
    """Nothing is drawn from nothing, and the reasons are named."""
    journal = Journal(None, a_run())
    step = journal.begin(Step(index=0, loop="open", rate=1.0, ends=10.0))
    for number in range(10):
        at = float(number)
        journal.add(
            Sample(number=number, step=0, intended=at, sent=at, done=at, outcome="connect"),
            "refused",
        )
    journal.end(step)
    record = journal.close()
    found = said(record)
    assert found["Not one of 10 requests was answered."] == "bad"
    assert any("connect 10" in sentence for sentence in found)
    page = render(page_of(record, Words()), Words())
    assert [figure["name"] for figure in figures(page)] == ["errors-time", "latency-time"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_in_which_nothing_was_sent_still_makes_a_page(language: str) -> None:
    """Broken off at once: the page says it, and shows what was meant to be run."""
    record = Record(run=a_run(), complete=False, events=[Event(0.1, "interrupted", "SIGINT")])
    words = Words(language)
    page = render(page_of(record, words), words)
    assert words("say.nothing") in page
    assert words("say.broken_off") in page
    assert "SIGINT" in page
    assert 'id="library"' not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_one_small_file(record: Record, language: str) -> None:
    """Under 3 MB with the plotting library in it, and nothing in it is fetched."""
    words = Words(language)
    page = render(page_of(record, words), words)
    assert len(page.encode()) < 3_000_000
    markup = re.sub(r'<script type="text/plain".*?</script>', "", page, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)="(?!#|data:)', markup)
    assert "default-src 'none'" in markup
    assert len(figures(page)) >= 15
    if language == "zh":
        assert '<html lang="zh-CN">' in page


def test_only_the_script_of_the_page_may_run(record: Record) -> None:
    """The policy names its hash; with another script the page would not draw."""
    page = render(page_of(record, Words()), Words())
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script
    allowed = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"'sha256-{allowed}'" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_a_server_are_never_markup(language: str) -> None:
    """Escaped in the page, in the plots and in the comparison."""
    words, record = Words(language), hostile()
    pages = [page_of(record, words), Several([(ATTACK, record), ("b", record)]).page(words)]
    for page in pages:
        html = render(page, words)
        tags = Tags(html)
        assert tags.count("img") == 0
        assert tags.count("script") == 3  # the library, the figures, the page's own
        assert not [name for name in tags.attributes if name.startswith("on")]
        assert ATTACK in tags.text
        for figure in figures(html):
            shown = json.dumps([trace.get("name", "") for trace in figure["traces"]])
            assert "<script" not in shown
            assert "<img" not in shown


def test_labels_of_plots_are_bounded_and_harmless() -> None:
    """plotly.js reads some HTML in labels."""
    assert text("<a href='http://evil'>x</a>") == "&lt;a href='http://evil'&gt;x&lt;/a&gt;"
    assert len(text("x" * 10_000)) == 200


def test_tables_show_what_was_measured(record: Record) -> None:
    """One row for each load, no empty columns, sorted by value and not by text."""
    table = tables.steps(digest(record), Words())
    assert [row[0].text for row in table.rows] == [f"concurrency {n}" for n in (4, 8, 16, 32, 64)]
    errors = list(table.columns).index("Errors")
    assert [row[errors].tone for row in table.rows][-1] == "bad"
    assert "Offered /s" not in table.columns
    assert "p99 as sent" not in table.columns
    lines = tables.plain(table).splitlines()
    assert len(lines) == 6
    assert len({line.index("p50") if "p50" in line else 0 for line in lines[:1]}) == 1


def test_tables_line_up_in_chinese_too(record: Record) -> None:
    """Wide letters take two columns of a terminal."""
    lines = tables.plain(tables.steps(digest(record), Words("zh"))).splitlines()
    ends = {sum(2 if ord(letter) > 0x2E80 else 1 for letter in line) for line in lines}
    assert len(ends) == 1


def test_failures_of_one_kind_are_one_row() -> None:
    """A thousand refusals do not bury the one crash."""
    record = sweep((64,), seconds=20)
    record.failures.append(Failure(3.0, 0, "reset", "the connection broke"))
    table = tables.failures(digest(record), Words())
    assert table is not None
    assert [row[0].text for row in table.rows] == ["overloaded", "reset"]


def test_groups_are_shown_where_there_are_several(record: Record) -> None:
    """Two lanes and two kinds of page; the only key is no group."""
    table = tables.groups(digest(record), Words())
    assert table is not None
    assert [row[0].text for row in table.rows] == [
        "class dense",
        "class receipt",
        "lane batch",
        "lane interactive",
    ]


def test_csv_holds_plain_numbers(record: Record) -> None:
    """Seconds and shares, one line for each load; and each request that was kept."""
    steps = list(sheets.steps(digest(record)))
    assert len(steps) == 6
    head, last = (line.strip().split(",") for line in (steps[0], steps[-1]))
    row = dict(zip(head, last, strict=True))
    assert float(row["error_share"]) == pytest.approx(0.49, abs=0.05)
    assert (row["load"], row["slo_kept"]) == ("64", "False")
    rows = list(sheets.samples(record))
    assert len(rows) == 1 + len(record.samples.rows)
    assert rows[0].startswith("number,step,intended,sent,done,first,outcome")


def test_csv_is_no_program() -> None:
    """A spreadsheet runs what begins with an equals sign; servers choose words."""
    journal = Journal(None, a_run())
    step = journal.begin(Step(index=0, loop="open", rate=1.0, ends=9.0, label="=1+1"))
    journal.add(
        Sample(number=1, step=0, intended=1.0, sent=1.0, done=2.0, outcome='=cmd|"/c calc"!A1')
    )
    journal.end(step)
    record = journal.close()
    assert "'=cmd" in "".join(sheets.samples(record))
    assert "'=1+1" in "".join(sheets.steps(digest(record)))
    assert list(sheets.steps(digest(Record(run=a_run())))) == ["step,loop,load\n"]


def test_a_long_run_stays_a_small_page() -> None:
    """A day of readings and many thousand samples are thinned, not shipped."""
    record = sweep((16, 24), seconds=800)
    record.series.extend(Point(n / 10, "kv_usage", 0.5) for n in range(40_000))
    page = render(page_of(record, Words()), Words())
    assert len(record.samples.rows) > 20_000
    assert len(page.encode()) < 2_300_000
    for figure in figures(page):
        assert sum(len(trace.get("x", ())) for trace in figure["traces"]) < 12_000, figure["name"]
