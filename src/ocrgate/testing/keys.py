"""API keys in memory."""

import hmac
import secrets
import time
from dataclasses import replace

from ocrgate.domain.ticket import Lane
from ocrgate.errors import Conflict, NotFound
from ocrgate.ports import ApiKey


class MemoryKeyStore:
    """API keys that last as long as the process (a :class:`~ocrgate.ports.KeyStore`)."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._secrets: dict[str, str] = {}

    def create(
        self, name: str, *, lane: Lane, rate: float | None, concurrency: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second item is the secret.

        Raises:
            Conflict: an active key has that name.
        """
        if self._active(name) is not None:
            raise Conflict(f"there is an active key named {name!r}", field="name")
        secret = f"ocrgate_{secrets.token_urlsafe(24)}"
        key = ApiKey(secrets.token_hex(8), name, lane, rate, concurrency, time.time())
        self._keys[key.id] = key
        self._secrets[key.id] = secret
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        """The active key with that secret."""
        given = secret.encode()
        hits = [i for i, s in self._secrets.items() if hmac.compare_digest(s.encode(), given)]
        return next((k for i in hits if (k := self._keys[i]).revoked is None), None)

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        return list(self._keys.values())

    def revoke(self, name: str) -> ApiKey:
        """End the active key of that name.

        Raises:
            NotFound: no active key has that name.
        """
        key = self._active(name)
        if key is None:
            raise NotFound(f"no active key is named {name!r}", field="name")
        self._keys[key.id] = replace(key, revoked=time.time())
        return self._keys[key.id]

    def _active(self, name: str) -> ApiKey | None:
        return next((k for k in self._keys.values() if k.name == name and k.revoked is None), None)
