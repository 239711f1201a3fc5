"""Keeps freed memory for the next step instead of giving it back to the system."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
KEEP = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Raises glibc's thresholds; True where that took effect.

    A training step frees and asks for the same large blocks again and again. By default glibc hands
    those back to the system, and every step pays for fresh pages: a third of its time with small models.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP) and mallopt(M_TRIM_THRESHOLD, KEEP))
