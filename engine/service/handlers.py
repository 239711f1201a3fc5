"""One handler a request: a generator that yields what the window gets, or None to let others have a turn."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine import messages as m
from engine.generation.decoding import Step, decode, weigh, window
from engine.generation.sampling import candidates, draw, stages
from engine.inspection import machine
from engine.inspection.attention import attention_weights, most_tokens
from engine.inspection.projection import held_still, principal_plane
from engine.model.memory import keep_freed_memory
from engine.service.process import Answer
from engine.service.session import OpenedModel, Session
from engine.service.training import estimate, list_runs, read_run, train
from engine.text.reading import inspect
from engine.text.scripts import kind_of
from engine.training.recipe import presets_for
from engine.training.trainer import best_device

REPORT_SECONDS = 0.05  # reports leave at most so often
LONGEST_TEXT = 20_000  # characters of the shared text that are cut into tokens
LOGIT_STEPS = 32  # of the histogram


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
    yield session.open(Path(request.folder))


def tokenize(session: Session, request: m.Tokenize) -> Answer:
    yield session.opened.tokenizer.tokens(request.text[:LONGEST_TEXT])


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
        if now - reported >= REPORT_SECONDS or count == request.tokens:
            yield m.GeneratedTokens(tuple(waiting), count / max(now - begun, 1e-9))
            waiting, reported = [], time.perf_counter()
        if session.opened is not opened:
            return  # another model is open now: its tokens would not fit


def _generated(opened: OpenedModel, step: Step, most: int) -> m.GeneratedToken:
    piece = opened.tokenizer.piece
    shown = candidates(step.stages, step.draw, most, piece) if most else None
    return m.GeneratedToken(step.id, piece(step.id), step.text, step.probability, step.entropy, shown)


def weigh_candidates(session: Session, request: m.Weigh) -> Answer:
    opened = session.opened
    ids = [*opened.tokenizer.encode(request.prompt), *request.chosen] or opened.tokenizer.encode("\n")
    step = weigh(opened.reader, ids, request.sampling, draw(request.seed, len(request.chosen)))
    yield candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece)


def attend(session: Session, request: m.Attend) -> Answer:
    opened = session.opened
    ids = opened.tokenizer.encode(request.text)
    first = max(0, len(ids) - min(request.most, most_tokens(opened.model.config)))
    ids = ids[first:]
    if ids:
        pieces = tuple(opened.tokenizer.piece(i) for i in ids)
        weights = attention_weights(opened.model, ids).astype(np.float16)
        yield m.AttentionMaps(pieces, first, weights)


def project(session: Session, request: m.Project) -> Answer:
    """Without the tokens that are single bytes: they are hardly ever met, and lie where they began."""
    opened = session.opened
    first = min(256, opened.tokenizer.vocabulary - 1)
    ids = np.arange(first, min(opened.tokenizer.vocabulary, first + request.most), dtype=np.int32)
    rows = opened.model.embedding.weight.detach()[first : first + len(ids)].float().cpu().numpy()
    points, explained = principal_plane(rows)
    if opened.points is not None and opened.points.shape == points.shape:
        points, explained = held_still(points, explained, opened.points)
    opened.points = points
    pieces = tuple(opened.tokenizer.piece(i) for i in ids.tolist())
    yield m.EmbeddingMap(ids, pieces, tuple(map(kind_of, pieces)), points, explained)


def trace_machine(session: Session, request: m.Trace) -> Answer:
    """The same window of tokens and the same draw as in `generate`: what is shown is what is written next."""
    opened = session.opened
    ids = [*opened.tokenizer.encode(request.text), *request.chosen]
    if not ids:
        return
    config, piece = opened.model.config, opened.tokenizer.piece
    visible = ids[window(len(ids), config.context) :]
    inside = machine.trace(opened.model, visible, request.most)
    first = len(ids) - len(inside.embedding_TP)
    choice = stages(inside.logits_V, ids, request.sampling)
    yield m.MachineTrace(
        pieces=tuple(map(piece, ids[first:])),
        ids=np.array(ids[first:], np.int32),
        first=first,
        seen=len(visible),
        embedding=inside.embedding_TP,
        attention=inside.attention_LTT.astype(np.float16),
        norms=inside.norms_LT,
        mlp=inside.mlp_LP,
        strongest=inside.strongest_L,
        strongest_values=inside.strongest_values_L,
        features=config.mlp_width,
        width=config.width,
        final=inside.final_P,
        lowest=float(inside.logits_V.min()),
        highest=float(inside.logits_V.max()),
        histogram=np.histogram(inside.logits_V, LOGIT_STEPS)[0].astype(np.int32),
        candidates=candidates(choice, draw(request.seed, len(request.chosen)), request.candidates, piece),
    )


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
    m.Tokenize: tokenize,
    m.Generate: generate,
    m.Weigh: weigh_candidates,
    m.Attend: attend,
    m.Project: project,
    m.Trace: trace_machine,
}


def make_handlers() -> dict[type, Callable[[Any], Answer]]:
    """The handlers, bound to one new session."""
    session = Session()
    return {kind: partial(handler, session) for kind, handler in HANDLERS.items()}
