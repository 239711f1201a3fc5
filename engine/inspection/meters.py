"""Meters: what a model can do, as the probability that it gives to tokens which are known to be right.

A meter is a list of probes. A probe is a text of which some last tokens count, such as the answer to a question.

Suffixes: B texts at once, T tokens of the longest, N probes, R predicted tokens at a time, D width, V vocabulary.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.heads import probe as random_copy
from engine.inspection.passages import passages
from engine.inspection.scoring import LOGITS_AT_ONCE
from engine.messages.desk import MeterName
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.world.documents import repeated
from engine.text.world.examples import LANGUAGES, Question, date_questions, questions, references
from engine.text.world.facts import ANIMALS
from engine.text.world.stream import TOLD, texts

TOKENS_AT_ONCE = 2048
MOST_TOKENS = 512  # of one text: its last ones count
PASSAGES, PASSAGE = 12, 64  # passages of a corpus, and the tokens of one
COUNT, SEED = 24, 5  # probes of a meter of the little world, and what they are drawn with

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Probe:
    """A text whose tokens from `first` on are to be predicted, each from all before it; first >= 1."""

    ids: tuple[int, ...]
    first: int


def probes_of(meter: MeterName, model: Transformer, tokenizer: Tokenizer, text: str) -> list[Probe]:
    """Return the probes of a meter; those of the little world suit only models that were trained on its text.

    `text` is a text for the meter "text", and a corpus, of which some passages count, for "corpus".
    Raises EngineError error.text_too_short if `text` is measured and has fewer than two tokens.
    """
    context = model.config.context
    if meter == "text":
        ids = tokenizer.encode(text)[-min(context, MOST_TOKENS) - 1 :]
        if len(ids) < 2:
            raise EngineError("error.text_too_short", need=2, have=len(ids), context=1)
        return [Probe(tuple(ids), 1)]
    if meter == "corpus":
        parts = passages(text, PASSAGES, min(context, PASSAGE), tokenizer.encode)
        return [Probe(tuple(ids), 1) for ids in parts]
    if meter == "copying":
        ids = random_copy(model)
        return [Probe(tuple(ids), min(len(ids) // 2 + 1, len(ids) - 1))]
    if meter == "writing":
        return [Probe(tuple(tokenizer.encode(text)[: context + 1]), 1) for text in islice(texts(SEED, TOLD), COUNT)]
    asked = {"pronoun": _pronouns, "documents": _documents, "dates": _dates, "repeating": _repetitions}[meter]()
    return [found for prompt, answer in asked if (found := _probe(tokenizer, prompt, answer, context)) is not None]


def _documents() -> Iterator[tuple[str, str]]:
    """Yield documents with a question, and the answer."""
    return _answered(questions(COUNT, SEED))


def _dates() -> Iterator[tuple[str, str]]:
    """Yield documents with a question about a date, and the answer."""
    return _answered(date_questions(COUNT, SEED))


def _answered(asked: Iterable[Question]) -> Iterator[tuple[str, str]]:
    """Yield questions and answers. Only the English texts of the world have a space between."""
    for question in asked:
        yield question.prompt, question.answer if question.prompt.endswith("：") else f" {question.answer}"


def _repetitions() -> Iterator[tuple[str, str]]:
    """Yield instructions to repeat words, and the words."""
    rng = Random(SEED)
    for index in range(COUNT):
        text = repeated(rng, LANGUAGES[index % 2])
        mark = "Reply:" if "Reply:" in text else "返事："
        prompt, mark, answer = text.rpartition(mark)
        yield prompt + mark, answer


def _pronouns() -> Iterator[tuple[str, str]]:
    """Yield texts that end with a pronoun and a verb, and the feature of the animal that the pronoun refers to."""
    animals = {name: animal for animal in ANIMALS for name in (animal.ja, animal.en)}
    for reference in references(COUNT, SEED):
        animal = animals[reference.text[reference.start : reference.end]]
        if reference.text.endswith(" It"):
            yield f"{reference.text} has", f" {animal.feature.en}"
        else:
            yield f"{reference.text.rpartition('それ')[0]}それには", animal.feature.ja


def _probe(tokenizer: Tokenizer, prompt: str, answer: str, context: int) -> Probe | None:
    """Return the probe of an answer, or None if it does not fit the context."""
    before, whole = tokenizer.encode(prompt), tokenizer.encode(prompt + answer)
    if whole[: len(before)] != before:
        whole = before + tokenizer.encode(answer)
    return Probe(tuple(whole), len(before)) if before and len(before) < len(whole) <= context else None


def answer_probe(ids: Sequence[int], token: int, context: int) -> Probe:
    """Return the probe of one token after a text of at least one token."""
    seen = tuple(ids[-min(context, MOST_TOKENS) :])
    return Probe((*seen, token), len(seen))


# --- Measuring ----------------------------------------------------------------------------------------


def measure(model: Transformer, probes: Sequence[Probe], changes: Changes = UNCHANGED) -> Generator[None, None, Floats]:
    """Return each probe's log-probability, the sum over its tokens in nats, [N]; yield after each layer.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    last = f"blocks.{model.config.n_layers - 1}.resid_post"
    parts = []
    for group in groups(probes):
        tape = Tape([last], changes=changes)
        for _ in model.walk(padded(group, model.device), tape):
            yield
        parts.append(log_likelihoods(model, tape[last], group))
        yield
    return np.concatenate(parts)


def groups(probes: Iterable[Probe]) -> Iterator[list[Probe]]:
    """Yield the probes, in order, so many together as may be computed at once."""
    group: list[Probe] = []
    for probe in probes:
        longest = max(len(p.ids) for p in (*group, probe))
        if group and longest * (len(group) + 1) > TOKENS_AT_ONCE:
            yield group
            group = []
        group.append(probe)
    if group:
        yield group


def padded(group: Sequence[Probe], device: torch.device) -> Tensor:
    """Return the tokens of all probes but each last one, [B T]. What follows a short text does not affect it."""
    T = max(len(probe.ids) for probe in group) - 1
    rows = [[*probe.ids[:-1], *[0] * (T + 1 - len(probe.ids))] for probe in group]
    return torch.tensor(rows, device=device)


@torch.no_grad()
def log_likelihoods(model: Transformer, x_BTD: Tensor, group: Sequence[Probe]) -> Floats:
    """Return each probe's log-probability given the last residual stream, [B].

    `x_BTD` has B rows, one or several for each probe in turn: B is a multiple of the number of probes.
    """
    places = [(row, place - 1, row % len(group)) for row in range(len(x_BTD)) for place in _counted(group, row)]
    targets = [group[index].ids[place + 1] for _, place, index in places]
    rows_R, places_R = (torch.tensor(column, device=x_BTD.device) for column in list(zip(*places, strict=True))[:2])
    x_RD, targets_R = x_BTD[rows_R, places_R], torch.tensor(targets, device=x_BTD.device)
    step = max(1, LOGITS_AT_ONCE // model.config.vocabulary)
    parts = []
    for first in range(0, len(targets), step):
        logits_RV = model.decode(x_RD[first : first + step]).float()
        log_p_RV = logits_RV.log_softmax(dim=1)
        parts.append(log_p_RV.gather(1, targets_R[first : first + step, None])[:, 0])
    log_p_R = torch.cat(parts).double().cpu().numpy()
    if not np.isfinite(log_p_R).all():
        raise EngineError("error.logits_broken")
    sums_B: Floats = np.bincount([row for row, _, _ in places], log_p_R, len(x_BTD)).astype(np.float64)
    return sums_B


def _counted(group: Sequence[Probe], row: int) -> range:
    probe = group[row % len(group)]
    return range(probe.first, len(probe.ids))
