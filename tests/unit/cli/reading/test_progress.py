"""Progress: a bar for people who wait, lines for logs, nothing for what is quick."""

import io

from ocrgate.cli.reading.progress import Bar, Lines, choose, describe
from ocrgate.testing import ManualClock


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_pages_rate_and_time_left_are_told() -> None:
    """Who waits knows how long."""
    assert describe(120, 200, "pages", 30.0) == "120 of 200 pages, 4 pages/s, 20 s left"
    assert describe(1, 2000, "pages", 10.0) == "1 of 2000 pages, 0.1 pages/s, 5.6 h left"
    assert describe(10, 100, "pages", 60.0).endswith("9 min left")
    assert describe(0, 5, "files", 10.0) == "0 of 5 files"


def test_a_log_gets_a_line_now_and_then() -> None:
    """A run of an hour leaves some hundred lines, a run of seconds none."""
    clock, stream = ManualClock(), io.StringIO()
    lines = Lines(stream, "pages", clock.now)
    lines.expect(100)
    for _ in range(60):
        clock.advance(0.5)
        lines.done()
        lines.tick()
    lines.close()
    assert stream.getvalue().splitlines() == [
        "20 of 100 pages, 2 pages/s, 40 s left",
        "40 of 100 pages, 2 pages/s, 30 s left",
        "60 of 100 pages, 2 pages/s, 20 s left",
    ]


def test_a_bar_appears_only_when_it_lasts() -> None:
    """What is done within two seconds does not flicker."""
    clock, stream = ManualClock(), Terminal()
    bar = Bar(stream, "pages", clock.now)
    bar.expect(10)
    bar.done(2)
    clock.advance(1.9)
    bar.tick()
    assert stream.getvalue() == ""
    clock.advance(0.2)
    bar.tick()
    bar.note("page 3 failed")
    bar.close()
    assert "2 of 10 pages" in stream.getvalue()
    assert "page 3 failed" in stream.getvalue()


def test_no_bar_is_drawn_through_the_text_itself() -> None:
    """Text that scrolls over the same terminal is progress enough."""
    assert isinstance(choose(Terminal(), unit="pages", text_on_same_terminal=False), Bar)
    assert isinstance(choose(Terminal(), unit="pages", text_on_same_terminal=True), Lines)
    assert isinstance(choose(io.StringIO(), unit="pages", text_on_same_terminal=False), Lines)
