"""Kill the process while it indexes: everything reported as done is kept, and indexing can go on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
KILLS = int(os.environ.get("NAKAMI_KILLS", "6"))  # more for a thorough run

# One process imports the modules and forks the writers, which are killed.
PROGRAM = """
import os, random, signal, sys, time
from pathlib import Path
from engine.retrieval import indexing
from engine.retrieval.collection import Collection
from engine.retrieval.store import Store

indexing.BATCH_SECONDS = 0.0  # commit after every file, for as many different states as possible
folder, documents, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
random.seed(1)
Store(folder, create=True).close()
for kill in range(kills):
    for number in range(8):
        (documents / f"{kill}-{number}.txt").write_text(f"Tulip {number} of round {kill}. " * 20)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        store = Store(folder)
        for progress in indexing.update(store, [documents]):
            if progress is not None and progress.stage == "reading":
                os.write(writing, f"{progress.name}\\n".encode())
        os._exit(0)
    time.sleep(random.uniform(0.05, 0.8))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as lines:
        reported = set(lines.read().split())
    collection = Collection(folder)
    indexed = {Path(entry.path).name for entry in collection.store.entries()}
    assert reported <= indexed, reported - indexed
    if indexed:
        table = collection.snapshot().table
        rows = table.rows[table.rows >= 0].tolist()
        assert len(set(rows)) == len(rows)
        collection.search("tulip round")
    collection.close()
store = Store(folder)
for _ in indexing.update(store):
    pass
assert len(store.entries()) == 8 * kills
table = store.table()
assert (table.rows >= 0).all() and len(set(table.rows.tolist())) == len(table.rows)
print("whole")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killing_the_writer_loses_nothing_that_was_reported(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "c"), str(tmp_path / "documents"), str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "whole\n"
