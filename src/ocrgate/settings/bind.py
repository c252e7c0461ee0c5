"""Whether a server may listen where it was told to, and whom it asks for a key."""

import ipaddress


class InsecureBind(Exception):
    """Others can reach this address, and nothing would ask them who they are."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. Names other than localhost count as public."""
    if host.strip("[]").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_safe_bind(host: str, *, has_keys: bool, insecure: bool) -> str | None:
    """Refuse to serve strangers unasked; return the warning to give when told to do so anyway.

    Raises:
        InsecureBind: the address is public, no active key exists and ``insecure`` is not set.
    """
    if is_loopback(host) or has_keys:
        return None
    if insecure:
        return f"Anyone who can reach {host} can use this server: it is public and asks for no key."
    raise InsecureBind(
        f"{host} can be reached by others and there is no API key. Make one with "
        "`ocrgate keys create NAME`, listen on 127.0.0.1, or pass --insecure"
    )


def needs_key(host: str, *, has_keys: bool, insecure: bool, required: bool) -> bool:
    """Whether a request must carry a key at this moment.

    A public server goes on asking after its last key was revoked; else ending a key would open
    the door to everybody.
    """
    return required or has_keys or not (is_loopback(host) or insecure)
