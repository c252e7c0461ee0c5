"""Which connection is closed when there are too many."""

import pytest

from ocrgate.gateway.connections import SILENCE, Connections, bound_for, files_for
from ocrgate.testing import ManualClock


class Line:
    """One connection, which remembers whether it was told to close."""

    def __init__(self) -> None:
        self.closed = False

    def give_way(self) -> None:
        """Close."""
        self.closed = True


class House:
    """Connections with a clock moved by hand."""

    def __init__(self, bound: int) -> None:
        self.clock = ManualClock()
        self.displaced = self.refused = 0
        self.open = Connections(bound, self.clock.now, self._displaced, self._refused)

    def _displaced(self) -> None:
        self.displaced += 1

    def _refused(self, _seconds: float) -> None:
        self.refused += 1

    def lines(self, count: int) -> list[Line]:
        """So many that came one after the other and may stay."""
        found = [Line() for _ in range(count)]
        for line in found:
            assert self.open.enter(line)
            self.clock.advance(0.01)
        return found


def test_the_longest_silent_one_gives_way() -> None:
    """Not the oldest: one that has just been used is likely to be used again."""
    house = House(3)
    first, second, third = house.lines(3)
    house.clock.advance(2 * SILENCE)
    house.open.speaks(first)
    house.open.waits(first)
    house.lines(1)
    assert [line.closed for line in (first, second, third)] == [False, True, False]
    assert (house.displaced, house.open.tally.open) == (1, 3)


def test_those_with_a_request_stay() -> None:
    """Where all are at work a newcomer is inside only once somebody has gone."""
    house = House(2)
    busy = house.lines(2)
    assert all(house.open.speaks(line) for line in busy)
    house.clock.advance(60)
    (late,) = house.lines(1)
    assert not house.open.speaks(late)
    house.open.leave(busy[0])
    house.open.waits(late)
    assert house.open.speaks(late)
    assert not any(line.closed for line in (*busy, late))


def test_one_beyond_moves_in_when_another_falls_silent() -> None:
    """It was refused by nobody yet: its request is served."""
    house = House(2)
    busy = house.lines(2)
    assert all(house.open.speaks(line) for line in busy)
    (late,) = house.lines(1)
    house.open.waits(busy[1])
    house.clock.advance(SILENCE)
    assert house.open.speaks(late)
    assert (busy[0].closed, busy[1].closed) == (False, True)


def test_who_was_silent_for_a_moment_only_is_not_disturbed() -> None:
    """Between two requests a connection is idle for milliseconds."""
    house = House(2)
    house.lines(2)
    (late,) = house.lines(1)
    assert not house.open.speaks(late)
    assert house.displaced == 0


def test_places_beyond_are_bounded_and_not_held_by_silence() -> None:
    """Whoever opens connections and says nothing cannot keep the watch of the server out."""
    house = House(8)
    for line in house.lines(8):
        house.open.speaks(line)
    beyond = house.lines(8)
    assert not house.open.enter(Line())
    assert house.refused == 1
    house.clock.advance(SILENCE)
    (probe,) = house.lines(1)
    assert beyond[0].closed
    assert not house.open.speaks(probe)


def test_leaving_twice_is_leaving_once() -> None:
    """One that gave way is closed later, and counts no more from the first instant on."""
    house = House(1)
    (first,) = house.lines(1)
    house.clock.advance(SILENCE)
    (second,) = house.lines(1)
    house.open.leave(first)
    house.open.waits(first)
    assert (first.closed, house.open.tally.open, house.open.tally.silent) == (True, 1, 1)
    house.open.leave(second)
    assert house.open.tally.open == 0


@pytest.mark.parametrize(
    ("asked", "files", "bound"),
    [(None, 1_000_000, 10_000), (None, 1024, 738), (None, 64, 18), (None, 20, 8), (100, 1024, 100)],
)
def test_the_bound_leaves_files_for_the_engine(asked: int | None, files: int, bound: int) -> None:
    """Three quarters of what the process may open, and no more than is of use."""
    assert bound_for(asked, files) == bound


@pytest.mark.parametrize("asked", [None, 8, 100, 12_345])
def test_so_many_files_are_enough(asked: int | None) -> None:
    """With what is asked of the system, the number that was set is reached."""
    assert bound_for(asked, files_for(asked)) == (asked or 10_000)
