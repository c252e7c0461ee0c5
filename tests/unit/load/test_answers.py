"""What servers answer, brought to one form."""

import json

import pytest

from ocrgate.load.answers import (
    Answer,
    ChatStream,
    Unreadable,
    read_chat,
    read_mistral,
    read_ocr,
    read_raw,
    refusal,
)
from ocrgate.load.link import Exchange


def test_our_own_answer() -> None:
    """Text, pages, tokens, warnings and what was degraded."""
    body = {
        "text": "hello",
        "results": [],
        "pages": [
            {"index": 1, "text": "hello", "warnings": ["truncated"], "degraded": ["image"]},
            {"index": 2, "text": "", "warnings": ["empty"]},
        ],
        "engine": "cpu",
        "usage": {"pages": 2, "input_tokens": 7, "output_tokens": 5},
    }
    found = read_ocr(json.dumps(body).encode())
    assert (found.text, found.pages, found.output_tokens) == ("hello", 2, 5)
    assert found.warnings == ("empty", "truncated")
    assert found.degraded == ("image",)


def test_a_chat_in_one_piece() -> None:
    """An answer that was cut short says so."""
    body = {
        "choices": [{"message": {"content": "hi"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    found = read_chat(json.dumps(body).encode())
    assert (found.text, found.input_tokens, found.warnings) == ("hi", 3, ("truncated",))


def test_mistral_s_pages() -> None:
    found = read_mistral(b'{"pages":[{"index":0,"markdown":"a"},{"index":1,"markdown":"b"}]}')
    assert (found.text, found.pages) == ("a\n\nb", 2)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain text", "plain text"),
        (b'{"text": "a"}', "a"),
        (b'{"results": [{"text": "a"}, {"text": "b"}]}', "a\nb"),
        (b'{"result": {"rec_texts": ["a", "b"]}}', "a\nb"),
        (b'{"status": "ok"}', ""),
    ],
)
def test_texts_are_found_in_answers_of_unknown_servers(body: bytes, text: str) -> None:
    assert read_raw(body).text == text


def test_an_answer_without_text_is_empty_and_not_well() -> None:
    assert read_raw(b'{"text": " "}').warnings == ("empty",)
    assert read_mistral(b'{"pages":[]}').warnings == ("empty",)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"choices":[]}', b'{"text":5}'])
def test_what_is_no_answer_is_told(body: bytes) -> None:
    for read in (read_ocr, read_chat, read_mistral):
        with pytest.raises(Unreadable):
            read(body)


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def test_a_stream_tells_when_its_first_text_came() -> None:
    """Not the role, which comes before anything is read."""
    stream = ChatStream()
    stream(event(choices=[{"delta": {"role": "assistant", "content": ""}}]), 1.0)
    stream(event(choices=[{"delta": {"content": "hel"}}]), 2.0)
    stream(event(choices=[{"delta": {"content": "lo"}, "finish_reason": "stop"}]), 3.0)
    stream(event(choices=[], usage={"prompt_tokens": 4, "completion_tokens": 2}), 3.5)
    stream(b"data: [DONE]\n\n", 4.0)
    assert stream.first == 2.0
    assert stream.answer().text == "hello"
    assert stream.answer().output_tokens == 2


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    """Neither without an end, nor with an error in it, nor aborted."""
    cut, failed, aborted = ChatStream(), ChatStream(), ChatStream()
    cut(event(choices=[{"delta": {"content": "hel"}}]), 1.0)
    failed(event(error={"message": "out of memory"}), 1.0)
    aborted(event(choices=[{"delta": {"content": "x"}, "finish_reason": "abort"}]), 1.0)
    for stream, words in ((cut, "ended before"), (failed, "out of memory"), (aborted, "abort")):
        with pytest.raises(Unreadable, match=words):
            stream.answer()


@pytest.mark.parametrize(
    "end",
    [
        {"finish_reason": "stop", "stop_reason": "repetition_detected"},
        {"finish_reason": "repetition"},
    ],
)
def test_a_loop_that_the_engine_stopped_is_a_warning(end: dict[str, str]) -> None:
    """Whichever of its two words for it a server sends along."""
    stream = ChatStream()
    stream(event(choices=[{"delta": {"content": "a a"}, **end}]), 1.0)
    assert stream.answer().warnings == ("repetition",)


def exchange(status: int, **headers: str) -> Exchange:
    pairs = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Exchange(status=status, headers=pairs)


def test_refusals_keep_our_codes_and_the_server_s_words() -> None:
    """Ours by name, others by their status."""
    ours = refusal(exchange(429, retry_after="3"), b'{"code":"overloaded","detail":"it is full"}')
    assert (ours.outcome, ours.message, ours.retry_after) == ("overloaded", "it is full", 3.0)
    theirs = refusal(exchange(503), b'{"error":{"message":"queue","code":503}}')
    assert (theirs.outcome, theirs.message) == ("http_503", "queue")
    assert refusal(exchange(502), b"<html>Bad gateway</html>").outcome == "http_502"
    assert refusal(exchange(500), b"").message == "Internal Server Error"


def test_a_date_in_retry_after_is_a_wait() -> None:
    """Past dates are no wait at all; nonsense is none."""
    past = refusal(exchange(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), b"")
    assert past.retry_after == 0.0
    for odd in ("soon", "Thu, 26 Nov 2026 10:00:05 +99999999999999999999"):
        assert refusal(exchange(503, retry_after=odd), b"").retry_after is None
    assert refusal(exchange(503), b"").retry_after is None


DEEP = b"[" * 700 + b'"a"' + b"]" * 700


@pytest.mark.parametrize("body", [b'{"text":"caf\xe9"}', b"[" * 100_000, DEEP])
def test_no_body_ends_a_run(body: bytes) -> None:
    """Another alphabet, or brackets without end: no answer, and no mistake of the client's."""
    for read in (read_ocr, read_chat):
        with pytest.raises(Unreadable):
            read(body)
    assert read_raw(body).text
    assert refusal(exchange(500), body).outcome == "http_500"
    stream = ChatStream()
    stream(b"data: " + body + b"\n", 1.0)
    with pytest.raises(Unreadable, match="ended before"):
        stream.answer()


@pytest.mark.parametrize("count", [-1, 10**13, 10**400])
def test_counts_that_no_server_means_are_no_answer(count: int) -> None:
    """The record of the run could not be read again."""
    with pytest.raises(Unreadable):
        read_ocr(b'{"text":"a","usage":{"output_tokens":%d}}' % count)
    told = b'{"choices":[{"message":{"content":"a"}}],"usage":{"completion_tokens":%d}}' % count
    with pytest.raises(Unreadable):
        read_chat(told)


def test_a_count_that_is_null_loses_no_text() -> None:
    """Some servers send one with every piece."""
    stream = ChatStream()
    usage = {"prompt_tokens": None, "completion_tokens": None}
    choice = {"delta": {"content": "a page"}, "finish_reason": "stop"}
    stream(event(choices=[choice], usage=usage), 1.0)
    assert stream.answer() == Answer("a page", 1)
