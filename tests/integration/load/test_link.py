"""HTTP as servers speak it, well and badly."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ocrgate.errors import EngineUnavailable, InvalidRequest
from ocrgate.load.link import Link, parse_url

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Link]:
    """A server of one page of code, and a link to it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Link(parse_url(f"127.0.0.1:{port}"))
    await link.find()
    try:
        yield link
    finally:
        link.close()
        server.close()


async def request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(2)


def says(*pieces: bytes, often: int = 1000) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(often):
            await request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.001)

    return answer


async def test_connections_are_kept_and_used_again() -> None:
    """One after the other on one connection, as many at once as there are requests."""
    async with serving(says(OK)) as link:
        for _ in range(5):
            assert (await link.ask(HEAD, b"hi", 5)).body == b"ok"
        assert link.opened == 1
        await asyncio.gather(*(link.ask(HEAD, b"hi", 5) for _ in range(4)))
        assert link.opened == 4


async def test_instants_are_in_order() -> None:
    """Sent, first byte, last byte."""
    async with serving(says(OK[:20], OK[20:])) as link:
        found = await link.ask(HEAD, b"hi", 5)
        assert 0 < found.sent < found.first < found.done


async def test_chunks_and_what_comes_before_an_answer() -> None:
    """100 Continue is no answer; a chunked body is put together."""
    pieces = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enc",
        b"oding: chunked\r\n\r\n3\r\nabc\r\n",
        b"2\r\nde\r\n0\r\n\r\n",
    )
    async with serving(says(*pieces)) as link:
        for _ in range(2):
            found = await link.ask(HEAD, b"hi", 5)
            assert (found.status, found.body, found.failure) == (200, b"abcde", "")
        assert link.opened == 1


async def test_a_body_that_ends_with_the_connection() -> None:
    """HTTP/1.0 has no other end; the connection is not used again."""
    async with serving(says(b"HTTP/1.0 200 OK\r\n\r\nall of it", often=1)) as link:
        for _ in range(2):
            found = await link.ask(HEAD, b"hi", 5)
            assert (found.body, found.failure) == (b"all of it", "")
        assert link.opened == 2


async def test_a_connection_closed_while_idle_is_replaced() -> None:
    """Nobody has seen the request, so it is sent once more; the caller notices nothing."""
    async with serving(says(OK, often=1)) as link:
        for _ in range(3):
            assert (await link.ask(HEAD, b"hi", 5)).failure == ""


async def test_a_server_that_hangs_up_is_not_asked_twice() -> None:
    """A fresh connection that breaks is a failure, and it is said."""

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)

    async with serving(rude) as link:
        found = await link.ask(HEAD, b"hi", 5)
        assert (found.status, found.failure) == (0, "reset")
        assert link.opened <= 2


async def test_half_an_answer_is_a_failure() -> None:
    async with serving(says(OK[:-1], often=1)) as link:
        assert (await link.ask(HEAD, b"hi", 5)).failure == "reset"


async def test_no_answer_in_time_is_told_in_time() -> None:
    """And the connection, on which it may still come, is not used again."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.read()

    async with serving(mute) as link:
        begun = asyncio.get_running_loop().time()
        found = await link.ask(HEAD, b"hi", 0.05)
        assert found.failure == "timeout"
        assert asyncio.get_running_loop().time() - begun < 0.5
        await link.ask(HEAD, b"hi", 0.05)
        assert link.opened == 2


async def test_what_is_no_http_is_told() -> None:
    async with serving(says(b"SSH-2.0-OpenSSH_9.2\r\n", often=1)) as link:
        assert (await link.ask(HEAD, b"hi", 5)).failure == "protocol"


async def test_an_answer_before_the_body_was_read_counts() -> None:
    """A server that refuses a large body at once need not read it."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)

    async with serving(early) as link:
        body = bytes(8_000_000)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert (await link.ask(head, body, 5)).status == 413


async def test_cancelling_hangs_up() -> None:
    """The server sees it, so that it can stop."""
    gone = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.read()
        gone.set()

    async with serving(slow) as link:
        task = asyncio.create_task(link.ask(HEAD, b"hi", 5))
        await asyncio.sleep(0.02)
        task.cancel()
        async with asyncio.timeout(2):
            await gone.wait()


async def test_nobody_there_is_told_at_once() -> None:
    with pytest.raises(EngineUnavailable, match="refused"):
        await Link(parse_url("127.0.0.1:1")).find()
    with pytest.raises(EngineUnavailable, match="not known"):
        await Link(parse_url("http://no.such.host.invalid")).find()


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x:99999", "http://x:0", "::"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_url(url)


def test_addresses_are_taken_apart() -> None:
    address = parse_url("https://[::1]:8443/base/ocr?task=markdown")
    assert (address.host, address.port, address.secure) == ("::1", 8443, True)
    assert (address.authority, address.path) == ("[::1]:8443", "/base/ocr?task=markdown")
    assert parse_url("example.org").authority == "example.org"


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, made = tmp_path / "key.pem", tmp_path / "made.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(made)]
    subprocess.run(words, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return context


async def test_a_certificate_has_to_be_good_unless_told(certificate: ssl.SSLContext) -> None:
    """--insecure takes any; else the reason is named."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await says(OK)(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=certificate)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(EngineUnavailable, match="certificate is not good"):
        await Link(parse_url(url)).find()
    link = Link(parse_url(url), verify=False)
    await link.find()
    assert (await link.ask(HEAD, b"hi", 5)).body == b"ok"
    link.close()
    server.close()
