"""Measure how well questions find their passages.

    python -m tests.benchmarks.ranking [--text JAPANESE] [--collection DIR …] [--embedder KIND …]

Test collections in the layout of BEIR (corpus.jsonl, queries.jsonl, qrels.tsv), which are not in the repository, and
sets made of available texts, none of which the program itself uses:
 en-titles   docstrings of numpy, scipy, scikit-learn and torch: the first line finds the rest of its docstring
 en-related  the same: the first line finds the functions that "See Also" names
 ja-text     a Japanese text: three words of a sentence, in any order, find its passage
 world-en, world-ja   the built-in world's company documents: a question finds its document
Against bm25s (English: its stop words and Snowball stems; Japanese: pairs of characters). nDCG@10, recall@10.
"""

import argparse
import importlib
import inspect
import json
import random
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from engine.retrieval.characters import KANJI
from engine.retrieval.collection import Collection
from engine.retrieval.embedders import Choice
from engine.retrieval.embedding import choose_embedder
from engine.retrieval.indexing import update
from engine.retrieval.passages import Document, split
from engine.retrieval.store import Store
from engine.text.world import documents as world
from engine.text.world.facts import Language

QUESTIONS, CHARACTERS = 300, 1500
MODULES = (
    "numpy numpy.linalg numpy.fft numpy.random numpy.ma scipy.signal scipy.stats scipy.linalg scipy.optimize"
    " scipy.sparse scipy.spatial scipy.ndimage scipy.interpolate scipy.integrate scipy.special scipy.fft"
    " sklearn.metrics sklearn.linear_model sklearn.cluster sklearn.ensemble sklearn.preprocessing sklearn.decomposition"
    " sklearn.model_selection sklearn.datasets torch torch.nn torch.nn.functional torch.optim torch.linalg"
    " torch.special"
)


@dataclass(frozen=True)
class TestSet:
    documents: list[str]
    questions: list[tuple[str, set[int], int]]  # question, its relevant documents, one that does not count (or -1)
    japanese: bool = False


# --- The sets ---------------------------------------------------------------------------------------


def docstrings() -> dict[str, str]:
    found: dict[str, str] = {}
    warnings.simplefilter("ignore")
    for name in MODULES.split():
        for inner, value in sorted(vars(importlib.import_module(name)).items()):
            text = inspect.getdoc(value) if callable(value) and not inner.startswith("_") else None
            if text and len(text) > 300 and text not in found.values():
                found.setdefault(inner, text)
    return found


def english() -> Iterator[tuple[str, TestSet]]:
    texts = docstrings()
    place = {name: index for index, name in enumerate(texts)}
    bodies, wholes, titles, related = [], [], [], []
    for name, text in texts.items():
        title, _, body = re.sub(r"^\w+\(.*\).*\n\s*\n", "", text).partition("\n\n")
        title = " ".join(title.split())
        also = re.search(r"See Also\n-+\n(.*?)(\n\n|\Z)", text, re.DOTALL)
        body = re.sub(r"See Also\n-+\n(.*?)(\n\n|\Z)", "", body, flags=re.DOTALL)
        body = re.sub(r"^\s*(>>>|\.\.\.).*$", "", body, flags=re.MULTILINE)[:CHARACTERS]
        bodies.append(body)
        wholes.append(f"{title}\n\n{body}")
        names = {word.split(".")[-1] for word in re.findall(r"[A-Za-z_][\w.]{3,}", also[1])} if also else set()
        if near := {place[word] for word in names if word in place and word != name}:
            related.append((title, near, place[name]))
        if 4 <= len(title.split()) <= 25 and len(body) > 200:
            titles.append((title, {place[name]}, -1))
    rng = random.Random(1)
    yield "en-titles", TestSet(bodies, rng.sample(titles, QUESTIONS))
    yield "en-related", TestSet(wholes, rng.sample(related, QUESTIONS))


def japanese(path: Path) -> TestSet:
    text, rng = path.read_text("utf-8"), random.Random(3)
    passages = split(Document(text))
    questions: list[tuple[str, set[int], int]] = []
    lines = [line for line in text.split("\n") if 15 < len(line) < 60]
    for line in rng.sample(lines, QUESTIONS):
        start = text.index(line)
        near = {i for i, c in enumerate(passages) if c.start <= start and start + len(line) <= c.end}
        words = re.findall(f"[{KANJI}]+|[ァ-ヶー]+", line)
        if near and len(words) > 2:
            questions.append((" ".join(rng.sample(words, 3)), near, -1))
    return TestSet([text[c.start : c.end] for c in passages], questions, japanese=True)


def company(language: Language) -> TestSet:
    rng, texts, questions = random.Random(5), list[str](), list[tuple[str, set[int], int]]()
    asked: dict[str, set[int]] = {}
    for number in range(150):
        known = world.facts(rng, language, testing=True)
        texts.append(world.document(known, rng))
        for fact in known:
            asked.setdefault(fact.question, set()).add(number)
    questions = [(question, near, -1) for question, near in asked.items()]
    return TestSet(texts, questions, language == "ja")


def judged(folder: Path) -> TestSet:
    """Read a test collection with at most QUESTIONS questions; any judgement above zero is relevant."""
    documents, questions = (_rows(folder / name) for name in ("corpus.jsonl", "queries.jsonl"))
    place = {row["_id"]: number for number, row in enumerate(documents)}
    near: dict[str, set[int]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        question, document, score = line.split("\t")
        if int(score) > 0 and document in place:
            near.setdefault(question, set()).add(place[document])
    texts = [f"{row['title']}\n\n{row['text']}".strip() for row in documents]
    asked = [(row["text"], near[row["_id"]], -1) for row in questions if row["_id"] in near]
    asked = random.Random(7).sample(asked, min(QUESTIONS, len(asked)))
    return TestSet(texts, asked, japanese=bool(re.search("[ぁ-ん]", texts[0])))


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


# --- Rankers ----------------------------------------------------------------------------------------

Ranker = Callable[[str], Sequence[int]]  # documents, best first


def peer(tests: TestSet) -> Ranker:
    stemmer, index = Stemmer.Stemmer("english"), bm25s.BM25()

    def cut(text: str) -> list[str]:
        if tests.japanese:
            body = "".join(text.split())
            return [body[i : i + 2] for i in range(len(body) - 1)]
        found = bm25s.tokenize([text], stopwords="en", stemmer=stemmer, show_progress=False, return_ids=False)
        return list(found[0])

    index.index([cut(text) for text in tests.documents], show_progress=False)

    def rank(question: str) -> Sequence[int]:
        words = [word for word in cut(question) if word in index.vocab_dict]
        scores = index.get_scores(words) if words else np.zeros(len(tests.documents))
        return _order(scores)

    return rank


def _order(scores: NDArray[np.floating]) -> list[int]:
    return [int(i) for i in np.argsort(-scores, kind="stable")[:30]]


def ours(collection: Collection, mode: str) -> Ranker:
    def rank(question: str) -> Sequence[int]:
        hits = collection.search(question, 30, mode).hits  # type: ignore[arg-type]
        return list(dict.fromkeys(int(Path(hit.passage.path).stem) for hit in hits))

    return rank


def quality(rank: Ranker, tests: TestSet) -> tuple[float, float]:
    gains, recalls = [], []
    for question, near, but in tests.questions:
        best = [number for number in rank(question) if number != but][:10]
        ideal = sum(1 / np.log2(i + 2) for i in range(min(10, len(near))))
        gains.append(sum(1 / np.log2(i + 2) for i, number in enumerate(best) if number in near) / ideal)
        recalls.append(len(near & set(best)) / min(10, len(near)))
    return float(np.mean(gains)), float(np.mean(recalls))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", type=Path)
    parser.add_argument("--embedder", nargs="+", default=["lsa", "word2vec"], help="minilm needs its extra")
    parser.add_argument("--collection", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    sets = {folder.name: judged(folder) for folder in options.collection}
    if not sets:
        sets = dict(english()) | {"world-en": company("en"), "world-ja": company("ja")}
    if options.text:
        sets["ja-text"] = japanese(options.text)
    for name, tests in sets.items():
        print(f"{name}: {len(tests.documents)} documents, {len(tests.questions)} questions", flush=True)
        base = quality(peer(tests), tests)
        print(f"  bm25s                nDCG@10 {base[0]:.4f}  recall@10 {base[1]:.4f}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for number, text in enumerate(tests.documents):
                (Path(folder) / f"{number}.txt").write_text(text or "-", "utf-8")
            store = Store(Path(folder) / "c", create=True)
            for _ in update(store, [folder]):
                pass
            collection = Collection(Path(folder) / "c")
            for kind in options.embedder:
                for _ in choose_embedder(store, Choice(kind)):
                    pass
                for mode in ("keyword", "vector", "hybrid") if kind == options.embedder[0] else ("vector", "hybrid"):
                    gain, recall = quality(ours(collection, mode), tests)
                    label = f"{mode} {kind if mode != 'keyword' else ''}"
                    print(
                        f"  {label:<20} nDCG@10 {gain:.4f}  recall@10 {recall:.4f}  × {gain / base[0]:.3f}", flush=True
                    )
            collection.close()
            store.close()


if __name__ == "__main__":
    main()
