"""The ladder at a gate that follows a script."""

from dataclasses import dataclass, field, replace

import pytest

from ocrgate.control.admission import AdmissionParams
from ocrgate.control.decision import Admitted, Refused
from ocrgate.control.degrade import DegradeParams
from ocrgate.control.ladder import Rung
from ocrgate.domain.document import Encoding, ImageSpec, PageImage
from ocrgate.domain.recognition import PageRequest, PageWarning
from ocrgate.domain.ticket import Lane, Ticket
from ocrgate.runtime.pressure import Pressure
from ocrgate.testing import ManualClock, page_reading

SPEC = ImageSpec(max_side=1000)
LARGE = PageImage(b"", Encoding.RAW, 750, 500, 1, 1500, 1000)
SMALL = PageImage(b"", Encoding.RAW, 300, 200, 1, 300, 200)


@dataclass
class Gate:
    """A gate at which pages come, ten a second, and so many of them are refused."""

    clock: ManualClock = field(default_factory=ManualClock)
    params: DegradeParams = field(default_factory=DegradeParams)
    writes: bool = True
    waited: float = 0.0
    lane: Lane = Lane.STANDARD

    def __post_init__(self) -> None:
        self.entered: list[Rung] = []
        self.pressure = Pressure(
            self.clock,
            AdmissionParams(),
            self.params,
            writes=self.writes,
            entered=self.entered.append,
        )

    def rungs(self) -> list[Rung]:
        return list(self.pressure.rungs)

    def come(self, seconds: float, refused: float) -> None:
        debt = 0.0
        for number in range(round(seconds * 10)):
            now = self.clock.now()
            ticket = Ticket(number, self.lane, "ann", now, now + 10.0)
            debt += refused
            if debt >= 1:
                debt -= 1
                self.pressure.gate(Refused(ticket, "backlog", 1.0))
            else:
                self.pressure.gate(Admitted(ticket, self.waited))
            self.clock.advance(0.1)


def test_rungs_come_with_refusals_and_go_without() -> None:
    """One after the other, and all of them leave again, without anybody asking."""
    gate = Gate()
    gate.come(5.0, refused=0.0)
    assert gate.rungs() == []
    gate.come(15.0, refused=0.45)
    assert gate.rungs() == [Rung.SMALLER_IMAGE, Rung.SHORTER_OUTPUT] == gate.entered
    gate.come(10.0, refused=0.7)
    assert gate.rungs() == [*gate.entered[:2], Rung.REFUSAL] == gate.entered
    gate.come(30.0, refused=0.0)
    assert gate.rungs() == []
    gate.clock.advance(60.0)
    assert gate.clock.next_timer() is None  # at rest nothing ticks


def test_a_long_wait_is_pressure_too() -> None:
    """Pages waited 1.5 s of the 2 s that those of callers of 10 s wait at most."""
    gate = Gate(waited=1.5)
    gate.come(4.0, refused=0.0)
    assert gate.pressure.now == pytest.approx(0.75, abs=0.05)
    assert gate.pressure.rungs == (Rung.SMALLER_IMAGE,)


def test_who_has_time_does_not_press() -> None:
    """Whole documents in the lane `batch` may wait, and nobody gets less for it."""
    gate = Gate(waited=2.0, lane=Lane.BATCH)
    gate.come(15.0, refused=0.9)
    assert gate.rungs() == []


def test_one_refusal_after_a_quiet_night_is_none() -> None:
    """A handful of pages is no share."""
    gate = Gate()
    gate.come(0.1, refused=1.0)
    gate.clock.advance(1.0)
    assert gate.pressure.now <= 0.5
    assert gate.pressure.rungs == ()


def test_pages_get_less_and_say_so() -> None:
    """A smaller image, a shorter text; what would have been as small anyway is not degraded."""
    gate = Gate()
    gate.come(15.0, refused=0.7)
    given = gate.pressure.given(PageRequest(), SPEC, frozenset())
    assert (given.spec.max_side, given.request.max_tokens) == (750, 1024)
    cut = replace(page_reading("half a"), warnings=(PageWarning.TRUNCATED,))
    assert given.told(cut, LARGE).degraded == ("smaller_image", "shorter_output")
    assert given.told(page_reading("all"), LARGE).degraded == ("smaller_image",)
    assert given.told(page_reading("all"), SMALL).degraded == ()


def test_a_caller_may_forbid_it() -> None:
    """One rung or all; and who asks for less than the cap keeps what was asked for."""
    gate = Gate()
    gate.come(15.0, refused=0.7)
    asked = PageRequest(max_tokens=100)
    assert gate.pressure.given(asked, SPEC, frozenset()).request is asked
    some = gate.pressure.given(PageRequest(), SPEC, frozenset({Rung.SMALLER_IMAGE}))
    assert (some.spec, some.request.max_tokens) == (SPEC, 1024)
    none = gate.pressure.given(PageRequest(), SPEC, frozenset(Rung))
    assert (none.spec, none.request) == (SPEC, PageRequest())


@pytest.mark.parametrize(
    ("params", "writes", "rungs"),
    [
        (DegradeParams(), False, ()),
        (DegradeParams(enabled=False, other_engine=2), True, ()),
        (DegradeParams(enabled=True, other_engine=2), False, (Rung.SMALLER_IMAGE,)),
        (
            DegradeParams(other_engine=2),
            True,
            (Rung.SMALLER_IMAGE, Rung.SHORTER_OUTPUT, Rung.OTHER_ENGINE),
        ),
    ],
)
def test_only_what_does_something_is_done(
    params: DegradeParams, *, writes: bool, rungs: tuple[Rung, ...]
) -> None:
    """Off for the embedded engine unless it is asked for, and then the image only; the last rung
    tells of any engine that pages are turned away.
    """
    gate = Gate(params=params, writes=writes)
    gate.come(30.0, refused=0.9)
    assert gate.pressure.rungs == (*rungs, Rung.REFUSAL)
    places = params.other_places(writes=writes)
    assert places == (2 if Rung.OTHER_ENGINE in rungs else 0)


def test_other_parameters_begin_at_the_foot() -> None:
    """A reload that turns it off does so at once."""
    gate = Gate()
    gate.come(15.0, refused=0.7)
    gate.pressure.retune(AdmissionParams(wait_max=5.0), DegradeParams())
    assert gate.rungs() != []  # only how long pages may wait has changed
    gate.pressure.retune(AdmissionParams(), DegradeParams(enabled=False))
    assert gate.rungs() == []
    gate.come(15.0, refused=0.7)
    assert gate.rungs() == [Rung.REFUSAL]


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_side": 0.0},
        {"output_at": 0.4},
        {"output_tokens": 0},
        {"dwell": -1.0},
        {"other_at": 0.7},
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """The ladder would not hold otherwise."""
    with pytest.raises(ValueError, match="out of range"):
        DegradeParams(**wrong)  # type: ignore[arg-type]
