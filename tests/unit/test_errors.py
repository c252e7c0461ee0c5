"""The error tree: its words, its codes, its way across process borders."""

import pickle

import pytest

from ocrgate import errors
from ocrgate.errors import DeadlineExceeded, OcrgateError, Overloaded, leaves


@pytest.mark.parametrize("kind", leaves())
def test_every_error_crosses_a_process_border_whole(kind: type[OcrgateError]) -> None:
    """A worker's error reaches the caller with all it had to say."""
    error = kind("what happened", retry_after=1.5)
    error.field, error.limit = "image", "50 MB"
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == "what happened"
    assert vars(copy) == vars(error)


def test_own_facts_cross_a_process_border() -> None:
    """What one kind of error knows besides the common facts is not lost either."""
    assert pickle.loads(pickle.dumps(DeadlineExceeded(where="engine"))).where == "engine"
    assert pickle.loads(pickle.dumps(Overloaded(reason="wait"))).reason == "wait"


@pytest.mark.parametrize("kind", leaves())
def test_an_error_without_words_says_what_it_means(kind: type[OcrgateError]) -> None:
    """Without a detail the caller still reads one plain sentence."""
    assert kind().detail == (kind.__doc__ or "").split("\n", maxsplit=1)[0]
    assert kind().detail.endswith(".")


def test_codes_are_unique_and_drawn_in_the_docstring() -> None:
    """A code names one error, and the tree that people read is the tree that is."""
    codes = [kind.code for kind in leaves()]
    assert len(codes) == len(set(codes))
    for kind in leaves():
        assert f" {kind.__name__}" in (errors.__doc__ or "")
        assert kind.code in (errors.__doc__ or "")


def test_what_is_worth_a_retry_is_said() -> None:
    """Refusals and engine faults invite a retry; bad input does not."""
    retryable = {kind.code for kind in leaves() if kind.retryable}
    assert {"overloaded", "rate_limited", "draining", "engine_failed"} <= retryable
    assert not {"invalid_request", "unreadable_document", "forbidden", "internal"} & retryable
