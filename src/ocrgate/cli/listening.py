"""The listening socket, taken before anything costly so that a clash is told at once."""

import errno
import socket

from ocrgate.cli.exit import Exit
from ocrgate.cli.report import CommandFailed

_BACKLOG = 2048
_REASONS = {
    errno.EADDRINUSE: ("is in use", "choose another with --port, or end what listens there"),
    errno.EACCES: ("may not be used", "ports below 1024 need a right; choose another with --port"),
    errno.EADDRNOTAVAIL: ("is no address of this machine", "choose another with --host"),
}


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        CommandFailed: the address cannot be had, and why.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        message = f"{host} is not an address: {error.strerror}"
        raise CommandFailed(message, Exit.ENVIRONMENT) from error
    listener = socket.socket(family, kind, proto)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason, hint = _REASONS.get(error.errno or 0, (error.strerror or "cannot be used", ""))
        raise CommandFailed(f"{host} port {port} {reason}", Exit.ENVIRONMENT, hint) from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
