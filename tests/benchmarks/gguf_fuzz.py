"""Open GGUF files that were changed at random.

    python -m tests.benchmarks.gguf_fuzz [500 [SEED]]

Each must be opened, and write a token, or be refused in words; the slowest and the largest growth of memory are
printed. A file that does neither ends the program with its traceback, and is kept as mutated.gguf.
"""

import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.model.opening import describe, load_model
from tests.engine.gguf_damage import mutated, small_gguf


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rng, outcomes, slowest = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1), Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.gguf"
        wholes = [small_gguf(path, kind) for kind in ("Q8_0", "F16", "Q4_1")]
        load_model(path)
        before = _megabytes()
        for _ in range(count):
            data = mutated(rng.choice(wholes), rng)
            path.write_bytes(data)
            begun = time.perf_counter()
            try:
                describe(path)
                model, tokenizer = load_model(path)
                Reader(model).logits(tokenizer.encode("the 2")[: model.config.context] or [0])
                outcomes["opened"] += 1
            except EngineError as error:
                outcomes[error.key.removeprefix("error.")] += 1
            except BaseException:
                Path("mutated.gguf").write_bytes(data)
                raise
            slowest = max(slowest, time.perf_counter() - begun)
    print(", ".join(f"{key} {number}" for key, number in outcomes.most_common()))
    print(f"slowest {slowest:.2f} s, memory + {_megabytes() - before:.0f} MB")


def _megabytes() -> float:
    """Return the largest amount of memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
