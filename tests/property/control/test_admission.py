"""The admission contract, on the real core and on cores with seeded faults."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.property.control.fair import FAIR
from tests.property.control.faults import FAULTS
from tests.property.control.machine import AdmissionMachine, BudgetMachine
from tests.property.control.scenarios import SCENARIOS, Make

from ocrgate.control.admission import Admission

Scenario = Callable[[Make], None]

STEPS = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],  # it measures how busy the machine is
)


MACHINES = (AdmissionMachine, BudgetMachine)


def drive(
    core: type[Admission], how: settings, machine: type[AdmissionMachine] = AdmissionMachine
) -> None:
    """Run the state machine over ``core``."""
    run_state_machine_as_test(type("Machine", (machine,), {"make": core}), settings=how)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_promise_holds_whatever_happens(machine: type[AdmissionMachine]) -> None:
    """Any order of arrivals, ends, cancellations, waits and new limits keeps the contract."""
    drive(Admission, STEPS, machine)


@pytest.mark.parametrize("scenario", [*SCENARIOS, *FAIR], ids=lambda scenario: scenario.__name__)
def test_promises_over_time(scenario: Scenario) -> None:
    """Shares, lending, forgetting and Retry-After hold over many pages."""
    scenario(Admission)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_seeded_fault_is_caught(fault: type[Admission]) -> None:
    """A core with this one fault does not pass."""
    assert is_caught(fault)


def is_caught(fault: type[Admission]) -> bool:
    """Whether any part of the suite fails on ``fault``."""
    for scenario in (*SCENARIOS, *FAIR):
        try:
            scenario(fault)
        except AssertionError:
            return True
    how = settings(STEPS, phases=[Phase.generate], report_multiple_bugs=False)
    for machine in MACHINES:
        try:
            drive(fault, how, machine)
        except AssertionError:
            return True
    return False
