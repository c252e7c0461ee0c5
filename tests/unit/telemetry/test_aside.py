"""Logs whose reader has stopped: nobody waits, losses are counted, the rest keeps its order."""

import fcntl
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from ocrgate.telemetry.aside import Aside


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe of one page of memory that nobody reads yet."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(reader, "rb", buffering=0) as end, os.fdopen(writer, "w") as stream:
        yield end.fileno(), stream


def all_of(reader: int, lines: int) -> list[str]:
    """So many lines, as they come."""
    got = b""
    while got.count(b"\n") < lines:
        got += os.read(reader, 65_536)
    return got.decode().splitlines()


def test_a_reader_that_stopped_keeps_nobody_waiting(pipe: tuple[int, TextIO]) -> None:
    """Far more than the pipe holds is taken at once; what waits is written when somebody reads."""
    reader, target = pipe
    told: list[int] = []
    with Aside(target, most=500, lost=told.append) as stream:
        begun = time.monotonic()
        for number in range(5000):
            stream.write(f"{number:060}\n")
        assert time.monotonic() - begun < 1
        assert stream.dropped >= 4000
        kept = 5000 - stream.dropped
        seen = [int(line) for line in all_of(reader, kept)]
        assert seen == sorted(set(seen))
        assert seen[:500] == list(range(500))  # what came when there was no room is what is missing
        assert stream.drain()
        stream.write("after\n")
        assert all_of(reader, 1) == ["after"]
        assert sum(told) == 5000 - kept


def test_the_end_waits_for_the_rest(pipe: tuple[int, TextIO]) -> None:
    """A reader that is merely slow gets every line."""
    reader, target = pipe
    seen: list[str] = []

    def read() -> None:
        time.sleep(0.1)
        seen.extend(all_of(reader, 2000))

    thread = threading.Thread(target=read)
    thread.start()
    with Aside(target) as stream:
        for number in range(2000):
            stream.write(f"{number}\n")
    thread.join()
    assert (seen, stream.dropped) == ([str(n) for n in range(2000)], 0)
    stream.write("late\n")
    assert all_of(reader, 1) == ["late"]


def test_the_end_has_its_patience(pipe: tuple[int, TextIO]) -> None:
    """Nobody reads at all: the server ends all the same, and what is logged later is dropped."""
    reader, target = pipe
    stream = Aside(target)
    with stream:
        stream.write("x" * 100_000 + "\n")
        begun = time.monotonic()
        stream.end(0.1)
        assert time.monotonic() - begun < 1
    stream.write("late\n")
    assert stream.dropped == 1
    all_of(reader, 1)  # and the thread comes to its end


def test_a_pipe_that_somebody_made_not_to_block_loses_nothing(pipe: tuple[int, TextIO]) -> None:
    """Such a pipe refuses what it cannot hold; it is tried again when there is room."""
    reader, target = pipe
    os.set_blocking(target.fileno(), False)
    with Aside(target) as stream:
        stream.write("".join(f"{n}\n" for n in range(4000)))
        assert all_of(reader, 4000) == [str(n) for n in range(4000)]


def test_a_reader_that_has_gone_is_counted() -> None:
    """The write fails; the server goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as target, Aside(target) as stream:
        stream.write("one\ntwo\n")
        assert stream.drain()
        assert stream.dropped == 2


def test_a_loss_that_cannot_be_told_is_not_told_for_ever() -> None:
    """Whoever tells of it writes a line, which is lost too."""
    reader, writer = os.pipe()
    os.close(reader)
    told: list[int] = []

    def tell(lines: int) -> None:
        told.append(lines)
        if len(told) < 100:
            stream.write("so many were lost\n")

    with os.fdopen(writer, "w") as target:
        stream = Aside(target, lost=tell)
        with stream:
            stream.write("one\n")
            assert stream.drain()
        assert (told, stream.dropped) == ([], 1)


def test_streams_of_no_file_and_odd_letters_are_written_too() -> None:
    """Half a character pair is shown, not raised."""
    target = io.StringIO()
    with Aside(target) as stream:
        print("a\udc80b", file=stream)
    assert target.getvalue() == "a\\udc80b\n"


def test_a_process_that_fails_has_logged_everything_before_its_traceback() -> None:
    """The lines stand before the reason for the end, in order and none missing."""
    code = (
        "from ocrgate.telemetry.logging import stderr_aside, configure\n"
        "import structlog, sys\n"
        "with stderr_aside():\n"
        "    configure('json')\n"
        "    for n in range(3000): structlog.get_logger('x').info('line', n=n)\n"
        "    sys.stderr.write('talk\\n')\n"
        "    raise RuntimeError('the reason')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    lines = run.stderr.splitlines()
    assert [f'"n":{n},' in line for n, line in enumerate(lines[:3000])] == [True] * 3000
    assert lines[3000:3002] == ["talk", "Traceback (most recent call last):"]
    assert lines[-1] == "RuntimeError: the reason"
