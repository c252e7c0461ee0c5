"""Events out of bytes, whoever wrote them."""

import pytest

from ocrgate.engines.openai.sse import EventParser, EventTooLong


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b": ping\n\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"event: x\nid: 3\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b'error: {"code":500}\n\n', [b'{"error": {"code":500}}']),
        (b'data: a\n\nerror: {"code":500}\r\n\r\n', [b"a", b'{"error": {"code":500}}']),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data: a\n\ndata: b", [b"a"]),
        (b"nonsense\n\n", []),
        (b"", []),
    ],
)
def test_streams_as_servers_write_them(stream: bytes, events: list[bytes]) -> None:
    """Line ends of all kinds, comments, further fields, data of several lines, a torn end."""
    assert EventParser().feed(stream) == events


def feed_endlessly(chunk: bytes) -> None:
    parser = EventParser(limit=4096)
    for _ in range(5000):
        parser.feed(chunk)


def test_a_line_without_end_is_not_collected() -> None:
    """Memory is bounded, however the bytes arrive."""
    for size in (1, 1000, 5000):
        with pytest.raises(EventTooLong):
            feed_endlessly(b"data: " + b"x" * size)


def test_an_event_of_endless_lines_is_not_collected_either() -> None:
    """Not even of empty ones."""
    with pytest.raises(EventTooLong):
        feed_endlessly(b"data:\n")


def test_the_bound_is_for_one_event() -> None:
    """A long stream of short ones goes on."""
    parser = EventParser(limit=100)
    assert sum(len(parser.feed(b"data: twenty bytes or so\r\n\r\n")) for _ in range(1000)) == 1000
    assert parser.feed(b": " + b"c" * 60 + b"\n" + b"data: a\n\n") == [b"a"]
