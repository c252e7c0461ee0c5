"""When requests are sent."""

import random
import statistics
from itertools import islice, pairwise
from pathlib import Path

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.load.arrivals import Closed, Open, Ramp, Trace, parse_ramp, read_trace


def pauses(arrivals: Open, count: int = 20_000) -> list[float]:
    instants = list(islice(arrivals.instants(random.Random(7)), count))
    return [after - before for before, after in pairwise([0.0, *instants])]


@pytest.mark.parametrize(("burstiness", "cv"), [(1.0, 1.0), (0.25, 2.0), (4.0, 0.5)])
def test_pauses_have_the_mean_and_spread_that_were_asked_for(burstiness: float, cv: float) -> None:
    """The rate is held whatever the burstiness, and 1 / sqrt(burstiness) is the variation."""
    found = pauses(Open(20.0, burstiness))
    assert statistics.mean(found) == pytest.approx(1 / 20, rel=0.05)
    assert statistics.stdev(found) / statistics.mean(found) == pytest.approx(cv, rel=0.06)


def test_counts_of_poisson_arrivals_vary_as_much_as_they_are_many() -> None:
    """The index of dispersion of a Poisson law is 1, of bursts more."""

    def dispersion(burstiness: float) -> float:
        counts = [0] * 800
        for at in Open(25.0, burstiness).instants(random.Random(3)):
            if at >= 800:
                break
            counts[int(at)] += 1
        return statistics.variance(counts) / statistics.mean(counts)

    assert dispersion(1.0) == pytest.approx(1.0, rel=0.2)
    assert dispersion(0.2) > 3


def test_the_same_seed_gives_the_same_instants() -> None:
    """A run can be repeated."""
    first, second = (list(islice(Open(5.0).instants(random.Random(1)), 50)) for _ in range(2))
    assert first == second


def test_a_ramp_rises_evenly() -> None:
    """A quarter of the arrivals come in the first half of a ramp from nothing."""
    instants = []
    for at in Ramp(0.0, 100.0, 60.0).instants(random.Random(5)):
        if at >= 60:
            break
        instants.append(at)
    assert len(instants) == pytest.approx(3000, rel=0.08)
    assert sum(at < 30 for at in instants) / len(instants) == pytest.approx(0.25, abs=0.03)


def test_a_ramp_may_fall() -> None:
    """20:1 is as good as 1:20, and stays at its last rate."""
    ramp = parse_ramp("20:1", 10)
    assert (ramp.at(0), ramp.at(10), ramp.at(99)) == (20.0, 1.0, 1.0)


def test_a_trace_keeps_its_bursts_at_another_rate() -> None:
    """Twice as fast, all pauses are half as long; at its end it begins anew."""
    trace = Trace((0.0, 0.1, 0.2, 8.0), "t", 2.0)
    found = list(islice(trace.instants(random.Random()), 6))
    assert found[:4] == [0.0, 0.05, 0.1, 4.0]
    assert found[4] > 4.0
    assert found[5] - found[4] == pytest.approx(0.05)


def test_a_trace_is_read_and_scaled(tmp_path: Path) -> None:
    """Plain seconds, one a line, from whichever instant they start."""
    file = tmp_path / "t.txt"
    file.write_text("100\n101\n\n103\n106\n")
    assert read_trace(file).times == (0.0, 1.0, 3.0, 6.0)
    assert read_trace(file, rate=10.0).rate == pytest.approx(10.0)


def test_a_trace_of_azure_is_read(tmp_path: Path) -> None:
    """The public traces are read as they are."""
    file = tmp_path / "t.csv"
    file.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,374,44\n2023-11-16 18:17:05.9799600,396,109\n"
    )
    assert read_trace(file).times == pytest.approx((0.0, 2.0))


ENDLESS = '{"timestamp": NaN, "input_length": 1, "output_length": 1}\n'


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "5\n5\n", "hello\n", "a,b\n1,2\n", "\xe9\xff\xfe"),
        *("nan\n1\n2\n", "0\n1\ninf\n", "0\n1e-9\n", ENDLESS * 2),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, text: str) -> None:
    """A file of one instant, of none, of something else, or without an end to what is due at once.

    The last would fill the machine's memory with requests.
    """
    file = tmp_path / "t"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidRequest):
        read_trace(file)


def test_an_empty_trace_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "trace").touch()
    with pytest.raises(InvalidRequest, match="the trace is empty"):
        read_trace(tmp_path / "trace")


@pytest.mark.parametrize("rate", [0.0, 1e9, float("inf"), float("nan")])
def test_a_trace_is_not_sped_up_without_end(tmp_path: Path, rate: float) -> None:
    """Nor stopped."""
    file = tmp_path / "t"
    file.write_text("0\n1\n2\n")
    with pytest.raises(InvalidRequest, match="--rate"):
        read_trace(file, rate)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Closed(0),
        lambda: Open(0.0),
        lambda: Open(float("nan")),
        lambda: Open(1.0, 0.0),
        lambda: Ramp(-1.0, 5.0, 10.0),
        lambda: Ramp(float("nan"), 5.0, 10.0),
        lambda: Ramp(float("inf"), 5.0, 10.0),
        lambda: parse_ramp("5", 10.0),
        lambda: parse_ramp("a:b", 10.0),
    ],
)
def test_figures_that_make_no_sense_are_refused(make: object) -> None:
    """Told before anything is sent."""
    assert callable(make)
    with pytest.raises(InvalidRequest):
        make()
