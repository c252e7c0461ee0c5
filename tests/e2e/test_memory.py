"""The server's own memory, while far more arrives than it may hold."""

import asyncio
import base64
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from .conftest import Server, serve
from .test_reloading import Silent

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]

MIB = 2**20
LARGEST = 16 * MIB
MAY_HOLD = 4 * LARGEST
DOCUMENT = random.Random(1).randbytes(10 * MIB)


@contextmanager
def sampled(process: psutil.Process) -> Iterator[list[int]]:
    """The resident bytes of a process, a hundred times a second."""
    sizes, ended = [process.memory_info().rss], threading.Event()

    def look() -> None:
        while not ended.wait(0.01):
            sizes.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        ended.set()
        thread.join()


def body(kind: str) -> tuple[str, bytes]:
    """Content type and body of a request for the document."""
    if kind == "json":
        return "application/json", b'{"image":"' + base64.b64encode(DOCUMENT) + b'"}'
    if kind == "form":
        head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        return "multipart/form-data; boundary=B", head + DOCUMENT + b"\r\n--B--\r\n"
    return "image/png", DOCUMENT


async def upload(server: Server, kind: str, statuses: Counter[int]) -> None:
    """Send it within two seconds, piece by piece, and read the answer."""
    media, data = body(kind)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    head = f"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode())
    line = b""
    with contextlib.suppress(ConnectionError):  # refused, and closed before all was sent
        for start in range(0, len(data), len(data) // 40):
            writer.write(data[start : start + len(data) // 40])
            await writer.drain()
            await asyncio.sleep(0.05)
        line = await reader.readline()
    statuses[int(line.split()[1]) if line else 0] += 1
    writer.close()


async def crowd(server: Server, kind: str, clients: int) -> Counter[int]:
    """Many at once; the answers by their status, 0 where the client was too slow to read it."""
    statuses: Counter[int] = Counter()
    await asyncio.gather(*(upload(server, kind, statuses) for _ in range(clients)))
    return statuses


@pytest.mark.parametrize("kind", ["json", "form", "raw"])
def test_memory_is_bounded_whatever_arrives(tmp_path: Path, kind: str) -> None:
    """Half a gigabyte is sent at once where 64 MiB may be held. Most is refused, with a word; what
    fits is read to its end (it is no picture, and its sender is told so).
    """
    with (
        Silent() as silent,
        serve(
            tmp_path,
            OCRGATE_ENGINE__KIND="openai",
            OCRGATE_ENGINE__URL=f'["{silent.engine.url}"]',
            OCRGATE_SERVER__MAX_BODY_BYTES=str(LARGEST),
        ) as server,
        sampled(psutil.Process(server.process.pid)) as sizes,
    ):
        statuses = asyncio.run(crowd(server, kind, 48))
        assert set(statuses) <= {415, 429, 0}
        assert statuses[415] >= 4
        assert statuses[429] >= 4
        assert max(sizes) - sizes[0] < 4 * MAY_HOLD  # pieces, the whole, and what it is decoded to
        assert server.get("/livez").is_success
