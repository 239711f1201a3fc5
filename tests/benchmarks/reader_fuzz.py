"""Read files that were changed at random.

    python -m tests.benchmarks.reader_fuzz [500 [docx xlsx …]]

That many of each format, or of those named. Each must be read or refused by name within ten seconds; the reader
process may crash, but not the program.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.errors import EngineError
from engine.retrieval.reader_process import FileReader
from tests.engine.test_readers import mutated, read, samples


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name, FileReader() as reader:
        folder = Path(name)
        for kind, whole in samples(folder).items():
            if sys.argv[2:] and kind.partition(".")[2] not in sys.argv[2:]:
                continue
            rng, outcomes, slowest = random.Random(kind), Counter[str](), 0.0
            for _ in range(count):
                path, begun = folder / kind, time.perf_counter()
                path.write_bytes(mutated(whole, rng))
                try:
                    read(reader, path)
                    outcomes["read"] += 1
                except EngineError as error:
                    outcomes[error.key.removeprefix("error.")] += 1
                    outcomes["crash"] += error.args_by_name.get("reason") == "crash"
                slowest = max(slowest, time.perf_counter() - begun)
            counts = ", ".join(f"{key} {number}" for key, number in sorted(outcomes.items()))
            print(f"{kind}: {counts}; slowest {slowest:.2f} s", flush=True)


if __name__ == "__main__":
    main()
