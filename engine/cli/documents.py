"""Commands about documents: index, search, ask."""

import argparse
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model, add_weights, load
from engine.cli.terminal import (
    MOST,
    Commands,
    ProgressLine,
    add_command,
    check_range,
    nonempty_path,
    print_result,
)
from engine.errors import EngineError
from engine.sentences import duration, explain, number, sentence

if TYPE_CHECKING:
    from engine.messages.documents import IndexProgress
    from engine.messages.search import AskRecord, SearchHit
    from engine.retrieval.collection import Collection
    from engine.retrieval.embedders import Choice
    from engine.retrieval.embedding import Updating
    from engine.retrieval.store import Store

EMBEDDERS = ("lsa", "minilm", "model", "word2vec", "encoder")
SHOWN = 200  # characters of a passage without --json


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "index", index, "make a folder of documents searchable, or bring it up to date")
    command.add_argument(
        "paths", type=nonempty_path, nargs="*", metavar="PATH", help="files or folders (none: those added before)"
    )
    command.add_argument("--out", type=nonempty_path, required=True, metavar="DIR", help="the folder of the collection")
    command.add_argument("--encoding", metavar="NAME", help='of the texts in PATH, also later ("": detected again)')
    command.add_argument("--embedder", choices=EMBEDDERS, help="what makes the vectors (default: as before, first lsa)")
    command.add_argument("--folder", default="", metavar="DIR", help="of the model or encoder that makes them")
    command.add_argument("--qdrant", metavar="URL", help='search the vectors on this server ("": locally again)')
    command = add_command(commands, "search", search, "find passages in a collection")
    command.add_argument("collection", metavar="DIR")
    command.add_argument("query", metavar="QUERY")
    _add_ranking(command, passages=10)
    command = add_command(commands, "ask", ask, "let a model answer from a collection")
    command.add_argument("collection", metavar="DIR")
    add_model(command)
    add_weights(command)
    command.add_argument("question", metavar="QUESTION")
    command.add_argument("--tokens", type=int, default=200, help="most tokens of the answer")
    _add_ranking(command, passages=5)


def _add_ranking(command: argparse.ArgumentParser, passages: int) -> None:
    command.add_argument("-k", type=int, default=passages, help="most passages")
    command.add_argument("--mode", choices=("vector", "keyword", "hybrid"), default="hybrid")


def index(options: argparse.Namespace) -> None:
    from engine.retrieval.embedding import choose_embedder, use_server
    from engine.retrieval.indexing import update
    from engine.retrieval.store import Store

    begun = time.perf_counter()
    store = Store(Path(options.out), create=bool(options.paths))
    try:
        if options.qdrant is not None:
            use_server(store, options.qdrant)
        if options.embedder:
            _run(choose_embedder(store, _choice(options)))
        known = store.entries()
        _run(update(store, options.paths, options.encoding))
        with ProgressLine() as line:
            for entry in store.entries():
                if entry not in known:
                    line.report_encoding(entry.path, entry.encoding, entry.certain, entry.replaced)
        result = _indexed(store) | {"seconds": round(time.perf_counter() - begun, 2)}
    finally:
        store.close()
    reasons = [f"{skipped['file']}: {skipped['reason']}" for skipped in result["skipped"]]
    figures = [f"{name}: {result[name]}" for name in ("files", "chunks", "seconds")]
    print_result(options, result, "\n".join([*figures, *reasons]))
    if reasons and not result["files"]:
        raise EngineError("error.all_refused", folder=", ".join(options.paths) or options.out)


def _choice(options: argparse.Namespace) -> "Choice":
    """Return the embedder of the options."""
    from engine.model.opening import describe
    from engine.retrieval.embedders import Choice

    step = describe(Path(options.folder)).step if options.embedder == "model" else 0
    return Choice(options.embedder, options.folder, step)


def _run(updating: "Updating") -> None:
    """Run a change of a collection, with its progress."""
    with ProgressLine() as line:
        for progress in updating:
            if progress is not None:
                line.show(partial(_describe, progress))


def _open(folder: str) -> "Collection":
    """Open a collection, and count its terms again if another version of Nakami counted them."""
    from engine.retrieval.collection import Collection
    from engine.retrieval.indexing import count_again

    collection = Collection(Path(folder))
    _run(count_again(collection.store))
    return collection


def _indexed(store: "Store") -> dict[str, Any]:
    entries = store.entries()
    return {
        "files": len(entries),
        "chunks": sum(entry.passages for entry in entries),
        "skipped": [{"file": path, "reason": explain(error)} for path, error in store.skipped()],
    }


def _describe(progress: "IndexProgress") -> str:
    what = sentence(f"progress.{progress.stage}")
    done, total = number(progress.done), number(progress.total)
    if progress.seconds_left is None:
        return sentence("progress.done", what=what, done=done, total=total)
    return sentence("progress.left", what=what, done=done, total=total, left=duration(progress.seconds_left))


def search(options: argparse.Namespace) -> None:
    check_range(options, "k", 1, MOST)
    collection = _open(options.collection)
    try:
        hits = collection.search(options.query, options.k, options.mode).hits
    finally:
        collection.close()
    words = "\n\n".join(f"{hit.score:.3f}  {_place(hit)}\n{hit.passage.text[:SHOWN]}" for hit in hits)
    print_result(options, {"hits": [_as_json(hit) for hit in hits]}, words or sentence("notice.answer_nothing"))


def ask(options: argparse.Namespace) -> None:
    from engine.generation.decoding import Reader
    from engine.messages.search import AskRecord
    from engine.model.bundled import find
    from engine.retrieval.asking import Asking
    from engine.retrieval.extracting import Extractor
    from engine.retrieval.prompts import style_for

    check_range(options, "k", 1, MOST)
    check_range(options, "tokens", 1, MOST)
    collection, record = _open(options.collection), AskRecord()
    try:
        hits = collection.search(options.question, options.k, options.mode).hits
        extractor = Extractor(collection.snapshot().keywords)
        model, tokenizer = load(options)
        style = style_for(find(options.model), model.config.parameters())
        asking = Asking(Reader(model), tokenizer, style, extractor, {})
        for report in asking.ask(options.question, hits, options.tokens):
            if report is not None:
                record = record.after(report)
    finally:
        collection.close()
    result = _answer(record) | {"sources": [_as_json(hit) for hit in hits]}
    sources = [f"[{number}] {_place(hit)}" for number, hit in enumerate(hits, start=1)]
    answer = result["answer"] if hits else sentence("notice.answer_nothing")
    print_result(options, result, "\n".join([answer, "", *sources]).strip())


def _answer(record: "AskRecord") -> dict[str, Any]:
    prompt, answered, without = record.sourced.prompt, record.sourced.answered, record.unsourced.answered
    return {
        "answer": answered.text.strip() if answered else "",
        "kind": answered.kind if answered else "",
        "prompt": prompt.text if prompt else "",
        "left_out": [asdict(left) for left in prompt.left_out] if prompt else [],
        "citations": [asdict(citation) for citation in answered.citations] if answered else [],
        "tokens": [asdict(token) for token in record.sourced.tokens],
        "without": without.text.strip() if without else "",
    }


def _place(hit: "SearchHit") -> str:
    return f"{hit.passage.path} [{hit.passage.start}:{hit.passage.end}]"


def _as_json(hit: "SearchHit") -> dict[str, Any]:
    passage = hit.passage
    return {
        "file": passage.path,
        "chunk": passage.place,
        "start": passage.start,
        "end": passage.end,
        "score": hit.score,
        "text": passage.text,
    }
