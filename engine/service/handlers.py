"""One handler a request: a generator that yields what the window gets, or None to let others have a turn."""

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from engine import messages as m
from engine.generation.decoding import Step, decode, weigh
from engine.generation.sampling import candidates, draw
from engine.model.hub import download, folder_for
from engine.model.memory import keep_freed_memory
from engine.model.opening import describe
from engine.service.attention import attend, attend_head, explain_attention, score_heads
from engine.service.builtin import judge, list_examples, write_world
from engine.service.embeddings import find_analogy, look_up, project, trace_paths
from engine.service.machine import trace_machine
from engine.service.process import Answer
from engine.service.session import OpenedModel, Session
from engine.service.tokens import compare_tokenizers, list_vocabulary, replay_merges
from engine.service.training import estimate, list_runs, read_run, train
from engine.text.reading import inspect
from engine.training.recipe import presets_for
from engine.training.trainer import best_device

REPORT_SECONDS = 0.05  # reports leave at most so often
LONGEST_TEXT = 20_000  # characters of the shared text that are cut into tokens
MOST_TOKENS = 30_000  # of it: characters that a model never saw are up to four each, and a message holds 1 MB


def hello(session: Session, request: m.Hello) -> Answer:
    keep_freed_memory()
    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else device.upper()
    yield m.EngineReady(device, name, torch.get_num_threads())


def inspect_text(session: Session, request: m.InspectText) -> Answer:
    yield inspect(request.paths)


def list_presets(session: Session, request: m.ListPresets) -> Answer:
    yield m.Presets(presets_for(request.characters))


def steer(session: Session, request: m.SteerTraining) -> Answer:
    session.steer = "" if request.action == "resume" else request.action
    yield from ()


def open_model(session: Session, request: m.OpenModel) -> Answer:
    """Its memory is said before it is taken; what does not fit is refused before anything is read."""
    info = describe(Path(request.folder))
    yield m.Notice("notice.opening", {"name": info.name, "memory": f"{info.bytes / 2**30:.2f}"})
    yield session.open(Path(request.folder))


def download_model(session: Session, request: m.DownloadModel) -> Answer:
    folder, said = folder_for(request.name, Path(request.models)), 0.0
    for share in download(request.name, folder):
        now = time.perf_counter()
        yield m.Progress("progress.hub", share) if now - said >= REPORT_SECONDS else None
        said = now if now - said >= REPORT_SECONDS else said
    yield m.Downloaded(str(folder))


def tokenize(session: Session, request: m.Tokenize) -> Answer:
    tokenizer = session.opened.tokenizer
    tokens = tokenizer.tokens(request.text[:LONGEST_TEXT])
    if len(tokens.ids) > MOST_TOKENS:
        tokens = tokenizer.tokens(tokens.text[: tokens.starts[MOST_TOKENS]])
    yield tokens


def generate(session: Session, request: m.Generate) -> Answer:
    opened = session.opened
    prompt = [*opened.tokenizer.encode(request.prompt), *request.chosen]
    known = request.first is None or 0 <= request.first < opened.tokenizer.vocabulary
    place, first = len(request.chosen), request.first if known else None
    steps = decode(
        opened.reader, opened.tokenizer, prompt, request.tokens, request.sampling, request.seed, place, first
    )
    waiting: list[m.GeneratedToken] = []
    begun = reported = time.perf_counter()
    for count, step in enumerate(steps, start=1):
        waiting.append(_generated(opened, step, request.candidates))
        now = time.perf_counter()
        # No turn for others in between: a training step would change the weights, and with them
        # everything that the cache holds.
        stopped = bool(request.stop) and request.stop in step.text
        if now - reported >= REPORT_SECONDS or count == request.tokens or stopped:
            yield m.GeneratedTokens(tuple(waiting), count / max(now - begun, 1e-9))
            waiting, reported = [], time.perf_counter()
        if stopped or session.opened is not opened:
            return  # in the second case another model is open now: its tokens would not fit


def _generated(opened: OpenedModel, step: Step, most: int) -> m.GeneratedToken:
    piece = opened.tokenizer.piece
    shown = candidates(step.stages, step.draw, most, piece) if most else None
    return m.GeneratedToken(step.id, piece(step.id), step.text, step.probability, step.entropy, shown)


def weigh_candidates(session: Session, request: m.Weigh) -> Answer:
    opened = session.opened
    ids = [*opened.tokenizer.encode(request.prompt), *request.chosen] or opened.tokenizer.encode("\n")
    step = weigh(opened.reader, ids, request.sampling, draw(request.seed, len(request.chosen)))
    yield candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece)


def _later(module: str, name: str) -> Callable[[Session, Any], Answer]:
    """A handler whose module is imported when it is first asked for: what searches needs scipy, half a second."""

    def handler(session: Session, request: Any) -> Answer:
        yield from getattr(import_module(f"engine.service.{module}"), name)(session, request)

    return handler


HANDLERS: dict[type, Callable[[Session, Any], Answer]] = {
    m.Hello: hello,
    m.InspectText: inspect_text,
    m.ListPresets: list_presets,
    m.EstimateTraining: estimate,
    m.Train: train,
    m.SteerTraining: steer,
    m.ReadRun: read_run,
    m.ListRuns: list_runs,
    m.OpenModel: open_model,
    m.DownloadModel: download_model,
    m.ListExamples: list_examples,
    m.WriteWorld: write_world,
    m.Judge: judge,
    m.Tokenize: tokenize,
    m.ReplayMerges: replay_merges,
    m.CompareTokenizers: compare_tokenizers,
    m.ListVocabulary: list_vocabulary,
    m.Generate: generate,
    m.Weigh: weigh_candidates,
    m.Attend: attend,
    m.AttendHead: attend_head,
    m.ExplainAttention: explain_attention,
    m.ScoreHeads: score_heads,
    m.Project: project,
    m.TracePaths: trace_paths,
    m.LookUp: look_up,
    m.FindAnalogy: find_analogy,
    m.Trace: trace_machine,
    m.OpenCollection: _later("documents", "open_collection"),
    m.AddDocuments: _later("documents", "add_documents"),
    m.CutDocuments: _later("documents", "cut_documents"),
    m.ChooseEmbedder: _later("documents", "choose_embedder"),
    m.RemoveDocuments: _later("documents", "remove_documents"),
    m.EditDocument: _later("documents", "edit_document"),
    m.ListDocuments: _later("documents", "list_documents"),
    m.ReadDocument: _later("documents", "read_document"),
    m.Search: _later("search", "search"),
    m.ListPassages: _later("search", "list_passages"),
    m.CompareVectors: _later("search", "compare_vectors"),
    m.MapPassages: _later("search", "map_passages"),
    m.Ask: _later("search", "ask"),
}


def make_handlers() -> dict[type, Callable[[Any], Answer]]:
    """The handlers, bound to one new session."""
    session = Session()
    return {kind: partial(handler, session) for kind, handler in HANDLERS.items()}
