"""Plots show what was measured, thinned and never made up."""

import msgspec
import pytest
from tests.load_records import a_run, sweep

from ocrgate.load.record import Point, Record
from ocrgate.load.report.digest import digest
from ocrgate.load.report.plots import against, carries, correctness, latency, surface, timeline
from ocrgate.load.report.plots.figure import rule, share_axis, time_axis
from ocrgate.load.report.several import Several
from ocrgate.load.report.words import Words

WORDS = Words()


@pytest.fixture(scope="module")
def closed() -> Record:
    return sweep(seconds=20)


@pytest.fixture(scope="module")
def opened() -> Record:
    return sweep((5, 15, 40), loop="open", seconds=20)


def names(figure_traces: object) -> list[str]:
    assert isinstance(figure_traces, list)
    return [trace["name"] for trace in figure_traces]


def test_bars_over_time_add_up_to_all_requests(closed: Record) -> None:
    """Every request that ended is in one bar, warm-up and tail included."""
    figure = timeline.errors_time(digest(closed), WORDS)
    bars = [trace for trace in figure.traces if trace["type"] == "bar"]
    drawn = sum(value * trace["width"] for trace in bars for value in trace["y"])
    assert drawn == pytest.approx(len(closed.samples.rows))


@pytest.mark.parametrize(("seconds", "width"), [(60, 1), (301, 2), (1400, 5), (86_400, 500)])
def test_bars_are_as_wide_as_there_is_time(seconds: float, width: int) -> None:
    """At most three hundred of them, of round widths."""
    assert timeline.bin_width(seconds) == width
    assert seconds / width <= 300


def test_what_was_offered_is_drawn_in_an_open_loop_only(closed: Record, opened: Record) -> None:
    """A closed loop offers as fast as it is refused, which is no load of its own."""
    assert "offered" not in names(carries.carries(digest(closed), [None] * 5, WORDS).traces)
    figure = carries.carries(digest(opened), [None] * 3, WORDS)
    assert names(figure.traces)[0] == "offered"
    assert figure.layout["xaxis"]["title"]["text"] == "Offered requests per second"


def test_two_loops_share_an_axis_that_both_have(closed: Record, opened: Record) -> None:
    """Requests at once, as measured."""
    steps = [msgspec.structs.replace(s, index=s.index + 5) for s in opened.steps]
    both = msgspec.structs.replace(closed, steps=[*closed.steps, *steps])
    _, across = carries.load_axis(digest(both), WORDS)
    assert across["title"]["text"] == "Requests at once (mean)"


def test_refused_requests_never_arrive_in_the_distribution(closed: Record) -> None:
    """Half refused: the curve ends at half."""
    last = digest(closed).steps[-1]
    trace = latency.ecdf(digest(closed), WORDS).traces[-1]
    assert trace["y"][-1] == pytest.approx(1 - last.errors, abs=0.01)


def test_a_sweep_of_many_loads_draws_as_many_lines_as_an_eye_follows() -> None:
    """The least and the highest load among them."""
    found = digest(sweep(tuple(range(1, 31)), seconds=6))
    drawn = latency.chosen(found.steps)
    assert len(drawn) == 12
    assert (drawn[0].load, drawn[-1].load) == (1, 30)


def test_a_target_that_tells_no_first_token_has_no_plot_of_it() -> None:
    """Where the first byte comes with the last one, it says nothing of its own."""
    record = sweep((8,), seconds=20)
    record.samples.rows[:] = [
        msgspec.structs.replace(sample, first=sample.done - 1e-3) for sample in record.samples.rows
    ]
    assert latency.first(digest(record), WORDS) is None


def test_every_meter_finds_its_plot(closed: Record) -> None:
    """Known ones by kind, unknown ones by their own name, counters as rates."""
    more = [Point(1.0, "queue_depth", 3.0), Point(2.0, "queue_depth", 4.0)]
    more += [Point(float(at), "generated_tokens", 50.0 * at) for at in range(5)]
    record = msgspec.structs.replace(closed, series=[*closed.series, *more])
    figures = {figure.name: figure for figure in timeline.server(digest(record), WORDS)}
    assert set(figures) == {"cache", "queue", "preempted", "written", "memory", "other"}
    assert names(figures["other"].traces) == ["queue_depth"]
    assert figures["written"].traces[0]["y"] == [50.0] * 4
    assert max(figures["memory"].traces[0]["y"]) == pytest.approx(15.5, abs=0.6)


def test_a_peak_of_a_long_run_is_not_thinned_away(closed: Record) -> None:
    """One second at the top among ten thousand."""
    readings = [Point(float(at), "kv_usage", 0.2) for at in range(10_001)]
    readings[7777] = Point(7777.0, "kv_usage", 1.0)
    (figure,) = timeline.server(digest(msgspec.structs.replace(closed, series=readings)), WORDS)
    assert max(figure.traces[0]["y"]) == 1.0
    assert len(figure.traces[0]["y"]) <= 600


def test_replicas_are_told_apart_and_one_needs_no_number(closed: Record) -> None:
    """``running`` alone, ``running · 0`` and ``running · 1`` where there are two."""
    readings = [Point(1.0, "running", 3.0, source) for source in ("0", "1")]
    two = msgspec.structs.replace(closed, series=readings)
    one = msgspec.structs.replace(closed, series=readings[:1])
    (first,) = timeline.server(digest(two), WORDS)
    (second,) = timeline.server(digest(one), WORDS)
    assert names(first.traces) == ["running · 0", "running · 1"]
    assert names(second.traces) == ["running"]


def test_answers_are_one_whole(closed: Record) -> None:
    """Right, degraded, wrong and missing make all requests of a step."""
    figure = correctness.quality(digest(closed), WORDS)
    for place in range(5):
        assert sum(trace["y"][place] for trace in figure.traces) == pytest.approx(1.0, abs=1e-4)


def test_the_surface_goes_through_what_was_measured(closed: Record) -> None:
    """A ribbon for each load, and the steps lie within their ribbons."""
    solid, *cuts = surface.surface(digest(closed), WORDS)
    sheet, steps = solid.traces
    assert [row[0] for row in sheet["x"]] == [4, 8, 16, 32, 64]
    for place, rates in enumerate(sheet["y"]):
        assert min(rates) <= steps["y"][place] <= max(rates)
    assert steps["z"][-1] == pytest.approx(max(map(max, sheet["z"])), abs=0.1)
    assert len(cuts) == 3


def test_no_surface_is_made_of_one_load() -> None:
    """Nor of steps too short for windows."""
    assert surface.surface(digest(sweep((8,), seconds=20)), WORDS) == []
    assert surface.surface(digest(sweep((8, 16), seconds=1)), WORDS) == []


def test_marks_of_axes_fit_what_is_shown() -> None:
    """Durations carry units, shares show at least two percent, labels of rules need no room."""
    axis = time_axis("Latency", [0.1, 3.0])
    assert "500 ms" in axis["ticktext"]
    assert "2 s" in axis["ticktext"]
    assert "200 ms" not in time_axis("Latency", [0.001, 1.0])["ticktext"]
    assert share_axis("Errors", 0.0)["range"] == [0, 0.02]
    assert rule(5.0, "promised", upright=True)[1]["textangle"] == -90


def test_compared_runs_are_drawn_over_one_another(closed: Record, opened: Record) -> None:
    """At a load that they share; each at its own best where they share none."""
    (_, first), (_, second) = Several([("a", closed), ("b", closed)]).named
    shapes = against.shapes([("a", first), ("b", second)], WORDS)
    assert first.knee is not None
    best = WORDS.load(first.knee)
    assert names(shapes[0].traces) == [f"a · {best}", f"b · {best}"]
    other = digest(opened)
    shapes = against.shapes([("a", first), ("c", other)], WORDS)
    assert names(shapes[0].traces)[1].startswith("c · ")
    assert names(shapes[0].traces)[1].endswith("/s")


def test_unlike_runs_are_compared_with_a_word_of_warning(closed: Record, opened: Record) -> None:
    """Another SLO, other work, no load in common."""
    run = a_run({"e2e": 1.0})
    run.work["pages"] = 3
    other = msgspec.structs.replace(opened, run=run)
    texts = [say.text for say in Several([("a", closed), ("b", other)]).said(WORDS)]
    assert any("The SLOs differ" in text for text in texts)
    assert any("The work differs (pages)" in text for text in texts)
    assert any("share no load" in text for text in texts)
    assert any("b: 5/s, 15/s, 40/s has no partner" in text for text in texts)


@pytest.mark.parametrize(("low", "high"), [(0.02, 0.036), (1.1, 2.3), (0.1, 5.0), (0.01, 60.0)])
def test_an_axis_of_times_has_marks_enough_and_not_too_many(low: float, high: float) -> None:
    """Also where all requests took about as long."""
    marks = [mark for mark in time_axis("", [low, high])["tickvals"] if low <= mark <= high]
    assert 2 < len(marks) < 9


def test_runs_are_laid_over_each_other_at_a_load_that_both_held() -> None:
    """Not the one's best beside the other's, where that is another load."""
    many, one = digest(sweep(seconds=10)), digest(sweep((4,), seconds=10, seed=2))
    assert many.knee is not None
    assert many.knee.load != 4
    shapes = against.shapes([("many", many), ("one", one)], WORDS)
    assert names(shapes[0].traces) == ["many · concurrency 4", "one · concurrency 4"]


def test_the_scale_of_colours_tells_small_shares_apart() -> None:
    """Of up to 2 % every mark would be called 0, 1 or 2 % otherwise."""
    (solid, *_) = surface.surface(digest(sweep((4, 8, 16), seconds=10)), WORDS)
    (sheet, *_) = solid.traces
    assert sheet["cmax"] < 0.1
    assert sheet["colorbar"]["tickformat"] == ".1%"
