"""Laws of what is read from a server, and of what is sent to it."""

import itertools
import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ocrgate.domain.document import Encoding
from ocrgate.engines.openai.body import Dialect, request_body
from ocrgate.engines.openai.loops import LoopWatch, trimmed
from ocrgate.engines.openai.servers import SERVERS
from ocrgate.engines.openai.sse import EventParser, EventTooLong
from ocrgate.engines.recipes import Instruction

LINES = st.sampled_from(
    [b"data: a", b"data:", b"data: ", b"data: \xe4\xbd\xa0", b": c", b"event: e", b"error: x", b"?"]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b""])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=30).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(bounds)]


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=40))
def test_any_split_of_a_stream_gives_the_same_events(stream: bytes, places: list[int]) -> None:
    """Byte by byte, in halves of characters, or all at once."""
    whole = EventParser().feed(stream)
    for chunks in (cut(stream, places), [bytes([byte]) for byte in stream]):
        parser = EventParser()
        assert [event for chunk in chunks for event in parser.feed(chunk)] == whole


@given(st.lists(st.text(alphabet="ab \u4f60", max_size=5), max_size=10))
def test_what_was_written_is_what_is_read(texts: list[str]) -> None:
    """Events of one line each, as every server writes them, by the fast way and the slow one."""
    events = [text.encode() for text in texts]
    stream = b"".join(b"data: " + event + b"\n\n" for event in events)
    assert EventParser().feed(stream) == events
    assert EventParser().feed(b": x\n" + stream) == events


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_read_or_refused(stream: bytes, limit: int) -> None:
    """Never another exception, and never more held than allowed."""
    parser = EventParser(limit)
    try:
        for event in parser.feed(stream):
            assert len(event) <= limit + len(stream)
    except EventTooLong:
        assert len(stream) > limit


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    text=st.text(),
    system=st.none() | st.text(),
    first=st.booleans(),
    schema=st.none() | st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    model=st.text(min_size=1),
    data=st.binary(max_size=100),
    kind=st.sampled_from(sorted(SERVERS)),
    live=st.booleans(),
)
def test_the_body_is_json_whatever_is_said(
    *,
    text: str,
    system: str | None,
    first: bool,
    schema: dict[str, object] | None,
    model: str,
    data: bytes,
    kind: str,
    live: bool,
) -> None:
    """The image is spliced into bytes by hand; prompts hold quotes, braces and lone surrogates."""
    words = Instruction(_plain(system), _plain(text) or "", first, schema)
    server = next(server for server in SERVERS.values() if server.kind == kind)
    sampling = {"max_tokens": 7, "top_k": 1, "temperature": 0.0, "made_up": 1}
    body = json.loads(
        request_body(
            Dialect(server, _plain(model) or "m", None),
            words,
            sampling,
            (Encoding.JPEG, data),
            live=live,
        )
    )
    *before, user = body["messages"]
    assert [message["content"] for message in before] == (
        [] if words.system is None else [words.system]
    )
    kinds = [part["type"] for part in user["content"]]
    order = ["image_url", "text"] if first else ["text", "image_url"]
    assert kinds == [kind for kind in order if kind == "image_url" or words.text]
    assert (body["stream"], body["max_tokens"]) == (True, 7)
    assert "made_up" not in body


def _plain(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "replace").decode()


def feed(text: str, sizes: list[int]) -> int | None:
    watch, start, turn = LoopWatch(), 0, 0
    while start < len(text):
        size = sizes[turn % len(sizes)]
        if watch.feed(text[start : start + size]):
            return start + size
        start, turn = start + size, turn + 1
    return None


UNITS = st.text(alphabet="abcdefgh ijklm.,\u4f60\u597d", min_size=90, max_size=700).filter(
    lambda unit: len(set(unit)) > 8
)
SIZES = st.lists(st.integers(1, 24), min_size=1, max_size=5)


@settings(max_examples=60)
@given(UNITS, SIZES, st.text(alphabet="xyz ", max_size=200))
def test_periodic_text_is_cut_in_time(unit: str, sizes: list[int], before: str) -> None:
    """Whatever the unit, the pieces and what stood before: 64 tokens after the third repeat."""
    text = before + unit * 12
    end = feed(text, sizes)
    assert end is not None
    read = text[len(before) : end].encode()
    assert len(read) <= max(3 * len(unit.encode()), 4000) + 4 * 64


@settings(max_examples=40)
@given(st.integers(0, 2**32), SIZES)
def test_text_that_does_not_repeat_is_never_cut(seed: int, sizes: list[int]) -> None:
    """Words in random order, and tables of random cells under equal markup."""
    dice = random.Random(seed)
    words = [f"word{n}" for n in range(dice.randint(3, 300))]
    prose = " ".join(dice.choices(words, k=1500))
    rows = "".join(
        f"<tr><td>{dice.randint(0, 9)}</td><td>{dice.randint(0, 99)}</td></tr>\n"
        for _ in range(300)
    )
    assert feed(prose, sizes) is None
    assert feed(rows, sizes) is None


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(alphabet="abc d\n", min_size=1, max_size=50))
def test_trimming_keeps_a_beginning_and_never_the_whole_loop(before: str, unit: str) -> None:
    """What is left is the beginning of what was written, with at most two units of the loop."""
    text = before + unit * 20
    kept = trimmed(text)
    assert text.startswith(kept)
    assert len(before) <= len(kept) + len(unit)
    assert len(kept) <= len(before) + 2 * len(unit) + 24
