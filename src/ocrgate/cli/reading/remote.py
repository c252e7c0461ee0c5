"""Reading through a server: the file goes there, the finished result comes back."""

import asyncio
from pathlib import Path
from typing import TextIO

from ocrgate.cli.reading.outputs import Target, partial_name
from ocrgate.cli.reading.progress import Progress
from ocrgate.cli.reading.report import FileReport
from ocrgate.client import AsyncClient, Reading
from ocrgate.formats import Format


class RemoteReader:
    """Has files read by a server.

    Args:
        client: talks to it.
        reading: what is asked.
        kind: the format of results.
        stdout: where results without a file go.
        titled: whether several results follow each other there.
    """

    unit = "files"
    at_once = 4

    def __init__(
        self, client: AsyncClient, reading: Reading, kind: Format, stdout: TextIO, *, titled: bool
    ) -> None:
        self._client = client
        self._reading = reading
        self._kind = kind
        self._stdout = stdout
        self._titled = titled

    async def look(self, target: Target) -> int:
        """One file; what is in it is the server's to find out."""
        del target
        return 1

    async def read(self, report: FileReport, progress: Progress) -> None:
        """Send a file and write what comes back.

        Raises:
            OcrgateError: what the server answered instead.
        """
        target = report.target
        body = await self._client.convert(target.source.path, self._kind.value, self._reading)
        if target.path is None:
            title = f"==> {target.source.shown} <==\n" if self._titled else ""
            self._stdout.write(title + body.decode())
            self._stdout.flush()
        else:
            await asyncio.to_thread(_write, target.path, body)
        report.read, report.finished = 1, True
        progress.done()


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = partial_name(path)
    draft.write_bytes(body)
    draft.replace(path)
