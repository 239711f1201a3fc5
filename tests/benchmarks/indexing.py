"""Measure indexing, from a file to the first search.

    python -m tests.benchmarks.indexing FILE

Indexes the file itself, and two and four copies of it: seconds and peak memory.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.retrieval.collection import Collection
from engine.retrieval.indexing import update
from engine.retrieval.store import Store


def main() -> None:
    if len(sys.argv) == 3:
        _one(Path(sys.argv[1]), int(sys.argv[2]))
        return
    for times in (1, 2, 4):
        command = [sys.executable, "-m", "tests.benchmarks.indexing", sys.argv[1], str(times)]
        subprocess.run(command, check=True)


def _one(file: Path, times: int) -> None:
    """Measure in a separate process, whose memory is not shared."""
    with tempfile.TemporaryDirectory() as name:
        documents, text = Path(name) / "documents", file.read_bytes()
        documents.mkdir()
        for number in range(times):
            (documents / f"{number}.txt").write_bytes(text)
        begun, stages = time.perf_counter(), dict[str, float]()
        store = Store(Path(name) / "c", create=True)
        before = begun
        for progress in update(store, [documents]):
            now = time.perf_counter()
            if progress is not None:
                stages[progress.stage] = stages.get(progress.stage, 0.0) + now - before
                before = now
        collection = Collection(Path(name) / "c")
        collection.search("何でも")
        seconds, passages = time.perf_counter() - begun, len(collection.snapshot().table.ids)
        size = store.size_on_disk()
        store.close()
        collection.close()
    spent_by_stage = ", ".join(f"{stage} {spent:.2f}" for stage, spent in stages.items())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    megabytes = len(text) * times / 1e6
    print(
        f"{megabytes:.1f} MB, {passages} passages: {seconds:.2f} s ({spent_by_stage}); "
        f"{memory:.0f} MB of memory, {size / 1e6:.1f} MB on the disk"
    )


if __name__ == "__main__":
    main()
