"""What the command line does with documents, one function a command."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.retrieval.collection import Collection, Hit
from engine.retrieval.indexing import Progress, update
from engine.retrieval.store import Store
from engine.sentences import explain, sentence
from engine.terminal import ProgressLine, print_result

SHOWN = 200  # characters of a passage, where it is not asked for as JSON


def index(options: argparse.Namespace) -> None:
    begun, folder, line = time.perf_counter(), Path(options.out), ProgressLine()
    if not options.paths and not folder.is_dir():
        raise EngineError("error.collection_missing", folder=str(folder))
    store = Store(folder, create=True)
    try:
        for progress in update(store, options.paths):
            if progress is not None:
                line.show(_describe(progress))
        line.end()
        entries = store.entries()
        result: dict[str, Any] = {
            "files": len(entries),
            "chunks": sum(entry.chunks for entry in entries),
            "skipped": [{"file": path, "reason": explain(error)} for path, error in store.skipped()],
            "seconds": round(time.perf_counter() - begun, 2),
        }
    finally:
        store.close()
    reasons = [f"{skipped['file']}: {skipped['reason']}" for skipped in result["skipped"]]
    print_result(
        options, result, "\n".join([*(f"{name}: {result[name]}" for name in ("files", "chunks", "seconds")), *reasons])
    )


def _describe(progress: Progress) -> str:
    left = (
        "…"
        if progress.seconds_left is None
        else f"{int(progress.seconds_left) // 60}:{int(progress.seconds_left) % 60:02d}"
    )
    what = sentence(f"progress.{progress.stage}")
    return sentence("progress.left", what=what, done=f"{progress.done:,}", total=f"{progress.total:,}", left=left)


def search(options: argparse.Namespace) -> None:
    collection = Collection(Path(options.collection))
    try:
        hits = collection.search(options.query, options.k, options.mode).hits
    finally:
        collection.close()
    words = "\n\n".join(f"{hit.score:.3f}  {hit.file} [{hit.start}:{hit.end}]\n{hit.text[:SHOWN]}" for hit in hits)
    print_result(options, {"hits": [as_json(hit) for hit in hits]}, words)


def as_json(hit: Hit) -> dict[str, Any]:
    names = ("file", "chunk", "start", "end", "score", "text")
    return {name: getattr(hit, name) for name in names}


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {"index": index, "search": search}
