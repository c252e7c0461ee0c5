"""How many files and connections this process may have open."""

import contextlib
import sys

UNBOUNDED = 1_000_000
"""Taken where the system names no limit."""

if sys.platform == "win32":

    def file_limit() -> int:
        """File descriptors that this process may have now."""
        return UNBOUNDED

    def raise_file_limit(wanted: int) -> None:
        """Ask for more. There is nothing to ask here."""

else:
    import resource

    def file_limit() -> int:
        """File descriptors that this process may have now."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return UNBOUNDED if soft == resource.RLIM_INFINITY else soft

    def raise_file_limit(wanted: int) -> None:
        """Ask for so many, as far as whoever started this process allows."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if resource.RLIM_INFINITY != soft < most:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
