"""``multipart/form-data`` straight into bounded memory: one ``file`` and a few fields."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ocrgate.errors import InvalidRequest

FILE = "file"
_MOST_PARTS = 32
_MOST_FIELD_BYTES = 128 * 1024  # the longest schema that is taken has 32 k characters

_SHORT = 300  # bytes; no picture and no PDF is as short, but a path is


class Form:
    """Collects the parts of one form as the parser finds them.

    Attributes:
        fields: the other fields by name.
        filename: what the client calls the file.
        complete: whether the closing boundary was seen.
    """

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.complete = False
        self._file: list[bytes] | None = None
        self._parts = 0
        self._name = ""
        self._value = bytearray()
        self._header = bytearray()
        self._header_value = bytearray()
        self._disposition = b""

    @property
    def size(self) -> int:
        """Bytes of the file until now."""
        return sum(map(len, self._file or ()))

    @property
    def file(self) -> bytes:
        """The file's bytes.

        Raises:
            InvalidRequest: there was none, it is empty, or the form broke off.
        """
        if not self.complete:
            raise InvalidRequest("the form breaks off before its closing boundary", field="body")
        if self._file is None:
            raise InvalidRequest(f"the form has no part named {FILE}", field=FILE)
        data = b"".join(self._file)
        if not data:
            raise InvalidRequest("the file is empty", field=FILE)
        if self.filename is None and len(data) < _SHORT and data.isascii():
            raise InvalidRequest(
                f"it holds a text and no file; curl sends one as -F {FILE}=@page.png", field=FILE
            )
        return data

    def parser(self, boundary: bytes) -> MultipartParser:
        """A parser that reports here."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._named,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
        )

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise InvalidRequest(
                "the form has too many parts", field="body", limit=f"{_MOST_PARTS} parts"
            )
        self._name = ""
        self._value.clear()
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header.clear()
        self._header_value.clear()

    def _named(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if not self._name:
            raise InvalidRequest("a part of the form has no name", field="body")
        if self._name == FILE:
            if self._file is not None:
                raise InvalidRequest("one file is read per request", field=FILE, limit="1 file")
            self._file = []
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace") or None
        elif b"filename" in options:
            raise InvalidRequest(f"a file goes into the part named {FILE}", field=self._name[:100])
        elif self._name in self.fields:
            raise InvalidRequest("it is given twice", field=self._name[:100])

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            assert self._file is not None
            self._file.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _MOST_FIELD_BYTES:
            raise InvalidRequest(
                "it is too long", field=self._name[:100], limit=f"{_MOST_FIELD_BYTES} bytes"
            )

    def _end(self) -> None:
        if self._name != FILE:
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _all(self) -> None:
        self.complete = True


async def read_form(content_type: str, pieces: AsyncIterator[bytes]) -> Form:
    """The form that a body holds.

    Args:
        content_type: the header, with the boundary.
        pieces: the body as it arrives; 64 kB take some microseconds, so no thread is needed.

    Raises:
        InvalidRequest: it is no form, or passes a bound; names the field.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data needs a boundary", field="Content-Type")
    form = Form()
    try:
        parser = form.parser(boundary)
        async for piece in pieces:
            parser.write(piece)
    except FormParserError as raised:
        raise InvalidRequest(f"the form cannot be read: {raised}", field="body") from None
    return form
