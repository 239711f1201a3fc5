"""Handlers of the mixing desk: what the changes in the open model do, and which parts matter most."""

from collections.abc import Generator, Hashable, Iterator, Sequence
from functools import partial
from itertools import zip_longest

import numpy as np

from engine.generation.decoding import Reader, Step, decode
from engine.generation.sampling import finite, likeliest, softmax
from engine.generation.words import first_token
from engine.inspection.meters import Floats, Probe, answer_probe, measure, probes_of
from engine.inspection.ranking import rank_parts
from engine.messages.desk import (
    Level,
    Measure,
    Measured,
    MeterName,
    Mix,
    Mixed,
    PartsTried,
    RankParts,
    Rewrite,
    Rewritten,
)
from engine.messages.generation import GREEDY
from engine.model.opening import finish
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed
from engine.service.training_text import training_text


def mix(session: Session, request: Mix) -> Answer[Mixed]:
    opened = session.opened
    ids = opened.ids_of(request.text)
    if not ids:
        return
    before_V, after_V = (softmax(finite(reader.logits(ids))) for reader in (opened.original, opened.reader))
    shown = dict.fromkeys(np.concatenate([likeliest(p_V, request.candidates) for p_V in (before_V, after_V)]).tolist())
    tokens = sorted(shown, key=lambda token: (-before_V[token], token))
    yield Mixed(
        np.array(tokens, np.int32),
        tuple(map(opened.tokenizer.piece, tokens)),
        before_V[tokens].astype(np.float32),
        after_V[tokens].astype(np.float32),
    )


def rewrite(session: Session, request: Rewrite) -> Answer[Rewritten]:
    yield from undisturbed(session, _rewritten(session.opened, request))


def _rewritten(opened: OpenedModel, request: Rewrite) -> Answer[Rewritten]:
    ids = opened.ids_of(request.text)

    def steps(reader: Reader) -> Iterator[Step]:
        return decode(reader, opened.tokenizer, ids, request.tokens, GREEDY, seed=1)

    before: list[str] = []
    after: list[str] = []
    plain = steps(opened.original)
    both = zip_longest(plain, steps(opened.reader)) if opened.changes else ((step, step) for step in plain)
    for pair in both:
        for texts, step in zip((before, after), pair, strict=True):
            texts += [] if step is None else [step.text]
        yield Rewritten(tuple(before), tuple(after))


def measure_both(session: Session, request: Measure) -> Answer[Measured]:
    """Measure each meter; those without probes are left out, as a text of one token is. Raises as `measure`."""
    yield from undisturbed(session, _meters(session, request))


def _meters(session: Session, request: Measure) -> Answer[Measured]:
    opened = session.opened
    for meter in request.meters:
        if meter == "text" and len(opened.ids_of(request.text)) < 2:
            continue
        probes = yield from _probes(session, meter, request)
        if not probes:  # none fits the context
            continue
        name, key = f"level {meter}", (opened.weights_version, probes)
        before: Level | None = opened.cached(name, key, lambda: None)
        if before is None:
            before = yield from _measured(opened, probes, changed=False)
            opened.replace(name, key, before)
        after = (yield from _measured(opened, probes, changed=True)) if opened.changes else before
        yield Measured(meter, before, after)


def _probes(
    session: Session, meter: MeterName, request: Measure | RankParts
) -> Generator[None, None, tuple[Probe, ...]]:
    """Return the probes of a meter. Raises as `probes_of`, and as `training_text` for a corpus."""
    opened, text = session.opened, ""
    key: Hashable = None
    if meter == "text":
        opened.ids_of(request.text)  # checks their rows
        text = key = request.text
    elif meter == "corpus":
        for _ in training_text(session, request.paths, request.encoding):
            yield
        corpus = finish(training_text(session, request.paths, request.encoding))  # which has been read now
        text, key = corpus.text, corpus.key
    make = partial(probes_of, meter, opened.model, opened.tokenizer, text)
    return opened.cached(f"probes {meter}", key, lambda: tuple(make()))


def _measured(opened: OpenedModel, probes: Sequence[Probe], changed: bool) -> Generator[None, None, Level]:
    log_p_N = yield from measure(opened.model, probes, opened.changes if changed else {})
    return _level(probes, log_p_N)


def _level(probes: Sequence[Probe], log_p_N: Floats) -> Level:
    count = sum(len(probe.ids) - probe.first for probe in probes)
    return Level(-float(log_p_N.sum()) / count, float(np.exp(log_p_N).mean()))


def rank(session: Session, request: RankParts) -> Answer[PartsTried]:
    """Try the parts of the model without its changes.

    Raises as `probes_of` and `rank_parts`; error.word_empty if the word has no token.
    """
    opened = session.opened
    if request.meter is not None:
        probes = yield from _probes(session, request.meter, request)
    else:
        probes = (_answer(opened, request),) if opened.ids_of(request.text) else ()
    if probes:
        yield from undisturbed(session, _tried(opened, request, probes))


def _tried(opened: OpenedModel, request: RankParts, probes: Sequence[Probe]) -> Answer[PartsTried]:
    whole = yield from _measured(opened, probes, changed=False)
    L, done = opened.model.config.n_layers, 0
    target = "" if request.meter is not None else opened.tokenizer.piece(probes[0].ids[-1])
    for found in rank_parts(opened.model, probes, request.mean):
        if found is None:
            yield None
            continue
        layer, log_p_PN = found
        done += L - layer
        levels = [_level(probes, log_p_N) for log_p_N in log_p_PN]
        losses, shares = np.array([(level.loss, level.probability) for level in levels]).T
        yield PartsTried(layer, target, whole, losses, shares, 2 * done / (L * (L + 1)))


def _answer(opened: OpenedModel, request: RankParts) -> Probe:
    ids, reader = opened.ids_of(request.text), opened.original
    if request.word:
        token = first_token(reader, opened.tokenizer, request.text, ids, request.word)
    else:
        token = int(finite(reader.logits(ids)).argmax())
    return answer_probe(ids, token, opened.model.config.context)


HANDLERS: Handlers = {Mix: mix, Rewrite: rewrite, Measure: measure_both, RankParts: rank}
