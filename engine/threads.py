"""Set how torch's threads wait for each other, before torch is imported."""

import os

# Loop iterations of a waiting thread before it sleeps. Time of a training step on two cores by this number, on an
# idle machine (lowest of four runs) and with several other processes (median of three):
#     300,000 (torch's own)  72 ms  789 ms
#      10,000                67 ms  457 ms
#       1,000                93 ms  202 ms
SPINS = 10_000


def make_threads_yield() -> None:
    """Make waiting threads sleep soon. Call it before torch is imported; settings of the user are kept."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
