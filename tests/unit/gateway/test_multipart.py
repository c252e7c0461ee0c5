"""Forms straight into bounded memory."""

from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrgate.errors import InvalidRequest
from ocrgate.gateway.intake.multipart import Form, read_form

TYPE = "multipart/form-data; boundary=XX"


def part(name: str, value: bytes, extra: str = "") -> bytes:
    """One part of a form with boundary XX."""
    return b'--XX\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
        name.encode(),
        extra.encode(),
        value,
    )


END = b"--XX--\r\n"


async def pieces(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """A body in pieces of ``size`` bytes."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def form_of(body: bytes, size: int = 65_536, content_type: str = TYPE) -> Form:
    """The form in a body."""
    return await read_form(content_type, pieces(body, size))


@given(st.binary(min_size=1, max_size=300), st.integers(1, 40))
async def test_a_file_arrives_as_it_was_sent(data: bytes, size: int) -> None:
    """However the network cuts the body, the file and the fields come out whole."""
    data = data.replace(b"--XX", b"")
    body = part("format", b"text") + part("file", data or b"x", '; filename="a b.png"') + END
    form = await form_of(body, size)
    assert (form.file, form.filename, form.fields) == (data or b"x", "a b.png", {"format": "text"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (END, "file"),
        (part("format", b"text") + END, "file"),
        (part("file", b"") + END, "file"),
        (part("file", b"a") + part("file", b"b") + END, "file"),
        (part("pages", b"1") + part("pages", b"2") + part("file", b"a") + END, "pages"),
        (part("pages", b"1" * 131_073) + part("file", b"a") + END, "pages"),
        (part("", b"a") + END, "body"),
        (part("file", b"a"), "body"),
        (b"", "body"),
        (b"no form at all", "body"),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\na\r\n" + END, "body"),
        (b"".join(part(f"f{i}", b"") for i in range(10_000)) + END, "body"),
        (b"--XX\r\n" + b"A: b\r\n" * 10_000 + b"\r\n\r\n" + END, "body"),
        (b"--XX\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n" + END, "body"),
    ],
)
async def test_a_bad_form_names_what_is_wrong(body: bytes, field: str) -> None:
    """No file, two files, ten thousand parts, endless headers: a typed error each time."""
    with pytest.raises(InvalidRequest) as caught:
        _ = (await form_of(body)).file
    assert caught.value.field == field


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 300,
    ],
)
async def test_a_form_needs_a_usable_boundary(content_type: str) -> None:
    """Without one there is nothing to read by."""
    with pytest.raises(InvalidRequest):
        await form_of(END, content_type=content_type)


async def test_ten_thousand_parts_are_refused_early() -> None:
    """The rest of a hostile form is not even asked for."""
    taken: list[bytes] = []
    sent: Sequence[bytes] = [part(f"f{i}", b"") for i in range(10_000)]

    async def body() -> AsyncIterator[bytes]:
        for piece in sent:
            taken.append(piece)
            yield piece

    with pytest.raises(InvalidRequest, match="too many parts"):
        await read_form(TYPE, body())
    assert len(taken) < 100
