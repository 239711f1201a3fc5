"""Measure on this computer which of two computations is faster."""

import time
from collections.abc import Callable

import torch


def speedup(plain: Callable[[], object], other: Callable[[], object], rounds: int) -> float:
    """Return the time of `plain` divided by that of `other`: the shortest of several rounds, in turns.

    One thread computes, because several also wait for each other.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = [(_seconds(plain), _seconds(other)) for _ in range(rounds)]
    finally:
        torch.set_num_threads(threads)
    first, second = (min(column) for column in zip(*times, strict=True))  # other processes only add to the time
    return first / second


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
