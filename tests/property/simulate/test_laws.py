"""Laws of the simulated engine that hold whatever comes."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.simulate.changes import Change
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import GIB, Drift, Memory, Preprocessing, Profile, Speed
from ocrgate.simulate.request import (
    Event,
    Finished,
    FirstToken,
    Preempted,
    Progress,
    Reason,
    Rejected,
    Request,
)

ENDLESS = 8000.0  # virtual seconds: by then everything is over


@dataclass(frozen=True)
class Call:
    """Something that a client does."""

    at: float
    request: Request
    leaves: float | None


profiles = st.builds(
    Profile,
    name=st.just("any"),
    about=st.just(""),
    source=st.just(""),
    speed=st.builds(
        Speed,
        base=st.floats(0.001, 0.05),
        per_sequence=st.floats(0, 0.002),
        per_prefill_token=st.floats(0, 1e-4),
        per_patch=st.floats(0, 1e-5),
    ),
    kv_tokens=st.integers(64, 3000),
    max_num_seqs=st.integers(1, 12),
    max_num_batched_tokens=st.integers(16, 700),
    block_size=st.sampled_from([1, 4, 16, 32]),
    reserve_full_prompt=st.booleans(),
    watermark=st.sampled_from([0.0, 0.05]),
    largest_image=st.integers(50, 300),
    max_num_queued_reqs=st.sampled_from([0, 0, 3, 8]),
    preprocessing=st.sampled_from([Preprocessing(), Preprocessing(0.01), Preprocessing(0.2)]),
    drift=st.sampled_from([None, Drift(0.3, 20.0, 0.1, 5.0)]),
    memory=st.sampled_from([None, None, Memory(GIB, GIB / 8, 0.0, 0, GIB / 2, 0.02, 1.0)]),
)


@st.composite
def requests(draw: st.DrawFn, number: int) -> Request:
    tokens = draw(st.integers(1, 400))
    return Request(
        number,
        tokens,
        draw(st.integers(1, 300)),
        draw(st.integers(1, 300)),
        image_tokens=draw(st.integers(0, tokens)),
        image_pixels=draw(st.integers(0, 10_000)),
        loops_at=draw(st.sampled_from([None, None, 5])),
        loop_guard=draw(st.sampled_from([None, 40])),
        progress_every=draw(st.sampled_from([0, 0, 7])),
    )


@st.composite
def calls(draw: st.DrawFn) -> list[Call]:
    found = []
    at = 0.0
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0.0, 0.003, 0.07, 1.3]))
        patience = draw(st.sampled_from([None, None, 0.0, 0.05, 2.0]))
        leaves = None if patience is None else at + patience
        found.append(Call(at, draw(requests(number)), leaves))
    return found


changes = st.lists(
    st.one_of(
        st.builds(Change, st.floats(0, 10), st.just("slow"), st.floats(0.1, 5)),
        st.builds(Change, st.floats(0, 10), st.just("kv_tokens"), st.integers(32, 2000)),
        st.builds(Change, st.floats(0, 10), st.just("max_num_seqs"), st.integers(1, 12)),
        st.builds(Change, st.floats(0, 10), st.just("pause"), st.floats(0, 3)),
        st.builds(Change, st.floats(0, 10), st.sampled_from(["die", "restart"])),
    ),
    max_size=3,
)


def play(engine: VirtualEngine, plan: list[Call], extra: list[float]) -> list[Event]:
    """All events of a plan; ``extra`` are instants at which it is also asked."""
    acts = [(call.at, 0, call) for call in plan]
    acts += [(call.leaves, 1, call) for call in plan if call.leaves is not None]
    acts += [(at, 2, plan[0]) for at in extra]
    events = []
    for at, kind, call in sorted(acts, key=lambda act: act[:2]):
        if kind == 0:
            engine.submit(at, call.request)
        elif kind == 1:
            engine.abort(at, call.request.id)
        else:
            events += engine.advance(at)
            within_bounds(engine, at)
    return events + engine.advance(ENDLESS)


def within_bounds(engine: VirtualEngine, now: float) -> None:
    """What is held is what there is."""
    seen = engine.snapshot(now)
    assert seen.kv_blocks >= 0
    assert seen.running >= 0
    assert (seen.kv_blocks == 0) == (seen.running == 0)


@settings(max_examples=150, deadline=None)
@given(profiles, calls(), changes)
def test_every_request_ends_exactly_once(
    profile: Profile, plan: list[Call], happenings: list[Change]
) -> None:
    """Whatever happens to the engine, nothing is lost and nothing is answered twice."""
    engine = VirtualEngine(profile, 1, happenings)
    events = play(engine, plan, [])
    ends = Counter(event.id for event in events if isinstance(event, Finished | Rejected))
    assert ends == Counter(call.request.id for call in plan)
    left = engine.snapshot(ENDLESS)
    assert (left.running, left.waiting, left.preparing, left.kv_blocks) == (0, 0, 0, 0)
    assert engine.next_event() is None
    assert [event.at for event in events] == sorted(event.at for event in events)


@settings(max_examples=150, deadline=None)
@given(profiles, calls(), changes, st.lists(st.floats(0, 40), max_size=40))
def test_asking_more_often_changes_nothing(
    profile: Profile, plan: list[Call], happenings: list[Change], extra: list[float]
) -> None:
    """The same seed and the same calls give the same events, however time is cut."""
    once = play(VirtualEngine(profile, 3, happenings), plan, [])
    often = play(VirtualEngine(profile, 3, happenings), plan, sorted(extra))
    assert once == often


@settings(max_examples=100, deadline=None)
@given(profiles, calls())
def test_nothing_is_over_its_bound_at_any_event(profile: Profile, plan: list[Call]) -> None:
    """KV blocks and slots are never exceeded, looked at after every single event."""
    engine = VirtualEngine(profile, 1)
    pending = sorted(plan, key=lambda call: call.at)
    for _ in range(20_000):
        due = engine.next_event()
        if pending and (due is None or pending[0].at <= due):
            call = pending.pop(0)
            now = call.at
            engine.submit(now, call.request)
        elif due is not None:
            now = due
            engine.advance(now)
        else:
            return
        seen = engine.snapshot(now)
        assert seen.kv_blocks <= max(1, profile.blocks - 1)
        assert seen.running <= profile.max_num_seqs
    pytest.fail("it never comes to an end")


@settings(max_examples=100, deadline=None)
@given(profiles, calls())
def test_tokens_add_up(profile: Profile, plan: list[Call]) -> None:
    """What the requests say they have written is what the engine counted; nobody writes more than
    was asked for, and progress only rises.
    """
    engine = VirtualEngine(profile, 1)
    events = play(engine, plan, [])
    ends = {event.id: event for event in events if isinstance(event, Finished)}
    assert sum(end.tokens for end in ends.values()) == engine.snapshot(ENDLESS).generated
    for call in plan:
        end = ends.get(call.request.id)
        if end is None or end.reason in {Reason.ABORT, Reason.ERROR}:
            continue
        assert 1 <= end.tokens <= call.request.max_tokens
        seen = [e.tokens for e in events if isinstance(e, Progress) and e.id == call.request.id]
        assert seen == sorted(set(seen))
        assert all(tokens < end.tokens for tokens in seen)
    firsts = Counter(event.id for event in events if isinstance(event, FirstToken))
    assert set(firsts.values()) <= {1}


@settings(max_examples=70, deadline=None)
@given(profiles, calls())
def test_preemptions_are_counted_once(profile: Profile, plan: list[Call]) -> None:
    """Events, requests and the engine's counter agree."""
    engine = VirtualEngine(profile, 1)
    events = play(engine, plan, [])
    told = sum(isinstance(event, Preempted) for event in events)
    assert told == engine.snapshot(ENDLESS).preemptions
    assert told == sum(event.preemptions for event in events if isinstance(event, Finished))
