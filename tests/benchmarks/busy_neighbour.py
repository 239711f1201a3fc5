"""Training speed beside a busy process.

    python -m tests.benchmarks.busy_neighbour TEXT

Trains by the command line with one thread and with the program's own choice, in turns, while another process
computes all the time, as a video call does.
"""

import argparse
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.window import run_command_line


@contextmanager
def busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    text = str(Path(options.text).resolve())
    ratios = []
    for _ in range(options.rounds):
        with busy_process():
            one = run_command_line(text, options.seconds, OMP_NUM_THREADS="1")
            chosen = run_command_line(text, options.seconds)
        ratios.append(chosen / one)
        print(f"one thread {one:,.0f} tokens/s; as it comes {chosen:,.0f}", flush=True)
    print(f"beside a busy process {statistics.median(ratios):.2f} times the speed of one thread (1.3)")


if __name__ == "__main__":
    main()
