"""How torch's threads wait for each other: a setting that is read when torch is imported."""

import os

# Loops that a waiting thread turns before it sleeps. A training step on two cores, by this number, with the cores
# otherwise idle and with several other processes (lowest of four runs; median of three):
#     300,000 (torch's own)  72 ms  789 ms
#      10,000                67 ms  457 ms
#       1,000                93 ms  202 ms
SPINS = 10_000


def make_threads_yield() -> None:
    """Let a thread that waits for others sleep soon. Call it before torch is imported; the user's settings win."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
