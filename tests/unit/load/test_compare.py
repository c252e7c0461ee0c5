"""Several servers under one load: who carries how much, and how steadily."""

import msgspec
from tests.load_records import Server, sweep

from ocrgate.load.compare import Contender, halt, names, slowdown, table
from ocrgate.load.record import Point, Step
from ocrgate.load.report.tables import plain
from ocrgate.load.report.words import Words
from ocrgate.load.tally import Tally


def a_step(per_second: list[int], offered: int = 5) -> Step:
    """A step with so many answers in each second."""
    line = {second: count for second, count in enumerate(per_second) if count}
    tally = Tally(
        outcomes={"ok": sum(per_second)},
        seconds={"done:ok": line, "offered": dict.fromkeys(range(len(per_second)), offered)},
    )
    return Step(index=0, loop="open", rate=5.0, ends=float(len(per_second)), tally=tally)


def test_the_table_has_a_row_for_each_server() -> None:
    """Also for one that could not be reached, with the reason."""
    fast, slow = (
        sweep((8, 32, 64), seconds=20),
        sweep((8, 32, 64), seconds=20, server=Server(slots=8)),
    )
    fast.series.append(Point(3.0, "gpu_memory_bytes", 30 * 2.0**30))
    rows = [
        Contender("vllm", fast),
        Contender("llama.cpp", slow),
        Contender("tgi", None, "not tested: connection refused"),
    ]
    found = plain(table(rows, Words())).splitlines()
    assert len(found) == 4
    assert "30.0 GiB" in found[1]
    assert "concurrency 32" in found[1]
    assert "concurrency 8" in found[2]
    assert "not tested: connection refused" in found[3]


def test_the_load_that_speaks_for_a_server_keeps_its_promise() -> None:
    """More throughput at a load that breaks the SLO does not count."""
    record = sweep((8, 64), seconds=20)
    best = Contender("a", record).best
    assert best is not None
    assert best.load == 8
    broken = sweep((64,), seconds=20)
    worst = Contender("b", broken).best
    assert worst is not None
    assert worst.held is False


def test_standing_still_is_seen() -> None:
    """Seconds in which nobody was answered although requests were due."""
    assert halt(a_step([5] * 10 + [0] * 7 + [5] * 10)) == 7
    assert halt(a_step([5] * 20)) == 0
    assert halt(a_step([0] * 20, offered=0)) == 0
    stood = msgspec.structs.replace(
        sweep((8,), seconds=20), steps=[a_step([5] * 10 + [0] * 12 + [5] * 10)], series=[]
    )
    assert "stood still for 12 s" in plain(table([Contender("a", stood)], Words()))


def test_getting_slower_is_seen_beyond_chance() -> None:
    """Half as fast in the end is a word; a few less of few are not."""
    assert slowdown(a_step([10] * 10 + [8] * 10 + [5] * 10)) == 0.5
    assert slowdown(a_step([10] * 30)) is None
    assert slowdown(a_step([1] * 3 + [1] * 3 + [1, 0, 1])) is None
    assert slowdown(a_step([1])) is None


def test_restarts_are_counted() -> None:
    """A counter that falls back belongs to a new process."""
    record = sweep((8,), seconds=20)
    record.series[:] = [
        Point(float(at), "preemptions", v) for at, v in enumerate((3.0, 4.0, 0.0, 1.0))
    ]
    assert "restarted, 1 times" in plain(table([Contender("a", record)], Words()))


def test_servers_are_told_apart() -> None:
    """By kind where that is enough, else by address too."""
    urls = ["http://a", "http://b", "http://c"]
    assert names(urls, ["vllm", "ocrgate", "vllm"]) == [
        "vllm http://a",
        "ocrgate",
        "vllm http://c",
    ]
    assert names(["http://a"], [""]) == ["http://a"]
