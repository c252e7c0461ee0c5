"""Which servers are asked, and what is said of others."""

import asyncio
import io
import os
import socket
from pathlib import Path

import httpx
import pytest

from ocrgate.cli.exit import Exit
from ocrgate.cli.reading.inputs import Source
from ocrgate.cli.reading.outputs import Target
from ocrgate.cli.reading.progress import Lines
from ocrgate.cli.reading.remote import RemoteReader, checked_url, greet
from ocrgate.cli.reading.report import FileReport
from ocrgate.cli.report import CommandFailed
from ocrgate.client import AsyncClient, Reading
from ocrgate.formats import Format


@pytest.mark.parametrize("url", ["http://h:7860", "https://h/ocr/", "http://[::1]:8000"])
def test_addresses_of_servers_are_taken(url: str) -> None:
    """With a port, under a path, over IPv6."""
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url", ["", "h:7860", "127.0.0.1:7860", "ftp://h", "http://", "http://h:99999", "http://[x"]
)
def test_what_is_no_address_is_told_as_a_mistake_of_the_command_line(url: str) -> None:
    """Not as a server that does not answer."""
    with pytest.raises(CommandFailed, match="is no address of a server") as refused:
        checked_url(url)
    assert refused.value.code is Exit.USAGE


async def test_a_server_that_is_down_is_told_at_once() -> None:
    """Not after ten minutes of attempts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CommandFailed, match="no ocrgate server answers") as refused:
            await greet(url, None)
    assert refused.value.code is Exit.ENGINE
    assert str(refused.value).endswith(f"at {url}: Connection refused")


async def test_a_server_that_says_nothing_is_waited_for_no_longer_than_for_a_file() -> None:
    """--timeout holds from the first word on, and the exit code says that time ran out."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(CommandFailed, match=r"answers at .* within 0\.1 s") as refused:
            await asyncio.wait_for(greet(url, None, timeout=0.1), timeout=2)
    assert refused.value.code is Exit.DEADLINE


async def test_a_server_without_tls_is_told_from_one_that_is_down() -> None:
    """Taking https for http is a common slip; what the other side said tells it."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(CommandFailed, match="SSL"):
            await greet(url, None)


@pytest.mark.parametrize("body", [b"<html>", b'{"name": 1}', b'{"other": "thing"}'])
async def test_another_server_is_told_at_once(body: bytes) -> None:
    """A web server of something else is not sent files."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(CommandFailed, match="is no ocrgate server"):
            await greet(f"http://127.0.0.1:{port}", None)


async def test_a_full_disk_leaves_nothing_and_names_the_file(tmp_path: Path) -> None:
    """Half a result under any name is none."""
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "out.partial.txt").symlink_to("/dev/full")
    target = Target(Source(tmp_path / "a.png", "a.png", Path("a.png")), tmp_path / "out.txt")
    async with AsyncClient("http://h", transport=_Answer({})) as client:
        reader = RemoteReader(client, Reading(), Format.TEXT, io.StringIO(), titled=False)
        with pytest.raises(OSError, match="No space left") as failed:
            await reader.read(FileReport(target), Lines(io.StringIO(), "files"))
    assert failed.value.filename == str(tmp_path / "out.txt")
    assert os.listdir(tmp_path) == ["a.png"]  # noqa: PTH208 - the quicker one in a coroutine


class _Answer(httpx.AsyncBaseTransport):
    """A server that converts everything to one text."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"text", headers=self._headers, request=request)


@pytest.mark.parametrize("kind", [Format.TEXT, Format.PDF, Format.JSON])
async def test_what_the_server_says_of_its_text_is_said_here(tmp_path: Path, kind: Format) -> None:
    """The result has no place for it; JSON has."""
    (tmp_path / "a.png").write_bytes(b"picture")
    target = Target(Source(tmp_path / "a.png", "a.png", Path("a.png")), tmp_path / "out")
    said, report = io.StringIO(), FileReport(target)
    told = {"x-ocr-warnings": "low_confidence, new_one", "x-ocr-degraded": "smaller_image"}
    async with AsyncClient("http://h", transport=_Answer(told)) as client:
        reader = RemoteReader(client, Reading(), kind, io.StringIO(), titled=False)
        await reader.read(report, Lines(said, "files"))
    assert (tmp_path / "out").read_bytes() == b"text"
    assert said.getvalue() == (
        ""
        if kind is Format.JSON
        else "a.png: low_confidence (the text may be wrong), new_one, smaller_image\n"
    )
    listed = ["low_confidence", "new_one", "smaller_image"]
    assert report.as_json()["warnings"] == [{"page": None, "warnings": listed}]
