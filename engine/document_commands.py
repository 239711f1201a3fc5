"""What the command line does with documents, one function a command."""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.messages.documents import IndexProgress
from engine.messages.search import Answered, AnswerTokens, PromptBuilt, SearchHit
from engine.retrieval.collection import Collection
from engine.retrieval.embedding import use_server
from engine.retrieval.extracting import Extractor
from engine.retrieval.indexing import update
from engine.retrieval.store import Store
from engine.sentences import explain, sentence
from engine.terminal import MOST, ProgressLine, check_range, clock, print_result

SHOWN = 200  # characters of a passage, where it is not asked for as JSON


def index(options: argparse.Namespace) -> None:
    begun, folder = time.perf_counter(), Path(options.out)
    store = Store(folder, create=bool(options.paths))
    try:
        if options.qdrant is not None:
            use_server(store, options.qdrant)
        with ProgressLine() as line:
            for progress in update(store, options.paths):
                if progress is not None:
                    line.show(_describe(progress))
        entries = store.entries()
        result: dict[str, Any] = {
            "files": len(entries),
            "chunks": sum(entry.passages for entry in entries),
            "skipped": [{"file": path, "reason": explain(error)} for path, error in store.skipped()],
            "seconds": round(time.perf_counter() - begun, 2),
        }
    finally:
        store.close()
    reasons = [f"{skipped['file']}: {skipped['reason']}" for skipped in result["skipped"]]
    print_result(
        options, result, "\n".join([*(f"{name}: {result[name]}" for name in ("files", "chunks", "seconds")), *reasons])
    )


def _describe(progress: IndexProgress) -> str:
    left = "…" if progress.seconds_left is None else clock(progress.seconds_left)
    what = sentence(f"progress.{progress.stage}")
    return sentence("progress.left", what=what, done=f"{progress.done:,}", total=f"{progress.total:,}", left=left)


def search(options: argparse.Namespace) -> None:
    check_range(options, "k", 1, MOST)
    collection = Collection(Path(options.collection))
    try:
        hits = collection.search(options.query, options.k, options.mode).hits
    finally:
        collection.close()
    words = "\n\n".join(f"{hit.score:.3f}  {_place(hit)}\n{hit.passage.text[:SHOWN]}" for hit in hits)
    print_result(options, {"hits": [as_json(hit) for hit in hits]}, words)


def ask(options: argparse.Namespace) -> None:
    from engine.generation.decoding import Reader  # torch: seconds that the other commands do without
    from engine.model.opening import load_model
    from engine.retrieval.asking import Asking

    check_range(options, "k", 1, MOST)
    check_range(options, "tokens", 1, MOST)
    collection = Collection(Path(options.collection))
    try:
        found = collection.search(options.question, options.k, options.mode)
        extractor = Extractor(collection.snapshot().keywords)
        model, tokenizer = load_model(Path(options.model))
        asking = Asking(Reader(model), tokenizer, Path(options.model), extractor, {})
        told = _Told()
        for event in asking.ask(options.question, found.hits, options.tokens):
            told.hear(event)
    finally:
        collection.close()
    result = told.result | {"sources": [as_json(hit) for hit in found.hits]}
    sources = [f"[{number}] {_place(hit)}" for number, hit in enumerate(found.hits, start=1)]
    print_result(options, result, "\n".join([told.result["answer"], "", *sources]))


class _Told:
    """The answer as it is asked for on the command line, put together from the steps."""

    def __init__(self) -> None:
        self.result: dict[str, Any] = {
            "answer": "",
            "kind": "",
            "prompt": "",
            "left_out": [],
            "citations": [],
            "tokens": [],
            "without": "",
        }

    def hear(self, event: object) -> None:
        if isinstance(event, PromptBuilt) and event.sourced:
            self.result["prompt"] = event.text
            self.result["left_out"] = [asdict(left) for left in event.left_out]
        elif isinstance(event, AnswerTokens) and event.sourced:
            self.result["tokens"] += [asdict(token) for token in event.tokens]
        elif isinstance(event, Answered) and event.sourced:
            self.result["answer"], self.result["kind"] = event.text.strip(), event.kind
            self.result["citations"] = [asdict(citation) for citation in event.citations]
        elif isinstance(event, Answered):
            self.result["without"] = event.text.strip()


def _place(hit: SearchHit) -> str:
    passage = hit.passage
    return f"{passage.path} [{passage.start}:{passage.end}]"


def as_json(hit: SearchHit) -> dict[str, Any]:
    passage = hit.passage
    return {
        "file": passage.path,
        "chunk": passage.place,
        "start": passage.start,
        "end": passage.end,
        "score": hit.score,
        "text": passage.text,
    }


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {"index": index, "search": search, "ask": ask}
