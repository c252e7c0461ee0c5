"""What open connections cost a running server: memory, file descriptors, the time of one more.

    ocrgate serve &
    python -m benchmarks.gateway.connections --pid $! [--port 7860] [--count 5000] [--silent]

Each connection sends one request, so that it is one that is kept for the next; with ``--silent``
none. Figures are of the gateway's own process.
"""

import argparse
import resource
import socket
import time

import psutil

REQUEST = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SETTLE = 2.0  # seconds until memory is looked at


def asked(line: socket.socket) -> bool:
    """Whether a request over the connection is answered with 200."""
    line.sendall(REQUEST)
    return line.recv(4096).startswith(b"HTTP/1.1 200")


def opened(port: int, count: int, *, silent: bool) -> list[socket.socket]:
    """So many connections that were not refused; fewer where one was."""
    lines: list[socket.socket] = []
    for _ in range(count):
        try:
            line = socket.create_connection(("127.0.0.1", port), timeout=3)
            if silent or asked(line):
                lines.append(line)
        except OSError as error:
            print(f"refused after {len(lines)}: {error}")
            break
    return lines


def main() -> None:
    """Open them, look, and ask once more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--silent", action="store_true")
    told = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = psutil.Process(told.pid)
    before = server.memory_info().rss
    lines = opened(told.port, told.count, silent=told.silent)
    time.sleep(SETTLE)
    after = server.memory_info().rss
    each = (after - before) / max(1, len(lines)) / 1024
    print(
        f"{len(lines)} connections, {server.num_fds()} file descriptors, "
        f"RSS {before / 2**20:.0f} to {after / 2**20:.0f} MiB, {each:.1f} KiB each"
    )
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", told.port), timeout=3) as line:
        fine = asked(line)
    print(f"one more: {'200' if fine else 'refused'} after {time.perf_counter() - begun:.4f} s")


if __name__ == "__main__":
    main()
