"""Keeps the allocator from handing memory back that the next request needs again."""

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
_MEBIBYTE = 2**20

SETTINGS = {
    _M_MMAP_THRESHOLD: 4 * _MEBIBYTE,
    _M_TRIM_THRESHOLD: 64 * _MEBIBYTE,
    _M_TOP_PAD: 16 * _MEBIBYTE,
}


def keep_freed_memory() -> bool:
    """Tell glibc to serve buffers up to 4 MiB from memory it keeps (64 MiB at most).

    By default it returns every body-sized buffer to the kernel and faults its pages in again for
    the next request, which costs more than decoding it. Elsewhere nothing is changed.

    Returns:
        Whether the allocator took it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) for name, value in SETTINGS.items())
