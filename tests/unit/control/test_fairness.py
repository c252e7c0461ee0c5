"""Counters of service, and who gives way in a full backlog."""

from hypothesis import given
from hypothesis import strategies as st

from ocrgate.control.fairness import AGEING, CREDIT, REMEMBERED, Counters, Holdings


def serve(counters: Counters, caller: str, seconds: float, now: float = 0.0) -> None:
    """One page of a caller that does not wait, from start to end."""
    counters.charge(caller, seconds, now)
    counters.settle(caller, 0.0)


def test_the_caller_with_the_least_service_goes_next() -> None:
    """Whoever got more waits for the others; the estimate is corrected in the end."""
    counters = Counters()
    for caller in "ab":
        counters.join(caller, 0.0)
    assert counters.first() == "a"
    counters.charge("a", 1.0, 0.0)
    assert counters.first() == "b"
    counters.charge("b", 3.0, 0.0)
    assert counters.first() == "a"
    counters.settle("b", -2.5)
    assert counters.ordered(1) == ["b"]
    assert counters.ordered(8) == ["b", "a"]
    assert counters.first() == "b"


def test_a_new_name_gets_no_credit_and_a_known_one_a_little() -> None:
    """A caller that got little may catch up on five seconds; one that was never seen on none."""
    counters = Counters()
    counters.join("big", 0.0)
    serve(counters, "small", 0.1)
    for _ in range(100):
        counters.charge("big", 1.0, 0.0)
        counters.settle("big", 0.0)
    serve(counters, "small", 0.0)
    counters.join("small", 0.0)
    counters.join("new", 0.0)
    assert counters.of("big") - counters.of("small") <= CREDIT + 1.0
    assert counters.of("big") - counters.of("new") <= 1.0 + CREDIT
    assert counters.first() == "small"


def test_waiting_makes_up_for_service() -> None:
    """Who joins ten seconds later counts as one second ahead."""
    counters = Counters()
    serve(counters, "a", 0.9)
    counters.join("a", 0.0)
    counters.join("b", 0.9 / AGEING - 1)
    assert counters.first() == "b"
    counters.join("c", 0.9 / AGEING + 1)
    counters.leave("b")
    assert counters.first() == "a"


def test_callers_that_have_gone_are_forgotten() -> None:
    """A million names do not fill the memory; who has been away for longest goes first."""
    counters = Counters()
    for number in range(3 * REMEMBERED):
        counters.join(f"c{number}", 0.0)
        counters.charge(f"c{number}", 1.0, 0.0)
        counters.leave(f"c{number}")
        counters.settle(f"c{number}", 0.5)
    assert len(counters) <= REMEMBERED
    last = 3 * REMEMBERED - 1
    assert counters.of(f"c{last}") > counters.of("c0")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30)), max_size=300))
def test_callers_that_always_wait_get_equal_service(pages: list[tuple[str, int]]) -> None:
    """At every moment their counters differ by the largest page and what ageing adds, at most."""
    counters, got, now = Counters(), dict.fromkeys("abcd", 0.0), 0.0
    for caller in got:
        counters.join(caller, now)
    for _, tenths in pages:
        caller, seconds = counters.first(), tenths / 10
        counters.charge(caller, 1.0, now)
        counters.settle(caller, seconds - 1.0)
        got[caller] += seconds
        now += seconds
        assert max(got.values()) - min(got.values()) <= 3.0 + AGEING * 4 * 3.0 * 4


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=200))
def test_who_holds_most_is_known(steps: list[tuple[str, bool]]) -> None:
    """The order agrees with plain counting after any additions and removals."""
    holdings, plain = Holdings(), dict.fromkeys("abcde", 0)
    for caller, more in steps:
        if more:
            holdings.add(caller)
            plain[caller] += 1
        elif plain[caller]:
            holdings.remove(caller)
            plain[caller] -= 1
        told = [holdings.of(each) for each in holdings.largest()]
        assert told == sorted((n for n in plain.values() if n), reverse=True)
