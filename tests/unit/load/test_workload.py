"""What is sent, and in whose name."""

import random
from collections import Counter
from itertools import islice

import pytest

from ocrgate.errors import InvalidRequest
from ocrgate.load.workload import Callers, Document, Workload, parse_lanes


def documents(count: int) -> tuple[Document, ...]:
    return tuple(Document(f"{n}", "file", "image/png", b"x" * (n + 1)) for n in range(count))


def test_each_document_is_sent_once_before_any_comes_again() -> None:
    """So that all are sent equally often, in an order that the seed decides."""
    order = Workload(documents(10), "test").order(random.Random(1))
    first, second = list(islice(order, 10)), list(islice(order, 10))
    assert sorted(d.name for d in first) == sorted(d.name for d in second)
    assert first != second


def test_nothing_to_send_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        Workload((), "an empty folder")


def test_users_of_a_closed_loop_keep_to_shares() -> None:
    """Lanes and keys are dealt out exactly, and every key has users in every lane."""
    callers = Callers(("a", "b"), (0.5, 0.5), (("interactive", 0.25), ("batch", 0.75)))
    users = callers.users(40)
    assert Counter(user.lane for user in users) == {"interactive": 10, "batch": 30}
    assert Counter(user.key for user in users) == {0: 20, 1: 20}
    assert len({(user.key, user.lane) for user in users}) == 4


def test_callers_of_an_open_loop_are_drawn_by_share() -> None:
    """One of ten tenants sends nine tenths."""
    callers = Callers(("a", "b"), (0.9, 0.1))
    source = random.Random(4)
    drawn = Counter(callers.draw(source).key for _ in range(2000))
    assert drawn[0] / 2000 == pytest.approx(0.9, abs=0.03)


def test_lanes_are_read_with_their_shares() -> None:
    assert parse_lanes("interactive=0.2, batch=0.8") == (("interactive", 0.2), ("batch", 0.8))
    assert parse_lanes("standard") == (("standard", 1.0),)
    for wrong in ("", "fast=1", "batch=0", "batch=x", "batch=nan"):
        with pytest.raises(InvalidRequest):
            parse_lanes(wrong)


def test_keys_cannot_smuggle_headers() -> None:
    """A line break in a key would be a header of its own."""
    with pytest.raises(InvalidRequest):
        Callers(("good\r\nX-Evil: 1",))
    with pytest.raises(InvalidRequest):
        Callers(("a", "b"), (1.0,))


def test_a_record_describes_work_without_naming_files() -> None:
    """Names of files may be private."""
    told = Workload(documents(3), "3 files").described()
    assert told["documents"] == 3
    assert told["bytes_largest"] == 3
    assert told["classes"] == {"file": 3}
