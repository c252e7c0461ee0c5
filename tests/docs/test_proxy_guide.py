"""The proxy of the guide lets through what the server takes."""

import re
from pathlib import Path

from ocrgate.settings import ServerSettings

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "proxy.md"


def test_nginx_passes_on_what_the_server_reads_and_waits_as_long_as_it_may() -> None:
    """Else callers get the proxy's 413 and 504, of which no page of ours tells."""
    (config,) = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    server = ServerSettings()
    assert _number(r"client_max_body_size (\d+)m;", config) * 2**20 == server.max_body_bytes
    assert _number(r"proxy_read_timeout (\d+)s;", config) > server.max_timeout + server.body_timeout
    assert _number(r"server 127\.0\.0\.1:(\d+);", config) == server.port


def _number(pattern: str, text: str) -> int:
    (found,) = re.findall(pattern, text)
    return int(found)
