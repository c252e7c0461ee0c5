"""A file searched window by window: a file of gigabytes takes a megabyte of memory.

A mapping would be simpler, but what is touched of it counts as resident memory of the process.
"""

import os
from typing import BinaryIO, Final

WINDOW: Final = 2**20
_OVERLAP: Final = 64  # so that no pattern is cut in two


class FileBytes:
    """The bytes of an open file, read where they are asked for.

    Attributes:
        size: bytes of the file when it was opened.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self._window = (-1, b"")

    def read(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` to before ``end``, fewer where the file ends."""
        return os.pread(self._file.fileno(), max(0, min(end, self.size) - start), start)

    def __len__(self) -> int:
        """Bytes of the file."""
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        """The bytes of a slice without a step."""
        start, end, _ = part.indices(self.size)
        return self.read(start, end)

    def find(self, pattern: bytes, start: int = 0, end: int | None = None) -> int:
        """Where ``pattern`` (64 bytes at most) first lies wholly between; -1 if it does not."""
        end = self.size if end is None else min(end, self.size)
        while start + len(pattern) <= end:
            number = start // WINDOW
            at = self._held(number).find(pattern, start - number * WINDOW, end - number * WINDOW)
            if at >= 0:
                return number * WINDOW + at
            start = (number + 1) * WINDOW
        return -1

    def _held(self, number: int) -> bytes:
        """One window and the overlap behind it; the last one asked for is kept."""
        if self._window[0] != number:
            start = number * WINDOW
            self._window = (number, self.read(start, start + WINDOW + _OVERLAP))
        return self._window[1]
