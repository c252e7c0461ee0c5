"""Who may be reached by whom."""

import pytest

from ocrgate.settings import InsecureBind, is_loopback, needs_key, require_safe_bind

LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"]
PUBLIC = ["0.0.0.0", "::", "", "192.168.1.5", "8.8.8.8", "example.org", "localhost.example.org"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_alone_needs_no_key(host: str) -> None:
    """The first start on a laptop asks for nothing."""
    assert is_loopback(host)
    assert require_safe_bind(host, has_keys=False, insecure=False) is None
    assert not needs_key(host, has_keys=False, insecure=False, required=False)


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_without_keys_is_refused(host: str) -> None:
    """Nobody opens a server to strangers by accident, and the way out is said."""
    with pytest.raises(InsecureBind, match="keys create"):
        require_safe_bind(host, has_keys=False, insecure=False)
    assert require_safe_bind(host, has_keys=True, insecure=False) is None


def test_insecure_is_possible_and_loud() -> None:
    """Who insists gets a warning that names the address."""
    warning = require_safe_bind("0.0.0.0", has_keys=False, insecure=True)
    assert warning is not None
    assert "0.0.0.0" in warning


def test_a_public_server_asks_even_after_its_last_key_ended() -> None:
    """Revoking the last key closes the door instead of opening it."""
    assert needs_key("0.0.0.0", has_keys=False, insecure=False, required=False)
    assert not needs_key("0.0.0.0", has_keys=False, insecure=True, required=False)


def test_existing_keys_are_asked_for_everywhere() -> None:
    """Making a key means that keys count from now on."""
    assert needs_key("127.0.0.1", has_keys=True, insecure=False, required=False)
    assert needs_key("127.0.0.1", has_keys=False, insecure=False, required=True)
    assert needs_key("0.0.0.0", has_keys=True, insecure=True, required=False)
