"""SIGHUP: read the settings again and apply what can change while the server runs."""

import asyncio
import signal
from collections.abc import Callable, Iterator

import structlog

from ocrgate.runtime.service import Service
from ocrgate.settings import Loaded, SettingsError

_log = structlog.get_logger(__name__)

APPLIED = ("gate.",)
"""What a running server follows; all else needs a restart."""


class Reload:
    """Follows the settings as they are read anew.

    Args:
        first: the settings with which the server was started.
        read: reads them again, from the same sources.
        service: what is changed.
    """

    def __init__(self, first: Loaded, read: Callable[[], Loaded], service: Service) -> None:
        self._first = first
        self._last = first
        self._read = read
        self._service = service

    def __call__(self) -> None:
        """Read and apply. Settings that are wrong change nothing and are named in the log."""
        try:
            loaded = self._read()
        except SettingsError as error:
            _log.error("settings not reloaded", problems=[str(each) for each in error.problems])
            return
        changed = tuple(differences(self._last, loaded))
        applied = [key for key in changed if key.startswith(APPLIED)]
        waiting = [key for key in differences(self._first, loaded) if not key.startswith(APPLIED)]
        if applied:
            gate = loaded.settings.gate
            self._service.retune(gate, gate.limit, gate.degrade)
        self._last = loaded
        _log.info("settings reloaded", applied=applied)
        if waiting:
            _log.warning("these settings need a restart", keys=waiting)

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do so at each SIGHUP, where there is that signal."""
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self)


def differences(before: Loaded, after: Loaded) -> Iterator[str]:
    """The keys whose values are not the same, those of one side only included. Secrets too: they
    are compared here and never shown.
    """
    old, new = dict(before.values()), dict(after.values())
    for key in dict.fromkeys((*old, *new)):
        if key not in old or key not in new or old[key] != new[key]:
            yield key
