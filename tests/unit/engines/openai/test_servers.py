"""What each kind of server is taken to be able to do."""

import pytest

from ocrgate.engines.openai.servers import SERVERS, has, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.32.0", (0, 32, 0)),
        ("0.32.0+cpu", (0, 32, 0)),
        ("v1.2", (1, 2)),
        ("0.33.0rc1", (0, 33, 0)),
        ("0.1.dev1234+gabc", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_versions_are_read(text: str, version: tuple[int, ...] | None) -> None:
    """Builds from source carry no version that means anything."""
    assert parse_version(text) == version


def test_abilities_by_version() -> None:
    """Since when; an unknown version is a new one, and what never came is never there."""
    detects = SERVERS["vllm"].repetition_detection
    assert has(detects, (0, 17))
    assert has(detects, (0, 32, 0))
    assert not has(detects, (0, 16, 9))
    assert has(detects, None)
    assert not has(SERVERS["openai"].repetition_detection, None)


def test_strict_servers_get_nothing_that_they_refuse() -> None:
    """Those that answer unknown fields with an error are offered none."""
    assert SERVERS["transformers"].structured is None
    assert not SERVERS["transformers"].usage
    assert "top_k" not in SERVERS["openai"].fields
    for kind in ("transformers", "trtllm", "openai"):
        assert SERVERS[kind].stream_interval is None
        assert SERVERS[kind].running_usage is None
