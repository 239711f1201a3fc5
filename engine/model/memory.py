"""Report free memory, and set the allocator to speed up training."""

import ctypes
import sys
from contextlib import suppress
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
KEEP = 1 << 30  # bytes


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory for reuse, and return whether that took effect.

    A training step frees and allocates the same large blocks again and again. By default glibc returns
    them to the system, and new pages take a third of a small model's step.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEEP) and mallopt(M_TRIM_THRESHOLD, KEEP))


def return_freed_memory() -> None:
    """Make glibc return what was freed to the system: converting a model's weights leaves gaps of many megabytes."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def free_memory() -> int | None:
    """Return the number of bytes available, or None if the system does not report it."""
    try:
        with Path("/proc/meminfo").open() as file:
            available = next(line for line in file if line.startswith("MemAvailable"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration, ValueError):
        return None
