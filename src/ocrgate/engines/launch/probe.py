"""Whether a server answers."""

import os
import socket
from collections.abc import Mapping

import aiohttp

from ocrgate.engines.launch.pace import Pace

_OK = 200
_DEAD = 503


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


def is_port_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. A stranger who answers must not pass for ours."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as sock:
                if os.name == "posix":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(address)
    except OSError:
        return False
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
