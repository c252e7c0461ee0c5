"""Which way up a page is."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from ocrgate.engines.cpu.ctc import Reading
from ocrgate.engines.cpu.direction import turn_of
from ocrgate.engines.cpu.geometry import Quad

LEVEL = [np.array([[0, y], [300, y], [300, y + 20], [0, y + 20]], np.float32) for y in (0, 40, 80)]
TALL = [np.array([[x, 0], [x + 20, 0], [x + 20, 300], [x, 300]], np.float32) for x in (0, 40, 80)]


@dataclass
class Scripted:
    """Reads with a given confidence after a given turn; counts what it was asked."""

    fast: dict[int, float]
    strong: dict[int, float] = field(default_factory=dict)
    text: str = "letters"
    upright: str = ""
    asked: list[tuple[int, bool]] = field(default_factory=list)

    def turned(self, quad: Quad, clockwise: int, *, strong: bool = False) -> Reading:
        self.asked.append((clockwise, strong))
        score = (self.strong if strong else self.fast).get(clockwise, 0.3)
        count = len(self.text)
        return Reading(self.text, (score,) * count, tuple(n / count for n in range(count)))

    def cells(self, quad: Quad, reading: Reading) -> Reading:
        return Reading(self.upright)


def test_an_upright_page_is_read_once() -> None:
    """A page that reads well as it lies costs nothing more."""
    sampler = Scripted(fast={0: 0.97})
    assert turn_of(LEVEL, sampler) == 0
    assert set(sampler.asked) == {(0, False)}


def test_a_page_upside_down_is_turned() -> None:
    """It reads badly as it lies and well the other way."""
    assert turn_of(LEVEL, Scripted(fast={0: 0.5}, strong={0: 0.5, 180: 0.98})) == 180


def test_a_script_that_the_fast_weights_do_not_know_is_not_turned() -> None:
    """The strong weights read it well as it lies."""
    assert turn_of(LEVEL, Scripted(fast={0: 0.4}, strong={0: 0.97, 180: 0.6})) == 0


def test_what_nobody_can_read_is_left_as_it_lies() -> None:
    """An unknown script gives no reason to turn the page."""
    assert turn_of(LEVEL, Scripted(fast={0: 0.4}, strong={0: 0.4, 180: 0.6})) == 0
    assert turn_of(TALL, Scripted(fast={270: 0.4}, strong={90: 0.6, 270: 0.5})) == 0


@pytest.mark.parametrize("turn", [90, 270])
def test_a_page_on_its_side_is_turned_back(turn: int) -> None:
    """Lines that run downwards are read both ways, the better one wins."""
    sampler = Scripted(fast={turn: 0.98, 360 - turn: 0.5}, strong={turn: 0.98, 360 - turn: 0.5})
    assert turn_of(TALL, sampler) == turn


def test_chinese_set_downwards_stays() -> None:
    """Its characters read the same when they are cut out upright, so the page is upright."""
    assert turn_of(TALL, Scripted(fast={270: 0.99}, text="有評是非", upright="有評是非")) == 0


def test_chinese_on_its_side_is_turned() -> None:
    """Its characters make no sense when they are cut out as they lie."""
    assert turn_of(TALL, Scripted(fast={270: 0.99}, text="有評是非", upright="回口日曰")) == 270


def test_a_page_without_lines_stays() -> None:
    """There is nothing to judge by."""
    assert turn_of([], Scripted(fast={})) == 0
