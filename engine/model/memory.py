"""Memory: how much is free, and keeping what a step frees for the next one."""

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


def free_memory() -> int | None:
    """Bytes that could be taken now, where the system tells."""
    try:
        with open("/proc/meminfo") as file:
            available = next(line for line in file if line.startswith("MemAvailable"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        return None
