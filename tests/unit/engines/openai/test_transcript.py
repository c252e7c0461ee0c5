"""What one attempt has brought, chunk by chunk."""

import pytest

from ocrgate.engines.openai.chunks import Choice, Chunk, Delta, TokenCount, decode_chunk
from ocrgate.engines.openai.faults import GarbledOutput
from ocrgate.engines.openai.transcript import Transcript


def said(text: str | None, finish: str | None = None) -> Chunk:
    return Chunk([Choice(Delta(text), finish)])


def test_text_and_tokens_add_up() -> None:
    """Pieces count as tokens until the server tells better."""
    attempt = Transcript(100)
    assert [attempt.add(said(text)) for text in ("", "a", "b", None)] == ["", "a", "b", ""]
    assert (attempt.text, attempt.tokens, attempt.end, attempt.begun) == ("ab", 2, "open", True)
    attempt.add(Chunk([Choice(Delta("c"))], TokenCount(10, 9)))
    assert (attempt.tokens, attempt.input_tokens) == (9, 10)
    attempt.add(said("d", "stop"))
    assert (attempt.text, attempt.end, attempt.tokens) == ("abcd", "stop", 10)
    attempt.add(Chunk([], TokenCount(10, 12)))
    assert attempt.tokens == 12


@pytest.mark.parametrize(
    ("reason", "end"),
    [("stop", "stop"), ("length", "length"), ("repetition", "loop"), ("abort", "other")],
)
def test_ends(reason: str, end: str) -> None:
    """In our words; what comes after is not text any more."""
    attempt = Transcript(100)
    attempt.add(said("a", reason))
    attempt.add(said("b"))
    assert (attempt.text, attempt.end, attempt.reason, attempt.is_cut) == ("a", end, reason, False)


def test_a_loop_ends_it() -> None:
    """Before the server does, with one unit kept."""
    attempt = Transcript(10_000)
    unit = "A sentence that the model writes again and again without an end in sight. "
    while attempt.end == "open":
        attempt.add(said(unit[:37]))
        attempt.add(said(unit[37:]))
    assert (attempt.end, attempt.is_cut) == ("loop", True)
    assert attempt.kept.strip() == unit.strip()
    assert len(attempt.text) < 10 * len(unit)


def test_a_server_that_ignores_its_bound_is_cut() -> None:
    """By tokens, by events without text, and by characters."""
    for chunk in (said("abc"), said(""), said("x y z " * 5000)):
        attempt = Transcript(50)
        count = 0
        while attempt.end == "open":
            attempt.add(chunk)
            count += 1
            assert count < 2000
        assert attempt.end in {"length", "loop"}
        assert attempt.is_cut


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (b'{"choices":[{"delta":{"content":"a\\u00e9"}}]}', "a\u00e9"),
        (b'{"choices":[{"delta":{"role":"assistant"}}],"usage":null,"error":null}', ""),
        (b'{"choices":[{"delta":{"content":null},"finish_reason":null}]}', ""),
        (b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}', ""),
        (b'{"choices":[{"message":{"content":"whole"}}]}', ""),
        (b'{"id":"x"}', ""),
    ],
)
def test_chunks_of_many_servers(event: bytes, text: str) -> None:
    """Only what is needed is looked at."""
    chunk = decode_chunk(event)
    assert (chunk.text, chunk.error) == (text, None)


@pytest.mark.parametrize(
    "event", [b"", b"{", b"[]", b"null", b'"a"', b'{"choices":{}}', b'{"choices":[1]}', b"\xff"]
)
def test_what_is_no_chunk(event: bytes) -> None:
    """Is named, with its beginning."""
    with pytest.raises(GarbledOutput, match="stream holds"):
        decode_chunk(event)
