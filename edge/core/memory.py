"""Keeps the C allocator from holding on to what threads gave back: a Pi has little memory and we have many threads."""

import contextlib
import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_SETTINGS: Final = {_M_ARENA_MAX: 2, _M_TRIM_THRESHOLD: 128 * 1024, _M_MMAP_THRESHOLD: 256 * 1024}


def bound_allocator() -> None:
    """Give glibc's malloc few arenas and fixed thresholds (mallopt(3)); another C library is left as it is.

    Measured on a 720p camera with recording: 165 MB resident instead of 185. Call it before threads are started.
    """
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL("libc.so.6")
        for parameter, value in _SETTINGS.items():
            libc.mallopt(parameter, value)
