"""Reading through a server: the file goes there, the finished result comes back."""

import asyncio
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.outputs import Target, partial_name
from ocrgate.cli.reading.progress import Progress
from ocrgate.cli.reading.report import FileReport
from ocrgate.cli.reading.sink import about
from ocrgate.cli.report import CommandFailed
from ocrgate.client import AsyncClient, Converted, Reading
from ocrgate.errors import (
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    OcrgateError,
    PayloadTooLarge,
    UnreadableDocument,
)
from ocrgate.formats import Format

_MOST: Final = 2**31  # bytes; no server can be set to take more
_GREETING: Final = 10.0  # seconds


def checked_url(url: str) -> str:
    """The address of a server.

    Raises:
        CommandFailed: it is none.
    """
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise CommandFailed(f"{url!r} is no address of a server such as http://127.0.0.1:7860")
    return url


async def greet(url: str, key: str | None, timeout: float = _GREETING) -> None:  # noqa: ASYNC109
    """Find out at once whether a server of ours is there, before files are sent and sent again.

    Args:
        url: where it should be.
        key: what it may ask for.
        timeout: seconds that are given to a whole file; the answer to this has ten at most.

    Raises:
        CommandFailed: it is not, or it says nothing.
        InvalidRequest: it sends on to another address, or the key is none.
    """
    hint = "start one with `ocrgate serve`, or read on this machine without --server"
    seconds = min(timeout, _GREETING)
    try:
        async with asyncio.timeout(seconds), AsyncClient(url, api_key=key, retries=0) as client:
            await client.version()
    except InvalidRequest:
        raise
    except InternalError as error:
        message = f"what answers at {url} is no ocrgate server"
        raise CommandFailed(message, Exit.ENGINE, hint) from error
    except (DeadlineExceeded, TimeoutError) as error:
        message = f"no ocrgate server answers at {url} within {seconds:g} s"
        raise CommandFailed(message, Exit.DEADLINE, hint) from error
    except OcrgateError as error:
        reason = error.detail.removeprefix(f"{url} cannot be reached: ")
        message = f"no ocrgate server answers at {url}: {reason}"
        raise CommandFailed(message, Exit.ENGINE, hint) from error


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
        data = await asyncio.to_thread(_load, target.source.path)
        body = await self._client.convert(data, self._kind.value, self._reading)
        if target.path is None:
            title = f"==> {target.source.shown} <==\n" if self._titled else ""
            self._stdout.write(title + body.decode())
            self._stdout.flush()
        else:
            await asyncio.to_thread(_write, target.path, body)
        if body.warnings or body.degraded:
            self._doubt(report, body, progress)
        report.read, report.finished = 1, True
        progress.done()

    def _doubt(self, report: FileReport, body: Converted, progress: Progress) -> None:
        """Say what the server says of its text; JSON has it itself."""
        told = report.doubt((*body.warnings, *body.degraded))
        if self._kind is not Format.JSON:
            progress.note(told)


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise UnreadableDocument(error.strerror or "it cannot be read", field="FILE") from error
    if len(data) > _MOST:
        raise PayloadTooLarge(
            "it is too large for any server", field="FILE", limit=f"{_MOST} bytes"
        )
    if not data:
        raise UnreadableDocument("the file is empty", field="FILE")
    return data


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = partial_name(path)
    with about(path):
        try:
            draft.write_bytes(body)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
