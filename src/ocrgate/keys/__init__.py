"""API keys: secrets, the store and the cache in front of it."""

from ocrgate.keys.cache import CachedKeys
from ocrgate.keys.store import SqlKeyStore

__all__ = ["CachedKeys", "SqlKeyStore"]
