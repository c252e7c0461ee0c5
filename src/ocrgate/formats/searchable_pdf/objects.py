"""A PDF file written object by object, so that its length never has to fit in memory.

Only what is needed here: indirect objects, streams, a classic cross-reference table and a
two-level page tree (ISO 32000-1, 7.5 and 7.7.3).
"""

import zlib
from collections.abc import Iterable
from pathlib import Path

from ocrgate import __version__

PRODUCER = f"ocrgate {__version__}"

# The comment of bytes above 127 tells transfer programs that the file is binary.
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_KIDS = 128  # pages under one node of the page tree


class PdfFile:
    """An open PDF file; object numbers count from 1."""

    def __init__(self, path: Path) -> None:
        """Begin the file, replacing what is there."""
        self._file = path.open("wb")
        self._offsets: list[int] = []
        self._at = 0
        self._write(_HEADER)

    def reserve(self) -> int:
        """A number for an object to be written later."""
        self._offsets.append(0)
        return len(self._offsets)

    def put(self, body: str | bytes, number: int | None = None) -> int:
        """Write an object and return its number."""
        number = number or self.reserve()
        self._offsets[number - 1] = self._at
        data = body.encode("latin-1") if isinstance(body, str) else body
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, data))
        return number

    def put_stream(self, data: bytes, entries: str = "", *, packed: bool = False) -> int:
        """Write a stream and return its number; it is deflated here unless ``packed`` already."""
        if not packed:
            data = zlib.compress(data)
            entries += " /Filter /FlateDecode"
        head = f"<< /Length {len(data)} {entries} >>\nstream\n".encode("latin-1")
        return self.put(head + data + b"\nendstream")

    def finish(self, root: int, info: int) -> None:
        """Write the cross-reference table and close."""
        rows = "".join(f"{offset:010d} 00000 n \n" for offset in self._offsets)
        size = len(self._offsets) + 1
        start = self._at
        self._write(f"xref\n0 {size}\n0000000000 65535 f \n{rows}".encode("ascii"))
        trailer = f"<< /Size {size} /Root {root} 0 R /Info {info} 0 R >>"
        self._write(f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode("ascii"))
        self._file.close()

    def flush(self) -> None:
        """Hand everything written so far to the operating system."""
        self._file.flush()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)


class PageTree:
    """The tree that leads to a file's pages."""

    def __init__(self, file: PdfFile) -> None:
        """Reserve the root."""
        self._file = file
        self._root = file.reserve()
        self._nodes: list[tuple[int, int]] = []
        self._node = 0
        self._kids: list[int] = []

    @property
    def parent(self) -> int:
        """The number of the node that the next page hangs on."""
        if not self._node:
            self._node = self._file.reserve()
        return self._node

    def add(self, page: int) -> None:
        """Hang a page on :attr:`parent`."""
        self._kids.append(page)
        if len(self._kids) == _KIDS:
            self._close_node()

    def finish(self) -> int:
        """Write the rest of the tree and return the number of its root."""
        if self._kids:
            self._close_node()
        count = sum(pages for _, pages in self._nodes)
        kids = references(number for number, _ in self._nodes)
        return self._file.put(f"<< /Type /Pages /Count {count} /Kids {kids} >>", self._root)

    def _close_node(self) -> None:
        entries = f"/Parent {self._root} 0 R /Count {len(self._kids)}"
        kids = references(self._kids)
        self._file.put(f"<< /Type /Pages {entries} /Kids {kids} >>", self.parent)
        self._nodes.append((self._node, len(self._kids)))
        self._node, self._kids = 0, []


def references(numbers: Iterable[int]) -> str:
    """A PDF array of references to objects."""
    return "[" + " ".join(f"{number} 0 R" for number in numbers) + "]"


def text_string(text: str) -> str:
    """A PDF text string of any Unicode text."""
    data = b"\xfe\xff" + text.encode("utf-16-be", errors="replace")
    return f"<{data.hex().upper()}>"
