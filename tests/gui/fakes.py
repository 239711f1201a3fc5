"""A fake engine: it answers from a table, in the window's thread, at the next turn of the event loop."""

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine.messages.attention import Attend, AttentionLayer, AttentionSteps, ExplainAttention, HeadScores, ScoreHeads
from engine.messages.chat import Chat, ChatForms, ChatPrompt, ChatStopped, FindChatForms, PromptPiece, ShowPrompt
from engine.messages.comparing import Compare, Comparison
from engine.messages.desk import Level, Measure, Measured, Mix, Mixed, PartsTried, RankParts, Rewrite, Rewritten
from engine.messages.embeddings import (
    Analogy,
    AskedWord,
    EmbeddingMap,
    EmbeddingNames,
    EmbeddingPaths,
    FindAnalogy,
    FindTriples,
    LookUp,
    NearTokens,
    OpenVectors,
    OwnVectors,
    Project,
    ProjectOnAxis,
    TokenRow,
    TracePaths,
    Triples,
    WordAxis,
)
from engine.messages.envelope import Ended
from engine.messages.generation import (
    STAGES,
    AheadToken,
    Candidates,
    Generate,
    GeneratedToken,
    GeneratedTokens,
    LookAhead,
    PredictNext,
)
from engine.messages.inside import LensGrid, LogitParts, ReadLens, SplitLogit
from engine.messages.map import ForwardTrace, TraceForward
from engine.messages.models import ChangeModel, ModelChanged, ModelInfo, OpenModel
from engine.messages.scoring import Expect, Expected, ScoredTokens, ScoreText, WordScore
from engine.messages.status import EngineReady, Hello, Progress
from engine.messages.texts import AssessText, InspectText, TextAssessment, TextInfo, WriteWorld
from engine.messages.tokens import (
    TOKENIZERS,
    CompareTokenizers,
    ListVocabulary,
    MergeStep,
    MergeSteps,
    ReplayMerges,
    Tokenize,
    TokenizerColumn,
    Tokens,
    Vocabulary,
)
from engine.messages.training import (
    EstimateTraining,
    ListPresets,
    ListRuns,
    Presets,
    ReadRun,
    RunSummary,
    SteerTraining,
    TrainingEstimate,
    TrainingPoints,
    TrainingSettings,
    TrainingStarted,
)
from tests.gui.fake_documents import Answers, document_answers


class FakeJob(QObject):
    answered = Signal(object)
    ended = Signal(object)

    def __init__(self, number: int, request: object, parent: QObject) -> None:
        super().__init__(parent)
        self.number, self.request = number, request
        self.cancelled = False

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.ended.emit(Ended(self.number, "cancelled"))


class FakeEngine(QObject):
    submitted = Signal(object)
    died = Signal()
    closed = Signal()

    def __init__(self, answers: Answers | None = None) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.jobs: list[FakeJob] = []
        self.answers: Answers = default_answers() | (answers or {})
        self.alive = True

    def start(self) -> None:
        self.alive = True

    def begin_closing(self, saves: bool = True) -> None:
        self.closed_with = saves
        self.alive = False

    def submit(self, request: object) -> FakeJob:
        job = FakeJob(len(self.jobs), request, self)
        self.requests.append(request)
        self.jobs.append(job)
        QTimer.singleShot(0, self, lambda: self._answer(job, request))
        self.submitted.emit(job)
        return job

    def _answer(self, job: FakeJob, request: object) -> None:
        answer = self.answers.get(type(request))
        if answer is None or job.cancelled:
            return  # it never ends
        for event in answer(request):
            if isinstance(event, Ended):
                job.ended.emit(replace(event, job=job.number))
                return
            job.answered.emit(event)
        job.ended.emit(Ended(job.number, "done"))

    def asked(self, kind: type) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]

    def send(self, kind: type, event: object) -> None:
        """Send one more answer of the last request of that kind."""
        self._job(kind).answered.emit(event)

    def end(self, kind: type, ended: Ended) -> None:
        job = self._job(kind)
        job.ended.emit(replace(ended, job=job.number))

    def cancelled(self, kind: type) -> bool:
        """Return whether the last request of that kind was cancelled."""
        return self._job(kind).cancelled

    def _job(self, kind: type) -> FakeJob:
        return next(j for j, r in reversed(list(zip(self.jobs, self.requests, strict=True))) if isinstance(r, kind))


def tokens_of(text: str) -> Tokens:
    """Cut a text into characters."""
    count, sizes = len(text), [len(c.encode()) for c in text]
    ends = np.cumsum(sizes, dtype=np.int32) if count else np.zeros(0, np.int32)
    places = np.arange(count, dtype=np.int32)
    return Tokens(
        text, np.array([ord(c) for c in text], np.int32), tuple(text), places, places + 1,
        (ends - sizes).astype(np.int32) if count else ends, ends, ("latin",) * count,
    )  # fmt: skip


def candidates(drawn: int = 0) -> Candidates:
    probabilities = np.array([[0.5, 0.3, 0.2]] * len(STAGES), np.float32)
    probabilities[-1] = [0.6, 0.4, 0.0]
    ids = np.array([97, 98, 99], np.int32)
    places = drawn, 0.0, 0.6, (0.0, 0.6, 1.0)
    return Candidates(ids, ("a", "b", "c"), probabilities, (9, 9, 9, 3, 2, 2), 1.03, 0.42, *places)


def generated(request: Generate) -> list[GeneratedTokens]:
    """Return abcabc…; the first token is `request.first`, if there is one."""
    first = len(request.chosen)
    ids = [97 + (first + i) % 3 for i in range(request.tokens)]
    if request.first is not None:
        ids[0] = request.first
    tokens = tuple(GeneratedToken(i, chr(i), chr(i), 0.5, 1.0, candidates(min(2, i - 97))) for i in ids)
    return [GeneratedTokens(tokens, 100.0)]


def ahead(request: LookAhead) -> list[AheadToken]:
    """Return two branches, such as abc and bbc."""
    branches = [generated(Generate("", first=97 + i, tokens=request.tokens))[0].tokens for i in range(2)]
    return [AheadToken(branch, token) for branch, tokens in enumerate(branches) for token in tokens]


def chat_prompt(request: ShowPrompt | Chat, context: int = 64) -> ChatPrompt:
    """Return a prompt such as <s>user:Hi</s>, without the messages that do not fit into `context` tokens of 8."""
    most = context // 8
    unseen = tuple(range(max(0, len(request.messages) - most)))
    pieces = [PromptPiece("<s>", None, special=True)]
    for index, message in enumerate(request.messages):
        if index not in unseen:
            pieces += [PromptPiece(f"{message.role}:", None), PromptPiece(message.text, index)]
    pieces += [PromptPiece("</s>", None, special=True), PromptPiece("assistant:", None)]
    text = "".join(piece.text for piece in pieces)
    typed = ("<s>",) if any("<s>" in message.text for message in request.messages) else ()
    return ChatPrompt(text, tuple(range(len(pieces))), tuple(pieces), unseen, context, typed)


def chat_answer(request: Chat) -> list[object]:
    """Return the prompt and an answer such as abcab, which ends at five tokens."""
    place = len(request.chosen)
    count = min(request.tokens, 5 - place)
    tokens = generated(Generate("", request.chosen, request.first, count)) if count else []
    return [chat_prompt(request), *tokens, ChatStopped("end" if place + count == 5 else "length")]


def started(folder: str = "/models/story-1", steps: int = 40) -> TrainingStarted:
    settings = TrainingSettings(steps=steps, seconds=None)
    references = {"uniform": 6.0, "unigram": 5.0, "bigram": 4.0}
    return TrainingStarted(folder, "story.txt", settings, 123_456, 400, references)


def points(first: int = 1, count: int = 10, fraction: float = 0.25, paused: bool = False) -> TrainingPoints:
    steps = np.arange(first, first + count, dtype=np.int64)
    losses = (6.0 / np.sqrt(steps)).astype(np.float32)
    flat = np.ones(count, np.float32)
    return TrainingPoints(
        steps, losses, losses, flat * 0.02, flat, steps.astype(np.float32),
        steps[-1:], losses[-1:] + 0.1, 1234.0, fraction, 42.0, paused,
    )  # fmt: skip


def model(folder: str = "/models/story-1", training: bool = False) -> ModelInfo:
    return ModelInfo("story-1", folder, "nakami", 123_456, 2, 2, 32, 16, 400, 500_000, 40, training, True)


LENS_LAYERS, LENS_TOKENS = 3, 4
LENS_PIECES = ("The", " capital", " of", " France")


def lens_grid(pieces: tuple[str, ...] = LENS_PIECES) -> LensGrid:
    generator, tokens = np.random.default_rng(1), len(pieces)
    shares = -np.sort(-generator.dirichlet(np.ones(5), (LENS_LAYERS + 1, tokens)), axis=2)
    ids = generator.permuted(np.arange((LENS_LAYERS + 1) * tokens * 5) % 50)

    def rows(*layers: float) -> list[list[float]]:
        return [[value] * tokens for value in layers]

    return LensGrid(
        pieces=pieces,
        first=0,
        ids=ids.reshape(-1, tokens, 5).astype(np.int32),
        names={token: f" w{token}" for token in range(50)},
        probabilities=shares.astype(np.float32),
        targets=np.array([*range(1, tokens), 7], np.int32),
        target_probabilities=np.array(rows(0.0, 0.01, 0.2, 0.9), np.float32),
        target_ranks=np.array(rows(400, 30, 1, 1), np.int32),
    )


def mixed() -> Mixed:
    """Return three candidates, of which the second leads after the changes."""
    before, after = np.array([[0.6, 0.3, 0.05], [0.1, 0.7, 0.1]], np.float32)
    return Mixed(np.arange(3, dtype=np.int32), (" w0", " w1", " w2"), before, after)


def parts_tried(request: RankParts) -> list[object]:
    """Return both layers of `model`, in which the second head of the second layer matters most."""
    whole = Level(0.5, 0.6)
    rows = {1: [0.6, 2.5, 1.0], 0: [0.5, 0.7, 0.4]}
    return [
        PartsTried(layer, " w0", whole, np.array(losses), np.exp(-np.array(losses)), (2 - layer) / 2)
        for layer, losses in rows.items()
    ]


HALVES = LN2 = float(np.log(2))  # nats: a token of probability 1/2


def scored(text: str) -> list[object]:
    """Score each character: all but the first have probability 1/2; they come in two parts."""
    count = len(text)
    parts = [(0, 1), (1, count)]
    return [
        ScoredTokens(
            np.array([ord(c) for c in text[a:b]], np.int32), tuple(text[a:b]), tuple(text[a:b]),
            np.full(b - a, np.nan if a == 0 else HALVES), np.full(b - a, 0 if a == 0 else 2, np.int32),
            np.full(b - a, np.nan if a == 0 else 2 * HALVES), count,
        )
        for a, b in parts
        if b > a
    ]  # fmt: skip


def expected(request: Expect) -> list[object]:
    word = WordScore(f" {request.word}", (" ze", "bra"), 0.25, 7) if request.word else None
    return [Expected(candidates(), word)]


def read(texts: list[str], bits: float) -> ScoredTokens:
    """Return a text whose tokens but the first have this surprisal."""
    values = np.array([np.nan, *[bits * LN2] * (len(texts) - 1)])
    ranks = np.array([0, *[2] * (len(texts) - 1)], np.int32)
    return ScoredTokens(
        np.arange(len(texts), dtype=np.int32), tuple(texts), tuple(texts), values, ranks, values, len(texts)
    )


def compared(request: Compare) -> list[object]:
    """Compare a text letter by letter; the divergence is highest at the last letter."""
    kl = np.array([np.nan, *np.linspace(0.1, 2.0, len(request.text) - 1)]) * LN2
    return [Comparison(read(list(request.text), 1.0), read(list(request.text), 3.0), kl, kl / 4)]


def logit_parts(total: float = 3.0) -> LogitParts:
    heads = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    mlps = np.array([0.5, 0.25, -2.0], np.float32)
    return LogitParts(0.125, heads, mlps, total - 0.125 - float(heads.sum()) - float(mlps.sum()), total)


def attention(request: Attend) -> list[object]:
    count = min(len(request.text), request.most)
    weights = np.tril(np.ones((2, 3, count, count), np.float16))
    weights[1, 2, -1, :] = 0
    weights[1, 2, -1, 0] = 1
    weights /= weights.sum(-1, keepdims=True)
    pieces, first = tuple(request.text[-count:]), len(request.text) - count
    return [AttentionLayer(pieces, first, layer, 2, heads) for layer, heads in enumerate(weights)]


def head_scores(_: ScoreHeads) -> list[object]:
    scores = np.full((4, 2, 3), 0.1, np.float32)
    scores[0, 1, 2] = 0.87  # the third head of the second layer attends to the previous token
    return [HeadScores(scores, np.full(4, 0.05, np.float32))]


def attention_steps(request: ExplainAttention) -> list[AttentionSteps]:
    rng, seen = np.random.default_rng(request.query), request.query + 1
    q, k, v = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (3, seen, 4), (3, seen, 4)))
    scaled = np.einsum("hk,hsk->hs", q, k) / 2
    weights = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    heads = np.einsum("hs,hsk->hk", weights, v)
    x = rng.normal(size=12).astype(np.float32)
    return [AttentionSteps(request.layer, request.query, x, q, k, v, scaled, weights, heads)]


def merge_steps(request: ReplayMerges) -> list[object]:
    steps = (
        MergeStep(("a", "b", "c"), "", -1, -1, 0),
        MergeStep(("ab", "c"), "ab", 0, 4, 7),
        MergeStep(("abc",), "abc", 0, 9, 2),
    )
    return [MergeSteps(request.token, "abc", 0, steps)]


def tokenizer_columns(request: CompareTokenizers) -> list[object]:
    names, tokens = [name for name in TOKENIZERS if name != "smollm2"], tokens_of(request.text)
    return [TokenizerColumn(name, 400, 10 + i, 30, tokens, 5, 10) for i, name in enumerate(names)]


def vocabulary(_: ListVocabulary) -> list[object]:
    pieces = tuple(chr(97 + i) for i in range(26))
    return [Vocabulary(pieces, tuple(map(str.encode, pieces)), ("latin",) * 26, np.arange(26))]


def forward_trace(request: TraceForward) -> list[ForwardTrace]:
    """Trace the last `most` characters of a text through two layers."""
    ids = [*map(ord, request.text), *request.chosen]
    shown = ids[-request.most :]
    count, random = len(shown), np.random.default_rng(len(ids))
    attention = np.tril(random.uniform(0.1, 1, (2, count, count)))
    attention /= attention.sum(-1, keepdims=True)
    vectors = random.normal(size=(count, 32)).astype(np.float32)
    return [
        ForwardTrace(
            tuple(map(chr, shown)), np.array(shown, np.int32), len(ids) - count, min(len(ids), 16), vectors,
            attention.astype(np.float16), np.full((3, count), 5.5, np.float32), vectors[:1].repeat(2, 0),
            np.array([7, 9], np.int32), np.array([1.5, -2.5], np.float32), 128, 32, vectors[-1],
            -4.0, 9.0, np.arange(32, dtype=np.int32), candidates(len(request.chosen) % 3),
        )
    ]  # fmt: skip


def embedding_map(request: Project) -> list[object]:
    points = np.random.default_rng(0).normal(size=(50, request.dims)).astype(np.float32)
    pieces = tuple(chr(97 + i % 26) for i in range(50))
    names = EmbeddingNames(np.arange(90, 140, dtype=np.int32), pieces, ("latin", "kanji") * 25)
    if request.method == "pca":
        return [names, EmbeddingMap(points, (0.3, 0.1, 0.05)[: request.dims], 1.0)]
    return [names, *(EmbeddingMap(points * step, (), step / 3) for step in (1, 2, 3))]


def near_tokens(count: int) -> NearTokens:
    ids = np.arange(100, 100 + count, dtype=np.int32)
    return NearTokens(ids, tuple("abcdefghijklmnopqrstuvwxyz"[:count]), np.linspace(0.9, 0.1, count).astype(np.float32))


def analogy(request: FindAnalogy) -> list[object]:
    """Return a square: B, A, C and the sum at its corners, and the nearest beside it."""
    a, b, c = (
        AskedWord((row,), (word,)) for row, word in zip((95, 96, 97), (request.a, request.b, request.c), strict=True)
    )
    near = near_tokens(request.count)
    corners = np.array([[1, 0], [0, 0], [0, 1], [1, 1]], np.float32)
    plane = np.concatenate([corners, 1 + np.arange(2 * request.count).reshape(-1, 2) / 50]).astype(np.float32)
    return [Analogy((a, b, c), near, plane, 400, 32)]


def word_axis(request: ProjectOnAxis) -> list[object]:
    names = embedding_map(Project())[0]
    assert isinstance(names, EmbeddingNames)
    a, b = AskedWord((90,), (request.a,)), AskedWord((139,), (request.b,))
    return [WordAxis(names, np.linspace(-0.5, 0.5, 50, dtype=np.float32), (a, b))]


def token_row(request: LookUp) -> list[object]:
    vector = np.random.default_rng(request.id).normal(size=32).astype(np.float32)
    return [TokenRow(request.id, "a", 400, vector, near_tokens(request.count))]


def token_paths(request: TracePaths) -> list[object]:
    count = len(request.text)
    points = np.random.default_rng(1).normal(size=(3, count, request.dims)).astype(np.float32)
    return [EmbeddingPaths(tuple(request.text), 0, ("latin",) * count, points, (0.5, 0.2, 0.1)[: request.dims])]


def estimate(request: EstimateTraining) -> list[object]:
    return [TrainingEstimate(request.settings, 123_456, 50 << 20, 30.0, 400, 9000.0)]


def default_answers() -> Answers:
    presets = {"30s": TrainingSettings(), "5m": TrainingSettings(layers=6, seconds=300.0)}
    answers: Answers = {
        Hello: lambda _: [EngineReady("cpu", "CPU", 2)],
        InspectText: lambda r: [TextInfo(r.paths, "story.txt", 1, 5000, 4900, "utf-8", "The cat sat.\nThe dog.")],
        ListPresets: lambda _: [Presets(presets)],
        EstimateTraining: estimate,
        OpenModel: lambda r: [model(r.folder)],
        ChangeModel: lambda r: [ModelChanged(r.interventions)],
        WriteWorld: lambda _: [Progress("progress.world", 0.5)],
        AssessText: lambda r: [TextAssessment(r.text, "", 1.0, 6.0)],
        Tokenize: lambda r: [tokens_of(r.text)],
        Generate: generated,
        LookAhead: ahead,
        PredictNext: lambda _: [candidates()],
        FindChatForms: lambda _: [ChatForms(("template",), False)],
        ShowPrompt: lambda request: [chat_prompt(request)],
        Chat: chat_answer,
        Attend: attention,
        ReadLens: lambda _: [lens_grid()],
        Mix: lambda _: [mixed()],
        Rewrite: lambda _: [Rewritten((" w0", " w1"), (" w0", " w2"))],
        Measure: lambda r: [Measured(meter, Level(2.0, 0.5), Level(3.0, 0.25)) for meter in r.meters],
        RankParts: parts_tried,
        ScoreText: lambda r: scored(r.text),
        Expect: expected,
        Compare: compared,
        SplitLogit: lambda _: [logit_parts()],
        ScoreHeads: head_scores,
        ExplainAttention: attention_steps,
        Project: embedding_map,
        LookUp: token_row,
        TracePaths: token_paths,
        FindAnalogy: analogy,
        FindTriples: lambda _: [Triples((("Paris", "France", "Japan", "Tokyo"),), 3)],
        ProjectOnAxis: word_axis,
        OpenVectors: lambda request: [OwnVectors(request.path, 50, 32)],
        TraceForward: forward_trace,
        ReplayMerges: merge_steps,
        CompareTokenizers: tokenizer_columns,
        ListVocabulary: vocabulary,
        SteerTraining: lambda _: [],
        ListRuns: lambda _: [RunSummary("/models/other-1", "other.txt", 123_456, 40, 12.0, 2.1, True)],
        ReadRun: lambda r: [started(r.folder), points()],
    }
    return document_answers() | answers


def many_candidates(count: int) -> Candidates:
    shares = np.linspace(2, 1, count, dtype=np.float32)
    table = np.tile(shares / shares.sum(), (len(STAGES), 1))
    pieces = tuple(f"p{i}" for i in range(count))
    return Candidates(np.arange(count, dtype=np.int32), pieces, table, (count,) * 6, 1.0, 0.5, 0, 0.0, 0.1)
