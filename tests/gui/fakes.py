"""An engine that answers from a table, in the window's own thread, one turn later."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine import messages as m

Answers = dict[type, Callable[[Any], list[object]]]


class FakeJob(QObject):
    answered = Signal(object)
    ended = Signal(object)

    def __init__(self, number: int, parent: QObject) -> None:
        super().__init__(parent)
        self.number = number
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeEngine(QObject):
    died = Signal()

    def __init__(self, answers: Answers | None = None) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.jobs: list[FakeJob] = []
        self.answers: Answers = default_answers() | (answers or {})
        self.alive = True

    def start(self) -> None:
        self.alive = True

    def close(self) -> None:
        self.alive = False

    def submit(self, request: object) -> FakeJob:
        job = FakeJob(len(self.jobs), self)
        self.requests.append(request)
        self.jobs.append(job)
        QTimer.singleShot(0, self, lambda: self._answer(job, request))
        return job

    def _answer(self, job: FakeJob, request: object) -> None:
        answer = self.answers.get(type(request))
        if answer is None or job.cancelled:
            return  # still at work
        for event in answer(request):
            if isinstance(event, m.Ended):
                job.ended.emit(event)
                return
            job.answered.emit(event)
        job.ended.emit(m.Ended(job.number, "done"))

    def asked(self, kind: type) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]

    def send(self, kind: type, event: object) -> None:
        """One more event of the last job of that kind."""
        self._job(kind).answered.emit(event)

    def end(self, kind: type, ended: m.Ended) -> None:
        self._job(kind).ended.emit(ended)

    def _job(self, kind: type) -> FakeJob:
        return next(j for j, r in reversed(list(zip(self.jobs, self.requests, strict=True))) if isinstance(r, kind))


def tokens_of(text: str) -> m.Tokens:
    """A token a character."""
    count, sizes = len(text), [len(c.encode()) for c in text]
    ends = np.cumsum(sizes, dtype=np.int32) if count else np.zeros(0, np.int32)
    places = np.arange(count, dtype=np.int32)
    return m.Tokens(
        text, np.array([ord(c) for c in text], np.int32), tuple(text), places, places + 1,
        (ends - sizes).astype(np.int32) if count else ends, ends, ("latin",) * count,
    )  # fmt: skip


def candidates(drawn: int = 0) -> m.Candidates:
    probabilities = np.array([[0.5, 0.3, 0.2]] * len(m.STAGES), np.float32)
    probabilities[-1] = [0.6, 0.4, 0.0]
    ids = np.array([97, 98, 99], np.int32)
    return m.Candidates(ids, ("a", "b", "c"), probabilities, (9, 9, 9, 3, 2, 2), 1.03, 0.42, drawn, 0.0, 0.6)


def generated(request: m.Generate) -> list[object]:
    """abcabc…, or the token that was asked for."""
    first = len(request.chosen)
    ids = [97 + (first + i) % 3 for i in range(request.tokens)]
    if request.first is not None:
        ids[0] = request.first
    tokens = tuple(m.GeneratedToken(i, chr(i), chr(i), 0.5, 1.0, candidates(min(2, i - 97))) for i in ids)
    return [m.GeneratedTokens(tokens, 100.0)]


def started(folder: str = "/models/story-1", steps: int = 40) -> m.TrainingStarted:
    settings = m.TrainingSettings(steps=steps, seconds=None)
    references = {"uniform": 6.0, "unigram": 5.0, "bigram": 4.0}
    return m.TrainingStarted(folder, "story.txt", settings, 123_456, 400, references)


def points(first: int = 1, count: int = 10, fraction: float = 0.25, paused: bool = False) -> m.TrainingPoints:
    steps = np.arange(first, first + count, dtype=np.int64)
    losses = (6.0 / np.sqrt(steps)).astype(np.float32)
    flat = np.ones(count, np.float32)
    return m.TrainingPoints(
        steps, losses, flat * 0.02, flat, steps.astype(np.float32),
        steps[-1:], losses[-1:] + 0.1, 1234.0, fraction, 42.0, paused,
    )  # fmt: skip


def model(folder: str = "/models/story-1", training: bool = False) -> m.ModelInfo:
    return m.ModelInfo("story-1", folder, "nakami", 123_456, 2, 2, 32, 16, 400, 500_000, 40, training, True)


def attention(request: m.Attend) -> list[object]:
    count = min(len(request.text), request.most)
    weights = np.tril(np.ones((2, 3, count, count), np.float16))
    weights[1, 2, -1, :] = 0
    weights[1, 2, -1, 0] = 1
    weights /= weights.sum(-1, keepdims=True)
    pieces, first = tuple(request.text[-count:]), len(request.text) - count
    return [m.AttentionLayer(pieces, first, layer, 2, heads) for layer, heads in enumerate(weights)]


def head_scores(_: m.ScoreHeads) -> list[object]:
    scores = np.full((4, 2, 3), 0.1, np.float32)
    scores[0, 1, 2] = 0.87  # the third head of the second layer looks at the token before
    return [m.HeadScores(scores)]


def attention_steps(request: m.ExplainAttention) -> list[object]:
    rng, seen = np.random.default_rng(request.query), request.query + 1
    q, k, v = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (3, seen, 4), (3, seen, 4)))
    scaled = np.einsum("hk,hsk->hs", q, k) / 2
    weights = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    heads = np.einsum("hs,hsk->hk", weights, v)
    x = rng.normal(size=12).astype(np.float32)
    return [m.AttentionSteps(request.layer, request.query, 0, x, q, k, v, scaled, weights, heads)]


def merge_steps(request: m.ReplayMerges) -> list[object]:
    steps = (
        m.MergeStep(("a", "b", "c"), "", -1, 0),
        m.MergeStep(("ab", "c"), "ab", 4, 7),
        m.MergeStep(("abc",), "abc", 9, 2),
    )
    return [m.MergeSteps(request.token, steps)]


def tokenizer_columns(request: m.CompareTokenizers) -> list[object]:
    names, tokens = ("model", "characters", "bytes", "scripts"), tokens_of(request.text)
    return [
        m.TokenizerColumn(
            name,
            400,
            10 + i,
            30,
            tokens,
            5,
            10,
        )
        for i, name in enumerate(names)
    ]


def vocabulary_pages(_: m.ListVocabulary) -> list[object]:
    pieces = tuple(chr(97 + i) for i in range(26))
    data, kinds = tuple(map(str.encode, pieces)), ("latin",) * 26
    counts = np.arange(26)
    columns = (pieces, data, kinds, counts)
    return [m.VocabularyPage(start, 26, *(part[start : start + 13] for part in columns)) for start in (0, 13)]


def machine_trace(request: m.Trace) -> list[object]:
    """A token a character, two layers; the last `most` tokens."""
    ids = [*map(ord, request.text), *request.chosen]
    shown = ids[-request.most :]
    count, random = len(shown), np.random.default_rng(len(ids))
    attention = np.tril(random.uniform(0.1, 1, (2, count, count)))
    attention /= attention.sum(-1, keepdims=True)
    vectors = random.normal(size=(count, 32)).astype(np.float32)
    return [
        m.MachineTrace(
            tuple(map(chr, shown)), np.array(shown, np.int32), len(ids) - count, min(len(ids), 16), vectors,
            attention.astype(np.float16), np.full((3, count), 5.5, np.float32), vectors[:1].repeat(2, 0),
            np.array([7, 9], np.int32), np.array([1.5, -2.5], np.float32), 128, 32, vectors[-1],
            -4.0, 9.0, np.arange(32, dtype=np.int32), candidates(len(request.chosen) % 3),
        )
    ]  # fmt: skip


def embedding_map(request: m.Project) -> list[object]:
    points = np.random.default_rng(0).normal(size=(50, request.dims)).astype(np.float32)
    pieces = tuple(chr(97 + i % 26) for i in range(50))
    names = m.EmbeddingNames(0, np.arange(90, 140, dtype=np.int32), pieces, ("latin", "kanji") * 25)
    if request.method == "pca":
        return [names, m.EmbeddingMap(points, (0.3, 0.1, 0.05)[: request.dims], 1.0)]
    return [names, *(m.EmbeddingMap(points * step, (), step / 3) for step in (1, 2, 3))]


def near_tokens(count: int, asked: tuple[tuple[int, ...], ...] = ()) -> m.NearTokens:
    ids = np.arange(100, 100 + count, dtype=np.int32)
    return m.NearTokens(ids, tuple("abcdefghijklmnop"[:count]), np.linspace(0.9, 0.1, count).astype(np.float32), asked)


def token_row(request: m.LookUp) -> list[object]:
    vector = np.random.default_rng(request.id).normal(size=32).astype(np.float32)
    return [m.TokenRow(request.id, "a", 400, vector, near_tokens(request.count))]


def token_paths(request: m.TracePaths) -> list[object]:
    count = len(request.text)
    points = np.random.default_rng(1).normal(size=(3, count, request.dims)).astype(np.float32)
    return [m.EmbeddingPaths(tuple(request.text), 0, ("latin",) * count, points, (0.5, 0.2, 0.1)[: request.dims])]


def example_list(_: m.ListExamples) -> list[object]:
    """One for each pane that does something of its own with an example."""

    def example(key: str, pane: str, text: str = "", **more: Any) -> m.Example:
        chosen = {
            "select": {},
            "target": {},
            "words": {},
            "tokens": 0,
            "stop": "",
            "temperature": 0.0,
            "compare": False,
        } | more
        return m.Example(key, pane, {"en": text, "ja": text} if text else {}, **chosen)

    return [
        m.Examples(
            (
                example("pronoun", "attention", "a cat. it", select={"en": "it"}, target={"en": "cat"}),
                example("analogy", "embeddings", words={"en": ("a", "b", "c")}),
                example("neighbours", "embeddings", words={"en": ("d",)}),
                example("breakfast", "generation", "for breakfast", temperature=1.0),
                example("temperature", "generation", "one day", tokens=5, compare=True),
                example("happy", "tokens", "I am happy"),
            )
        )
    ]


def estimate(request: m.EstimateTraining) -> list[object]:
    return [m.TrainingEstimate(request.settings, 123_456, 50 << 20, 30.0, 400, 9000.0)]


def default_answers() -> Answers:
    presets = {"30s": m.TrainingSettings(), "5m": m.TrainingSettings(layers=6, seconds=300.0)}
    return document_answers() | {
        m.Hello: lambda _: [m.EngineReady("cpu", "CPU", 2)],
        m.InspectText: lambda r: [m.TextInfo(r.paths, "story.txt", 1, 5000, 4900, "utf-8", "The cat sat.\nThe dog.")],
        m.ListPresets: lambda _: [m.Presets(presets)],
        m.EstimateTraining: estimate,
        m.OpenModel: lambda r: [model(r.folder)],
        m.ListExamples: example_list,
        m.WriteWorld: lambda _: [m.Progress("progress.world", 0.5)],
        m.Judge: lambda r: [m.Judgement(r.text, "", 1.0, 6.0)],
        m.Tokenize: lambda r: [tokens_of(r.text)],
        m.Generate: generated,
        m.Weigh: lambda _: [candidates()],
        m.Attend: attention,
        m.ScoreHeads: head_scores,
        m.ExplainAttention: attention_steps,
        m.Project: embedding_map,
        m.LookUp: token_row,
        m.TracePaths: token_paths,
        m.FindAnalogy: lambda request: [near_tokens(request.count, ((95,), (96,), (97,)))],
        m.Trace: machine_trace,
        m.ReplayMerges: merge_steps,
        m.CompareTokenizers: tokenizer_columns,
        m.ListVocabulary: vocabulary_pages,
        m.SteerTraining: lambda _: [],
        m.ListRuns: lambda _: [m.RunSummary("/models/other-1", "other.txt", 123_456, 40, 12.0, 2.1, True)],
        m.ReadRun: lambda r: [started(r.folder), points()],
    }


# --- Documents ------------------------------------------------------------------------------------

WIDTH = 8  # numbers a vector
TEXTS = ("Summer holiday: August 13 to 15", "Canteen: 11 to 14", "Fire drill: September 1", "Price of tea: 180 yen")


def collection(folder: str = "/collection", version: int = 1, passages: int = len(TEXTS)) -> m.CollectionInfo:
    return m.CollectionInfo(
        folder, version, passages, 1, passages, passages, passages, "lsa", "", 0, WIDTH, "exact", 1000, 150, 250_000
    )


def model_behind(request: m.ChooseEmbedder) -> dict[str, Any]:
    opened = model()
    made = (opened.folder, opened.step) if request.embedder == "model" else (request.folder, 0)
    return dict(zip(("embedder_folder", "embedder_step"), made, strict=True))


def document_page(_: m.ListDocuments) -> list[object]:
    """A document a text, and one that could not be read."""
    entries = [m.DocumentEntry(n, f"/notes/note-{n}.txt", 50, len(text), 1) for n, text in enumerate(TEXTS)]
    broken = m.DocumentEntry(-1, "/notes/broken.txt", 0, 0, 0, "error.text_empty", {"file": "/notes/broken.txt"})
    return [m.DocumentPage(0, len(TEXTS) + 1, (*entries, broken))]


def passage(index: int) -> m.Passage:
    return m.Passage(index, index, f"/notes/note-{index}.txt", 0, 0, "", 0, len(TEXTS[index]), TEXTS[index])


def passage_vectors(question: str) -> tuple[np.ndarray, np.ndarray]:
    """Of length 1: the question's [WIDTH], the passages' [N, WIDTH]."""
    random = np.random.default_rng(len(question))
    rows = random.normal(size=(len(TEXTS) + 1, WIDTH)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows[0], rows[1:]


def search_result(request: m.Search | m.Ask) -> list[object]:
    """The first passages in their order, whatever is asked."""
    vector, rows = passage_vectors(request.question)
    scores = np.linspace(1.0, 0.1, len(TEXTS), dtype=np.float32)
    cosines, keyword = rows @ vector, scores * 3
    hits = tuple(
        m.SearchHit(passage(i), float(scores[i]), float(cosines[i]), float(keyword[i]), (0, len(TEXTS[i])))
        for i in range(min(request.k, len(TEXTS)))
    )
    weights = np.array([1.5, 0.0], np.float32)
    terms = ("holiday", "when")
    found = m.SearchResult(request.question, 1, terms, weights, vector, hits, len(TEXTS), "exact", 0.002)
    return [found, m.ScoreRows(0, cosines.astype(np.float32), keyword, scores)]


def answer_of(request: m.Ask) -> list[object]:
    """A written answer of three tokens from the first source; without sources, another one."""
    parts = (m.PromptPart(0, len(TEXTS[0]), 0),)
    prompt = m.PromptBuilt(True, f"{TEXTS[0]}\nQuestion: {request.question}\nAnswer:", parts, 40, 64, (
        m.LeftOut(1, len(TEXTS[1]), True),
    ))  # fmt: skip
    pieces = ("August", " 13", " to 15")
    tokens = tuple(m.AnswerToken(i, piece, piece, 0.9 - 0.2 * i) for i, piece in enumerate(pieces))
    told = "".join(pieces)
    cited = m.Citation(0, len(told), 0, TEXTS[0].index("August"), len(TEXTS[0]))
    sources = min(request.k, len(TEXTS))
    attention = np.full((3, sources + 2), 0.1 / (sources + 1), np.float32)
    attention[0, 0] = attention[1, 0] = 0.9
    attention[2, -1] = 0.9
    other = (m.AnswerToken(7, "May", "May", 0.4),)
    return [
        *search_result(request), prompt, m.AnswerTokens(True, tokens), m.Answered(True, "written", told, (cited,)),
        m.AnswerAttention(attention), m.PromptBuilt(False, f"Question: {request.question}", (), 12, 64, ()),
        m.AnswerTokens(False, other), m.Answered(False, "written", "May", ()),
    ]  # fmt: skip


def vector_pair(request: m.CompareVectors) -> list[object]:
    question, rows = passage_vectors(request.question)
    products = question * rows[request.index]
    dot = float(products.sum())
    return [m.VectorPair(request.index, question, rows[request.index], products, dot, (1.0, 1.0), dot)]


def passage_map(request: m.MapPassages) -> list[object]:
    question, rows = passage_vectors(request.question)
    indices = np.arange(len(rows), dtype=np.int32)
    return [m.PassageMap(1, indices, indices, rows[:, :2].copy(), question[:2].copy(), (0.5, 0.2))]


def document_text(request: m.ReadDocument) -> list[object]:
    text = TEXTS[request.document]
    spans = np.array([[request.document, 0, len(text)]], np.int32)
    return [m.DocumentText(request.document, f"/notes/note-{request.document}.txt", text, 0, len(text), spans, True)]


def document_answers() -> Answers:
    return {
        m.OpenCollection: lambda r: [collection(r.folder)],
        m.ListDocuments: document_page,
        m.AddDocuments: lambda _: [
            m.IndexProgress("reading", 1, 2, 3.0, "/notes/note-0.txt"), collection(version=2),
        ],
        m.CutDocuments: lambda _: [collection(version=3)],
        m.ChooseEmbedder: lambda r: [
            m.IndexProgress("embedding", 2, 4, None, ""),
            replace(collection(version=6), embedder=r.embedder, fitted=0, **model_behind(r)),
        ],
        m.RemoveDocuments: lambda _: [collection(version=4)],
        m.EditDocument: lambda _: [collection(version=5)],
        m.ReadDocument: document_text,
        m.Search: search_result,
        m.Ask: answer_of,
        m.ListPassages: lambda r: [m.Passages(1, tuple(passage(i) for i in r.indices))],
        m.CompareVectors: vector_pair,
        m.MapPassages: passage_map,
    }  # fmt: skip


def many_candidates(count: int) -> m.Candidates:
    shares = np.linspace(2, 1, count, dtype=np.float32)
    table = np.tile(shares / shares.sum(), (len(m.STAGES), 1))
    pieces = tuple(f"p{i}" for i in range(count))
    return m.Candidates(np.arange(count, dtype=np.int32), pieces, table, (count,) * 6, 1.0, 0.5, 0, 0.0, 0.1)


def entries(count: int, broken: bool = False) -> list[m.DocumentEntry]:
    read = [m.DocumentEntry(n, f"/notes/note-{n}.txt", 50, 1234 + n, 3) for n in range(count)]
    reason = {"file": "/notes/broken.pdf"}
    return [*read, *[m.DocumentEntry(-1, "/notes/broken.pdf", 0, 0, 0, "error.text_empty", reason)] * broken]
