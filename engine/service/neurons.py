"""Handlers of neurons: the passages that neurons and heads react to, and the tokens that neurons push up."""

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError, check_index
from engine.inspection.attention import attention_by_layer
from engine.inspection.neurons import TOKENS, LayerScan, activations, is_pushed, most_active, push
from engine.inspection.passages import passages
from engine.messages.neurons import (
    HeadReport,
    LayerNeurons,
    NeuronReport,
    ReadHead,
    ReadNeuron,
    ScanLayer,
    TintedPassage,
)
from engine.messages.origin import Source
from engine.messages.status import Progress
from engine.model.opening import finish
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session
from engine.service.training_text import reported, training_text

OPERATIONS, LEAST, MOST = 4e12, 3_000, 40_000  # for reading passages, and their tokens
PASSAGES, AFTER = 6, 12  # passages shown, and tokens after the one with the peak
PUSHED = 10  # tokens pushed up, and as many pushed down


def scan_layer(session: Session, request: ScanLayer) -> Answer[Progress | LayerNeurons]:
    opened = session.opened
    source, scan = yield from _scanned(session, request)
    active = None
    if request.place >= 0:
        ids = opened.ids_of(request.text)[: request.place + 1][-opened.model.config.context :]
        active = most_active(opened.model, ids, request.layer, scan, opened.changes) if ids else None
    tokens, reach = sum(map(len, scan.passages)), scan.far.values_KM[0].numpy()
    yield LayerNeurons(request.layer, source, tokens, scan.peaks_M, scan.threshold, reach, active)


def read_neuron(session: Session, request: ReadNeuron) -> Answer[Progress | NeuronReport]:
    """Report on a neuron. Raises as its message says, and error.config_range for a neuron that there is not."""
    opened = session.opened
    check_index("neuron", request.neuron, opened.model.config.mlp_width)
    _, scan = yield from _scanned(session, request)
    found = _different(scan, scan.best_of(request.neuron))
    parts = [scan.passages[passage] for passage, _ in found]
    values = activations(opened.model, parts, request.layer, request.neuron, opened.changes)
    passage, token = found[0]
    pushed = push(opened.model, scan.passages[passage][: token + 1], request.layer, request.neuron, opened.changes)
    order = np.argsort(pushed, kind="stable")
    following = [ids[token + 1] for ids, (_, token) in zip(parts, found, strict=True) if token + 1 < len(ids)]
    positive = float(scan.moments.positive[request.neuron]) / scan.moments.tokens
    yield NeuronReport(
        layer=request.layer,
        neuron=request.neuron,
        passages=tuple(
            _tinted(opened, ids, value, token) for ids, value, (_, token) in zip(parts, values, found, strict=True)
        ),
        peak=float(scan.peaks_M[request.neuron]),
        threshold=scan.threshold,
        firing=positive if scan.signs_M[request.neuron] > 0 else 1 - positive,
        up=_named(opened, pushed, order[::-1][:PUSHED]),
        down=_named(opened, pushed, order[:PUSHED]),
        followed=len(following),
        helped=sum(is_pushed(pushed, token) for token in following),
    )


def read_head(session: Session, request: ReadHead) -> Answer[Progress | HeadReport]:
    """Report on a head. Raises as its message says, and error.config_range for a head that there is not."""
    opened = session.opened
    check_index("head", request.head, opened.model.config.n_heads)
    _, scan = yield from _scanned(session, request)
    passages = []
    for passage, token in _different(scan, scan.farthest_of(request.head)):
        ids = scan.passages[passage]
        layers = attention_by_layer(opened.model, ids, opened.changes)
        pattern_HTT = next(pattern for layer, pattern in enumerate(layers) if layer == request.layer)
        passages.append(_tinted(opened, ids, pattern_HTT[request.head, token], token))
        if not opened.info.training:
            yield None
    reach = float(scan.far.values_KM[0, request.head])
    yield HeadReport(request.layer, request.head, tuple(passages), reach)


def _scanned(
    session: Session, request: ScanLayer | ReadNeuron | ReadHead
) -> Generator[Progress, None, tuple[Source, LayerScan]]:
    """Return the scan of a layer; it is kept until another layer, text or model is wanted."""
    opened = session.opened
    check_index("layer", request.layer, opened.model.config.n_layers)
    found = yield from training_text(session, request.paths, request.encoding)
    key = (request.layer, found.key, opened.version)
    kept: LayerScan | None = opened.cached("scan", key, lambda: None)
    if kept is None:
        kept = LayerScan(opened.model, request.layer, _passages(opened, found.text))
        steps = kept.run(opened.changes)
        if opened.info.training:  # a training step in between would change the weights
            finish(steps)
        else:
            yield from reported("progress.neurons", steps)
        opened.replace("scan", key, kept)
    return found.source, kept


def _passages(opened: OpenedModel, text: str) -> list[list[int]]:
    """Return passages of TOKENS tokens, spread evenly over the text.

    Raises EngineError error.text_too_short if there is none.
    """
    length = min(TOKENS, opened.model.config.context)
    most = LEAST if opened.info.training else MOST  # training waits until all are read
    count = int(np.clip(OPERATIONS / (2 * opened.info.parameters), LEAST, most)) // length
    found = passages(text, count, length, opened.tokenizer.encode)
    if not found:
        raise EngineError("error.text_too_short", need=2, have=0, context=1)
    return found


def _different(scan: LayerScan, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the first of the passages that differ in their tokens around the peak."""
    seen: dict[tuple[int, ...], tuple[int, int]] = {}
    for passage, token in found:
        seen.setdefault(tuple(scan.passages[passage][max(0, token - 4) : token + 1]), (passage, token))
    return list(seen.values())[:PASSAGES]


def _tinted(opened: OpenedModel, ids: Sequence[int], values: NDArray[np.float32], token: int) -> TintedPassage:
    end = min(len(ids), token + AFTER)
    return TintedPassage(tuple(map(opened.tokenizer.piece, ids[:end])), values[:end].astype(np.float32), token)


def _named(
    opened: OpenedModel, effects_V: NDArray[np.float32], order: NDArray[np.intp]
) -> tuple[tuple[str, float], ...]:
    return tuple((opened.tokenizer.piece(token), float(effects_V[token])) for token in order.tolist())


HANDLERS: Handlers = {ScanLayer: scan_layer, ReadNeuron: read_neuron, ReadHead: read_head}
