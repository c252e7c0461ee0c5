"""How a key's secret is made, taken apart and stored.

``ocrg_<id>_<random>``: the id is public and finds the row, the random part is 200 bits from the
system. So many bits cannot be guessed or tabulated, and a plain SHA-256 is the right thing to
store: slow password hashes exist for secrets that people choose, and would cost each request
tens of milliseconds. The prefix lets scanners of leaked secrets recognize one.
"""

import base64
import hashlib
import re
import secrets

_ID_BYTES = 5
_RANDOM_BYTES = 25
_FORM = re.compile(r"ocrg_([a-z2-7]{8})_[a-z2-7]{40}")


def new_id() -> str:
    """A fresh public id: 8 letters and digits."""
    return _letters(_ID_BYTES)


def new_secret(key_id: str) -> str:
    """A fresh secret for the key of that id, with 200 random bits."""
    return f"ocrg_{key_id}_{_letters(_RANDOM_BYTES)}"


def id_of(secret: str) -> str | None:
    """The public id inside a secret; None when it is not of our form."""
    found = _FORM.fullmatch(secret)
    return found[1] if found else None


def digest(secret: str) -> bytes:
    """What is stored instead of the secret: 32 bytes."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _letters(count: int) -> str:
    return base64.b32encode(secrets.token_bytes(count)).decode().lower()
