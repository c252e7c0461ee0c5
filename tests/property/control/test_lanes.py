"""No lane starves, and floods of other lanes do not crowd out people."""

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.admission import Admission, AdmissionParams
from ocrgate.control.decision import Admitted
from ocrgate.control.lanes import CATCH_UP, LaneShares, Turns
from ocrgate.domain.ticket import Lane, Ticket

SHARE = st.floats(0.02, 1.0)
OTHERS = st.lists(st.sets(st.sampled_from(Lane)), min_size=1, max_size=30)


@given(
    shares=st.builds(LaneShares, SHARE, SHARE, SHARE),
    limit=st.integers(1, 4),
    patient=st.sampled_from(Lane),
    before=OTHERS,
    meanwhile=OTHERS,
    seconds=st.sampled_from((0.1, 0.5, 1.0)),
)
def test_no_lane_starves_whatever_the_shares_and_arrivals(  # a law with many dimensions
    shares: LaneShares,
    limit: int,
    patient: Lane,
    before: list[set[Lane]],
    meanwhile: list[set[Lane]],
    seconds: float,
) -> None:
    """While a lane waits, each other is served for its share of a bounded time: what either may
    catch up on, and the page that the lane had last.
    """
    turns = Turns(shares)
    waiting: set[Lane] = set()

    def serve(wants: set[Lane]) -> Lane | None:
        for lane in wants - waiting:
            turns.join(lane, limit)
        waiting.clear()
        waiting.update(wants)
        other = turns.next(wants)
        if other is not None:
            turns.served(other, seconds)
        return other

    for wants in before:
        serve(wants)
    got = dict.fromkeys(Lane, 0.0)
    bound = {
        each: shares.of(each) * (seconds / shares.of(patient) + CATCH_UP * limit) + seconds
        for each in Lane
    }
    for round_ in range(10_000):
        lane = serve({patient, *meanwhile[round_ % len(meanwhile)]})
        if lane is None or lane is patient:
            return
        got[lane] += seconds
        assert got[lane] <= bound[lane] + 1e-6
    raise AssertionError("starved")


@given(
    limit=st.integers(2, 8),
    callers=st.integers(1, 5),
    jobs=st.integers(0, 40),
    lane=st.sampled_from((Lane.STANDARD, Lane.BATCH)),
)
def test_pages_of_jobs_do_not_crowd_out_people(
    limit: int, callers: int, jobs: int, lane: Lane
) -> None:
    """However many pages of jobs wait, a person within the share gets the next place."""
    core, number, now = Admission(limit, AdmissionParams()), 0, 0.0
    running: list[int] = []

    def offer(of: Lane, caller: str, *, continues: bool = False) -> int:
        nonlocal number
        number += 1
        ticket = Ticket(number, of, caller, now, now + 1e6, continues=continues)
        decided = core.offer(ticket, now)
        running.extend(d.ticket.id for d in decided if isinstance(d, Admitted))
        return number

    def end_one() -> list[int]:
        decided = core.release(running.pop(0), now)
        started = [d.ticket.id for d in decided if isinstance(d, Admitted)]
        running.extend(started)
        return started

    for job in range(limit + jobs):
        offer(lane, f"job-{job % callers}", continues=True)
    for _ in range(30):
        now += 1.0
        person = offer(Lane.INTERACTIVE, "person")
        assert end_one() == [person]
        for job in range(callers):
            offer(lane, f"job-{job}", continues=True)
        now += 1.0
        end_one()
