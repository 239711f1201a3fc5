"""What the fake engine answers about documents: four notes of one passage each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.messages.documents import (
    AddDocuments,
    ChooseEmbedder,
    CollectionInfo,
    DocumentEntry,
    DocumentText,
    EditDocument,
    IndexProgress,
    ListDocuments,
    OpenCollection,
    ReadDocument,
    RemoveDocuments,
    SplitDocuments,
)
from engine.messages.search import (
    AnswerAttention,
    Answered,
    AnswerToken,
    AnswerTokens,
    Ask,
    Citation,
    CompareVectors,
    LeftOut,
    ListPassages,
    MapPassages,
    Passage,
    PassageMap,
    Passages,
    PromptBuilt,
    PromptPart,
    Search,
    SearchHit,
    SearchResult,
    VectorPair,
)

Answers = dict[type, Callable[[Any], Sequence[object]]]
WIDTH = 8  # numbers a vector
OPENED = "/models/story-1", 40  # folder and step of `fakes.model`
TEXTS = ("Summer holiday: August 13 to 15", "Canteen: 11 to 14", "Fire drill: September 1", "Price of tea: 180 yen")


def collection(folder: str = "/collection", version: int = 1, passages: int = len(TEXTS)) -> CollectionInfo:
    return CollectionInfo(
        folder, version, passages, 1, 0, passages, passages, passages, "lsa", "", 0, WIDTH, "exact", 1000, 150, 250_000
    )


def embedding_model(request: ChooseEmbedder) -> dict[str, Any]:
    made = OPENED if request.embedder == "model" else (request.folder, 0)
    return dict(zip(("embedder_folder", "embedder_step"), made, strict=True))


def document_list(_: ListDocuments) -> list[object]:
    """List one document for each text, and one that could not be read."""
    entries = [DocumentEntry(n, f"/notes/note-{n}.txt", 50, len(text), 1) for n, text in enumerate(TEXTS)]
    broken = DocumentEntry(-1, "/notes/broken.txt", 0, 0, 0, "error.text_empty", {"file": "/notes/broken.txt"})
    return [[*entries, broken]]


def passage(index: int) -> Passage:
    return Passage(index, index, f"/notes/note-{index}.txt", 0, 0, "", 0, len(TEXTS[index]), TEXTS[index])


def passage_vectors(question: str) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors: the question's [WIDTH] and the passages' [N, WIDTH]."""
    random = np.random.default_rng(len(question))
    rows = random.normal(size=(len(TEXTS) + 1, WIDTH)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows[0], rows[1:]


def search_result(request: Search | Ask) -> list[object]:
    """Return the first passages in their order, whatever the question."""
    vector, rows = passage_vectors(request.question)
    scores = np.linspace(1.0, 0.1, len(TEXTS), dtype=np.float32)
    cosines, keyword = rows @ vector, scores * 3
    hits = tuple(
        SearchHit(passage(i), float(scores[i]), float(cosines[i]), float(keyword[i]), (0, len(TEXTS[i])))
        for i in range(min(request.k, len(TEXTS)))
    )
    weights = np.array([1.5, 0.0], np.float32)
    terms = ("holiday", "when")
    arrays = cosines.astype(np.float32), keyword, scores
    return [SearchResult(request.question, 1, terms, weights, vector, hits, "exact", 0.002, *arrays, nearest=0)]


def answer_of(request: Ask) -> list[object]:
    """Answer with three tokens from the first source; without sources, with another token."""
    parts = (PromptPart(0, len(TEXTS[0]), 0),)
    prompt = PromptBuilt(True, f"{TEXTS[0]}\nQuestion: {request.question}\nAnswer:", parts, 40, 64, (
        LeftOut(1, len(TEXTS[1]), True),
    ))  # fmt: skip
    pieces = ("August", " 13", " to 15")
    tokens = tuple(AnswerToken(i, piece, piece, 0.9 - 0.2 * i) for i, piece in enumerate(pieces))
    text = "".join(pieces)
    cited = Citation(0, len(text), 0, TEXTS[0].index("August"), len(TEXTS[0]))
    sources = min(request.k, len(TEXTS))
    attention = np.full((3, sources + 2), 0.1 / (sources + 1), np.float32)
    attention[0, 0] = attention[1, 0] = 0.9
    attention[2, -1] = 0.9
    other = (AnswerToken(7, "May", "May", 0.4),)
    return [
        *search_result(request), prompt, AnswerTokens(True, tokens), Answered(True, "written", text, (cited,)),
        AnswerAttention(attention), PromptBuilt(False, f"Question: {request.question}", (), 12, 64, ()),
        AnswerTokens(False, other), Answered(False, "written", "May", ()),
    ]  # fmt: skip


def vector_pair(request: CompareVectors) -> list[object]:
    question, rows = passage_vectors(request.question)
    products = question * rows[request.index]
    dot = float(products.sum())
    return [VectorPair(request.index, question, rows[request.index], products, dot, (1.0, 1.0), dot)]


def passage_map(request: MapPassages) -> list[object]:
    question, rows = passage_vectors(request.question)
    indices = np.arange(len(rows), dtype=np.int32)
    return [PassageMap(1, indices, indices, rows[:, :2].copy(), question[:2].copy(), (0.5, 0.2))]


def document_text(request: ReadDocument) -> list[object]:
    text = TEXTS[request.document]
    spans = np.array([[request.document, 0, len(text)]], np.int32)
    return [DocumentText(request.document, f"/notes/note-{request.document}.txt", text, 0, len(text), spans, True)]


def document_answers() -> Answers:
    return {
        OpenCollection: lambda r: [collection(r.folder)],
        ListDocuments: document_list,
        AddDocuments: lambda _: [
            IndexProgress("reading", 1, 2, 3.0, "/notes/note-0.txt"), collection(version=2),
        ],
        SplitDocuments: lambda _: [collection(version=3)],
        ChooseEmbedder: lambda r: [
            IndexProgress("embedding", 2, 4, None, ""),
            replace(collection(version=6), embedder=r.embedder, fitted=0, **embedding_model(r)),
        ],
        RemoveDocuments: lambda _: [collection(version=4)],
        EditDocument: lambda _: [collection(version=5)],
        ReadDocument: document_text,
        Search: search_result,
        Ask: answer_of,
        ListPassages: lambda r: [Passages(1, tuple(passage(i) for i in r.indices))],
        CompareVectors: vector_pair,
        MapPassages: passage_map,
    }  # fmt: skip


def entries(count: int, broken: bool = False) -> list[DocumentEntry]:
    read = [DocumentEntry(n, f"/notes/note-{n}.txt", 50, 1234 + n, 3) for n in range(count)]
    path = "/notes/broken.pdf"
    return [*read, *[DocumentEntry(-1, path, 0, 0, 0, "error.text_empty", {"file": path})] * broken]
