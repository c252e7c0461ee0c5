"""Whether a server answers."""

import asyncio
import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from ocrgate.engines.launch.pace import Pace

_OK = 200
_DEAD = 503
_AT_HOME = 2.0  # seconds to connect to a port of this machine


class Probe:
    """Asks one server whether it is there.

    Args:
        url: of the server, without a path.
        pace: how long it may take to answer.
        env: the server's environment: it may ask for the key that stands there.
    """

    def __init__(self, url: str, pace: Pace, env: Mapping[str, str]) -> None:
        self._url = url
        self._pace = pace
        key = env.get("VLLM_API_KEY")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def ready(self) -> bool:
        """Whether it lists its model: vLLM does so once the model is loaded."""
        return await self._status("/v1/models") == _OK

    async def alive(self) -> bool | None:
        """Whether its engine lives; None where it does not answer."""
        status = await self._status("/health")
        return None if status is None else status != _DEAD

    async def _status(self, path: str) -> int | None:
        timeout = aiohttp.ClientTimeout(total=self._pace.answer)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.get(f"{self._url}{path}", headers=self._headers) as response,
            ):
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None


async def is_taken(url: str) -> bool:
    """Whether somebody listens there. A stranger who answers must not pass for our server.

    A port that is only resting after a connection was closed is not taken: vLLM may reuse it.
    """
    parts = urlsplit(url)
    connecting = asyncio.open_connection(parts.hostname, parts.port)
    try:
        _, writer = await asyncio.wait_for(connecting, _AT_HOME)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def url_of(host: str, port: int) -> str:
    """Where a server that listens on ``host`` is reached from this machine."""
    if host in {"", "0.0.0.0"}:  # noqa: S104 - told apart, not bound
        host = "127.0.0.1"
    if host in {"::", "[::]"}:
        host = "::1"
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{port}"
