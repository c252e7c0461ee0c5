"""The scheduler's rules, one at a time."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest

from ocrgate.simulate.changes import Change
from ocrgate.simulate.model import VirtualEngine
from ocrgate.simulate.profile import Drift, Memory, Preprocessing, Profile, Speed, blocks_of
from ocrgate.simulate.request import (
    Died,
    Event,
    Finished,
    FirstToken,
    Preempted,
    Progress,
    Reason,
    Rejected,
    Request,
    Started,
)

STEP = 0.01
PLAIN = Profile(
    name="plain",
    about="",
    source="",
    speed=Speed(STEP, 0.0, 0.0),
    kv_tokens=1616,
    max_num_seqs=4,
    max_num_batched_tokens=512,
    startup=5.0,
)


def page(number: int, tokens: int = 100, output: int = 10, **fields: int) -> Request:
    return Request(number, tokens, output, fields.pop("max_tokens", 1000), **fields)


def finished(events: Iterable[Event]) -> dict[object, Finished]:
    return {event.id: event for event in events if isinstance(event, Finished)}


def run(
    profile: Profile, pages: list[Request], changes: Iterable[Change] = ()
) -> tuple[VirtualEngine, list[Event]]:
    """All pages at 0, to the end."""
    engine = VirtualEngine(profile, 0, changes)
    for each in pages:
        engine.submit(0.0, each)
    return engine, engine.advance(1000.0)


def test_one_page_takes_a_step_of_prompt_and_one_for_each_token_after_the_first() -> None:
    _, events = run(PLAIN, [page(1)])
    assert [type(event) for event in events] == [FirstToken, Finished]
    assert events[0].at == pytest.approx(STEP)
    assert events[1].at == pytest.approx(10 * STEP)
    assert finished(events)[1].reason is Reason.STOP


def test_a_step_costs_its_batch_its_prompt_tokens_and_its_images() -> None:
    speed = Speed(0.01, 0.001, 0.0001, per_patch=1e-5, per_patch_pair=1e-8)
    _, events = run(replace(PLAIN, speed=speed), [page(1, 100, 2, image_tokens=50)])
    first, last = (event.at for event in events)
    patches = 200
    assert first == pytest.approx(0.01 + 0.001 + 0.01 + 1e-5 * patches + 1e-8 * patches**2)
    assert last - first == pytest.approx(0.011)


def test_knots_replace_the_straight_line() -> None:
    speed = Speed(0.0, 0.0, 0.0, knots=((1, 1.0), (3, 2.0), (4, 5.0)))
    seconds = [speed.step(batch, 0) for batch in (1, 2, 3, 4, 5)]
    assert seconds == pytest.approx([1.0, 1.5, 2.0, 5.0, 8.0])


def test_long_prompts_come_in_chunks_while_others_write() -> None:
    _, events = run(PLAIN, [page(1, 1200, 2)])
    assert events[0].at == pytest.approx(3 * STEP)  # 512 + 512 + 176


def test_slots_are_given_in_the_order_of_arrival() -> None:
    _, events = run(PLAIN, [page(n) for n in range(9)])
    ends = finished(events)
    assert sorted(ends, key=lambda n: ends[n].at) == list(range(9))
    assert max(ends[n].at for n in range(4)) < min(ends[n].at for n in range(5, 9))


def test_a_prompt_that_does_not_fit_holds_up_all_behind_it() -> None:
    engine = VirtualEngine(PLAIN)
    engine.submit(0.0, page(1, 1000, 200))
    engine.submit(0.0, page(2, 900, 10))
    engine.submit(0.0, page(3, 10, 10))
    engine.advance(1.0)
    seen = engine.snapshot(1.0)
    assert (seen.running, seen.waiting) == (1, 2)
    ends = finished(engine.advance(100.0))
    assert ends[3].scheduled is not None
    assert ends[3].scheduled >= ends[1].at


def test_the_newest_is_thrown_out_first_and_comes_back_first() -> None:
    """Four pages of 25 blocks fill 100 blocks; growth throws out the newest, which keeps what it
    wrote and computes it again.
    """
    engine, events = run(PLAIN, [page(n, 390, 200) for n in range(4)])
    thrown = [event.id for event in events if isinstance(event, Preempted)]
    ends = finished(events)
    assert thrown[0] == 3
    assert 0 not in thrown
    assert all(end.tokens == 200 and end.reason is Reason.STOP for end in ends.values())
    assert ends[3].preemptions == thrown.count(3)
    assert engine.snapshot(1000.0).computed > 4 * 390


def test_the_watermark_keeps_blocks_free_for_growth() -> None:
    pages = [page(n, 390, 200) for n in range(4)]
    _, without = run(PLAIN, pages)
    _, kept = run(replace(PLAIN, watermark=0.3), pages)
    count = [sum(isinstance(e, Preempted) for e in events) for events in (without, kept)]
    assert count[1] < count[0]


def test_without_reservation_a_prompt_enters_by_its_first_chunk() -> None:
    tight = replace(PLAIN, reserve_full_prompt=False)
    engine = VirtualEngine(tight)
    engine.submit(0.0, page(1, 1000, 200))
    engine.submit(0.0, page(2, 900, 10))
    events = engine.advance(0.5)
    assert any(isinstance(event, Preempted) for event in events)
    assert len(finished(engine.advance(100.0))) == 2


def test_an_image_above_the_encoders_budget_is_refused() -> None:
    profile = replace(PLAIN, largest_image=400, max_num_batched_tokens=256)
    engine, events = run(profile, [page(1, 500, 5, image_tokens=450), page(2, 420, 5)])
    assert [e.why for e in events if isinstance(e, Rejected)] == ["image_too_large"]
    assert finished(events)[2].reason is Reason.STOP
    assert engine.profile.image_budget == 400


def test_the_encoder_takes_only_its_budget_in_a_step_and_everybody_waits_for_it() -> None:
    speed = Speed(STEP, 0.0, 0.0, per_patch=1e-4)
    profile = replace(PLAIN, speed=speed, largest_image=300, max_num_batched_tokens=1000)
    profile = replace(profile, encoder_budget=300)
    _, events = run(profile, [page(n, 320, 5, image_tokens=300) for n in range(2)])
    firsts = [event.at for event in events if isinstance(event, FirstToken)]
    assert firsts == pytest.approx([0.13, 0.26])


def test_a_page_enters_with_the_text_before_its_image_when_the_encoder_is_busy() -> None:
    """As vLLM does it: the page is in the batch, and its image waits for the next step."""
    engine = VirtualEngine(replace(PLAIN, encoder_budget=300, max_num_batched_tokens=1000))
    for number in range(3):  # the first is alone in its step
        engine.submit(0.0, page(number, 320, 5, image_tokens=300, text_before=3))
    events = engine.advance(1.5 * STEP)
    seen = engine.snapshot(1.5 * STEP)
    assert (seen.running, seen.waiting, seen.kv_blocks) == (3, 0, 21 + 20 + 1)
    events += engine.advance(1.0)
    firsts = [event.at for event in events if isinstance(event, FirstToken)]
    assert firsts == pytest.approx([STEP, 2 * STEP, 3 * STEP])


@pytest.mark.parametrize(("kept", "encoded"), [(400, 4), (100, 6)])
def test_who_was_thrown_out_has_its_image_still_encoded(kept: int, encoded: int) -> None:
    """While the encoder's cache has room for it; in a cache for one image it has not."""
    speed = Speed(STEP, 0.0, 0.0, per_patch=1e-3)
    profile = replace(PLAIN, speed=speed, kv_tokens=1000, encoder_budget=kept)
    engine, events = run(profile, [page(n, 200, 200, image_tokens=100) for n in range(4)])
    thrown_out = [event.id for event in events if isinstance(event, Preempted)]
    assert thrown_out == [3, 2]
    seconds = max(event.at for event in events) - STEP * engine.snapshot(1000.0).steps
    assert seconds / 0.4 == pytest.approx(encoded)


def test_a_prompt_that_fits_is_not_kept_room_for() -> None:
    """The whole of it is asked for when it enters; what it does not compute yet, others take."""
    engine = VirtualEngine(replace(PLAIN, max_num_batched_tokens=100))
    engine.submit(0.0, page(1, 1000, 200))
    assert engine.snapshot(0.0).kv_blocks == blocks_of(100, 16)
    engine.submit(0.0, page(2, 700, 10))
    engine.advance(20 * STEP)
    assert engine.snapshot(20 * STEP).waiting == 1


def test_pictures_are_prepared_one_by_one_and_nobody_sees_them_wait() -> None:
    profile = replace(PLAIN, preprocessing=Preprocessing(0.5, 1.0))
    engine = VirtualEngine(profile)
    for number in range(3):
        engine.submit(0.0, page(number, image_pixels=500_000))
    seen = engine.snapshot(0.0)
    assert (seen.preparing, seen.waiting, seen.running) == (3, 0, 0)
    ends = finished(engine.advance(100.0))
    assert [ends[n].queued for n in range(3)] == pytest.approx([1.0, 2.0, 3.0])


def test_the_bound_is_looked_at_again_after_preparing() -> None:
    profile = replace(PLAIN, max_num_queued_reqs=1, preprocessing=Preprocessing(0.1))
    engine, _ = VirtualEngine(profile), None
    for number in range(3):
        engine.submit(0.0, page(number, output=100))
    engine.submit(0.15, page(9))
    refused = {e.id: e.at for e in engine.advance(100.0) if isinstance(e, Rejected)}
    assert refused == {9: 0.15, 1: pytest.approx(0.2), 2: pytest.approx(0.3)}


@pytest.mark.parametrize(
    ("fields", "tokens", "reason"),
    [
        ({"output": 30, "max_tokens": 20}, 20, Reason.LENGTH),
        ({"output": 20, "max_tokens": 20}, 20, Reason.STOP),
        ({"loops_at": 5, "max_tokens": 50}, 50, Reason.LENGTH),
        ({"loops_at": 5, "loop_guard": 24, "max_tokens": 50}, 29, Reason.REPETITION),
        ({"output": 5000, "max_tokens": 5000}, 1500, Reason.LENGTH),
    ],
)
def test_how_a_text_ends(fields: dict[str, int], tokens: int, reason: Reason) -> None:
    _, events = run(PLAIN, [page(1, 100, **fields)])
    end = finished(events)[1]
    assert (end.tokens, end.reason) == (tokens, reason)


def test_abort_frees_slot_and_blocks_at_once_and_the_next_enters_with_the_next_step() -> None:
    engine = VirtualEngine(replace(PLAIN, max_num_seqs=1))
    engine.submit(0.0, page(1, 100, 1000))
    engine.submit(0.0, page(2, 100, 5))
    engine.advance(1.004)
    assert engine.abort(1.004, 1)
    seen = engine.snapshot(1.004)
    assert (seen.running, seen.kv_blocks, seen.waiting) == (0, 0, 1)
    ends = finished(engine.advance(10.0))
    assert ends[1].reason is Reason.ABORT
    assert ends[1].tokens == 100
    assert ends[2].scheduled == pytest.approx(1.01)
    assert not engine.abort(10.0, 1)


def test_tokens_can_be_asked_for_between_events() -> None:
    engine = VirtualEngine(PLAIN)
    engine.submit(0.0, page(1, 100, 500))
    for now, tokens in ((0.005, 0), (0.0101, 1), (0.1001, 10), (1.0001, 100)):
        engine.advance(now)
        assert engine.tokens(now, 1) == tokens
    assert engine.tokens(1.0, "nobody") == 0


def test_progress_is_told_every_so_many_tokens() -> None:
    _, events = run(PLAIN, [page(1, output=20, progress_every=8)])
    assert [e.tokens for e in events if isinstance(e, Progress)] == [8, 16]


def test_ids_are_unique_while_under_way() -> None:
    engine, _ = run(PLAIN, [page(1)])
    engine.submit(1000.0, page(1))
    with pytest.raises(ValueError, match="under way"):
        engine.submit(1000.0, page(1))


def test_slow_pause_and_halved_cache() -> None:
    changes = [Change(0.05, "slow", 10.0), Change(0.5, "slow", 1.0), Change(0.6, "pause", 2.0)]
    _, events = run(PLAIN, [page(1, 100, 50)], changes)
    # 5 steps until 0.05, then 0.1 each: 4.5 of them end by 0.55; 5 quick ones until 0.6
    assert finished(events)[1].at == pytest.approx(2.6 + (50 - 15) * STEP)
    halved = [Change(0.5, "kv_tokens", 816)]
    engine, events = run(PLAIN, [page(n, 300, 100) for n in range(4)], halved)
    assert sum(isinstance(event, Preempted) for event in events) >= 2
    assert {end.tokens for end in finished(events).values()} == {100}
    assert engine.snapshot(1000.0).kv_blocks == 0


def test_who_can_never_fit_again_is_ended_and_holds_up_nobody() -> None:
    changes = [Change(0.05, "kv_tokens", 320)]
    narrow = replace(PLAIN, max_num_seqs=1)
    pages = [page(1, 1000, 500), page(2, 1000, 500), page(3, 100, 10)]
    _, events = run(narrow, pages, changes)
    ends = finished(events)
    assert (ends[1].reason, ends[1].tokens) == (Reason.LENGTH, 5)  # it was writing
    assert (ends[2].reason, ends[2].tokens) == (Reason.ERROR, 0)  # it was waiting
    assert ends[3].reason is Reason.STOP


def test_a_prompt_thrown_out_when_it_was_alone_is_looked_at_again() -> None:
    """Half computed when the cache shrinks below it: nothing else is left to wake the engine."""
    chunks = replace(PLAIN, reserve_full_prompt=False, max_num_batched_tokens=100)
    _, events = run(chunks, [page(1, 1000, 5)], [Change(0.025, "kv_tokens", 416)])
    assert finished(events)[1].reason is Reason.ERROR


@pytest.mark.parametrize("tokens", [1, 64])
def test_a_cache_of_less_than_two_blocks_has_one(tokens: int) -> None:
    engine, events = run(replace(PLAIN, kv_tokens=tokens, block_size=128), [page(1, 20, 5)])
    assert finished(events)[1].tokens == 5
    assert engine.snapshot(1000.0).kv_usage == 0


def test_death_takes_all_and_a_restart_serves_again() -> None:
    engine = VirtualEngine(PLAIN, 0, [Change(0.5, "restart")])
    for number in range(6):
        engine.submit(0.0, page(number, 100, 500))
    engine.advance(0.6)
    engine.submit(1.0, page(7))
    events = engine.advance(5.4)
    assert [event.why for event in events if isinstance(event, Rejected)] == ["dead"]
    assert engine.snapshot(5.4).dead
    assert engine.next_event() == pytest.approx(5.5)
    assert [type(event) for event in engine.advance(5.6)] == [Started]
    engine.submit(6.0, page(8))
    assert finished(engine.advance(10.0))[8].reason is Reason.STOP


def test_memory_that_was_not_profiled_kills() -> None:
    memory = Memory(headroom=350.0, per_sequence=100.0)
    three = run(replace(PLAIN, memory=memory, max_num_seqs=3), [page(n) for n in range(9)])[1]
    four = run(replace(PLAIN, memory=memory), [page(n) for n in range(9)])[1]
    assert not any(isinstance(event, Died) for event in three)
    assert sum(isinstance(event, Died) for event in four) == 1
    assert {end.reason for end in finished(four).values()} <= {Reason.STOP, Reason.ERROR}


def test_a_neighbour_on_the_gpu_and_an_unprofiled_picture_kill_too() -> None:
    memory = Memory(350.0, 100.0, per_patch=1.0, profiled_patches=400)
    profile = replace(PLAIN, memory=memory, max_num_seqs=1)
    _, fits = run(profile, [page(1, 200, 5, image_tokens=100)])
    _, beyond = run(profile, [page(1, 200, 5, image_tokens=180)])
    _, joined = run(profile, [page(1, output=100)], [Change(0.5, "neighbour", 300.0)])
    died = [any(isinstance(e, Died) for e in events) for events in (fits, beyond, joined)]
    assert died == [False, True, True]


def test_an_idle_engine_has_nothing_to_wake_up_for() -> None:
    memory = Memory(1e9, 1.0, neighbour=10.0, wakes_per_second=1.0)
    engine = VirtualEngine(replace(PLAIN, drift=Drift(0.2, 10.0), memory=memory))
    assert engine.next_event() is None
    engine.submit(0.0, page(1))
    assert engine.next_event() is not None


def test_drift_makes_steps_longer_and_shorter() -> None:
    drifting = replace(PLAIN, drift=Drift(amplitude=0.5, period=8.0, every=0.5))
    engine = VirtualEngine(drifting)
    engine.submit(0.0, page(1, 100, 1400))
    counts = []
    for second in range(9):
        engine.advance(float(second))
        counts.append(engine.tokens(float(second), 1))
    rates = [later - earlier for earlier, later in pairwise(counts)]
    assert min(rates) < 80
    assert max(rates) > 130
