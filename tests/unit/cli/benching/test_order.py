"""What a load test is to do, from the words of the command line."""

import os
from pathlib import Path

import pytest

from ocrgate.cli.benching.order import Given, checked, files
from ocrgate.cli.report import CommandFailed
from ocrgate.errors import InvalidRequest, NotFound
from ocrgate.load.arrivals import Closed, Open, Ramp, Trace
from ocrgate.load.targets import Api

URL = "http://127.0.0.1:7860"


def test_nothing_said_is_a_short_closed_loop() -> None:
    order = checked(Given(url=URL))
    assert order.loads == (Closed(8),)
    assert (order.span.seconds, order.span.warmup, order.span.requests) == (30.0, 3.0, None)


def test_several_figures_are_several_loads() -> None:
    """Of concurrency or of rate."""
    assert checked(Given(url=URL, concurrency="1, 2,4")).loads == (Closed(1), Closed(2), Closed(4))
    rates = checked(Given(url=URL, rate="2,4.5", burstiness=0.25)).loads
    assert rates == (Open(2.0, 0.25), Open(4.5, 0.25))


def test_a_number_of_requests_has_no_warm_up_and_no_other_end() -> None:
    span = checked(Given(url=URL, requests=100)).span
    assert (span.seconds, span.requests, span.warmup) == (None, 100, 0.0)
    both = checked(Given(url=URL, requests=100, duration="1m", warmup="2s")).span
    assert (both.seconds, both.requests, both.warmup) == (60.0, 100, 2.0)


def test_a_ramp_takes_the_whole_time() -> None:
    order = checked(Given(url=URL, ramp="1:20", duration="1m"))
    assert order.loads == (Ramp(1.0, 20.0, 60.0),)


def test_a_trace_may_be_sped_up(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text("0\n1\n2\n3\n")
    (load,) = checked(Given(url=URL, trace=file, rate="10")).loads
    assert isinstance(load, Trace)
    assert load.rate == pytest.approx(10.0)


@pytest.mark.parametrize(
    "given",
    [
        Given(url=URL, rate="1", concurrency="1"),
        Given(url=URL, rate="1", ramp="1:2"),
        Given(url=URL, rate="1", think="1s"),
        Given(url=URL, concurrency="1.5"),
        Given(url=URL, concurrency=","),
        Given(url=URL, burstiness=2.0),
        Given(url=URL, api="soap"),
        Given(url=URL, mix="all"),
        Given(url=URL, header=["no colon"]),
        Given(url=URL, files=["-"]),
    ],
)
def test_what_does_not_go_together_is_refused(given: Given) -> None:
    with pytest.raises(CommandFailed):
        checked(given)


def test_headers_cannot_hold_others() -> None:
    with pytest.raises(InvalidRequest):
        checked(Given(url=URL, header=["X: 1\r\nY: 2"]))


def test_keys_lanes_and_contract() -> None:
    order = checked(
        Given(url=URL, key=["a", "b"], key_shares="90%,10%", lanes="batch", api="mistral")
    )
    assert order.callers.keys == ("a", "b")
    assert order.callers.weights == (0.9, 0.1)
    assert order.callers.lanes == (("batch", 1.0),)
    assert order.api is Api.MISTRAL


def test_metrics_can_be_named_or_left_out() -> None:
    assert checked(Given(url=URL)).metrics is None
    assert checked(Given(url=URL, metrics=["none"])).metrics == ()
    pages = ("http://a:1/metrics", "http://b:2/metrics")
    assert checked(Given(url=URL, metrics=[*pages])).metrics == pages
    with pytest.raises(InvalidRequest):
        checked(Given(url=URL, metrics=["ftp://a"]))


def test_files_that_are_not_there_are_told() -> None:
    with pytest.raises(NotFound):
        checked(Given(url=URL, files=["no-such-file.png"]))


def test_a_pipe_is_no_file_of_a_load(tmp_path: Path) -> None:
    """It could be read once, and a load sends everything again and again."""
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for name in (str(pipe), "/dev/zero"):
        with pytest.raises(CommandFailed, match="not a pipe"):
            files([name])
