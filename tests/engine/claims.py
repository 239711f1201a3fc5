"""How far the built-in model shows what engine/text/world/examples.py claims: measured here for tests and benchmark."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.generation.decoding import Reader, decode
from engine.inspection.attention import attention_weights
from engine.inspection.vectors import analogy, nearest
from engine.messages import SamplingSettings
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.world import examples
from engine.text.world.consistency import contradictions
from engine.text.world.examples import Question, Reference
from engine.text.world.facts import ANIMALS, Language

Floats = NDArray[np.float32]
Opened = tuple[Transformer, Tokenizer]
MOST = 48  # tokens of an answer


def write(opened: Opened, prompt: str, tokens: int, end: str, temperature: float = 0.0, seed: int = 1) -> str:
    """What the model writes up to `end`, or `tokens` tokens."""
    model, tokenizer = opened
    sampling = SamplingSettings(temperature=temperature)
    text = ""
    for step in decode(Reader(model), tokenizer, tokenizer.encode(prompt), tokens, sampling, seed):
        text += step.text
        if end in text:
            return text.partition(end)[0]
    return text


def word_probabilities(opened: Opened, prompt: str, words: Sequence[str]) -> dict[str, float]:
    """How likely each word is to come next: the product over its tokens."""
    model, tokenizer = opened
    reader, found = Reader(model), {}
    for word in words:
        ids, probability = tokenizer.encode(prompt), 1.0
        for id in tokenizer.encode(word):
            logits_V = reader.logits(ids).astype(np.float64)
            weights_V = np.exp(logits_V - logits_V.max())
            probability *= float(weights_V[id] / weights_V.sum())
            ids.append(id)
        found[word] = probability
    return found


def on_antecedent(opened: Opened, references: Sequence[Reference]) -> tuple[Floats, Floats]:
    """For each layer and head: the share of pronouns at which it looks most at the antecedent; its mean weight."""
    model, tokenizer = opened
    hits, weights = [], []
    for reference in references:
        tokens = tokenizer.tokens(reference.text)
        weights_LHS = attention_weights(model, tokens.ids.tolist())[:, :, -1]
        wanted_S = (tokens.starts < reference.end) & (tokens.ends > reference.start)
        hits.append(wanted_S[weights_LHS.argmax(axis=-1)])
        weights.append(weights_LHS[..., wanted_S].sum(axis=-1))
    return np.mean(hits, axis=0), np.mean(weights, axis=0)


def right_analogies(rows_VD: Floats, index: Callable[[str], int | None], language: Language) -> tuple[int, int]:
    """How many come out first, and how many there are."""
    right = total = 0
    for b, a, c, d in examples.analogies(language):
        ids = [index(word) for word in (b, a, c, d)]
        total += 1
        if any(id is None for id in ids):
            continue
        best, _ = analogy(rows_VD, [ids[0]], [ids[1]], [ids[2]], 1)  # type: ignore[list-item]
        right += int(best[0]) == ids[3]
    return right, total


def neighbours_of_own_kind(
    rows_VD: Floats, index: Callable[[str], int | None], language: Language
) -> tuple[int, int, list[str]]:
    """Words whose nearest neighbour, of all words that have a kind, shares theirs; how many there are; the others."""
    kinds = {
        id: kind
        for kind, words in examples.kinds(language).items()
        for word in words
        if (id := index(word)) is not None
    }
    total = sum(map(len, examples.kinds(language).values()))
    right, wrong, ids = 0, [], np.array(sorted(kinds))
    for row, id in enumerate(ids):
        best, _ = nearest(rows_VD[ids], rows_VD[id], 1, {row})
        if kinds[int(ids[best[0]])] == kinds[int(id)]:
            right += 1
        else:
            wrong.append(f"{id}->{ids[best[0]]}")
    return right, total, wrong


def answers(opened: Opened, questions: Sequence[Question]) -> dict[str, float]:
    """Shares: right with the document, right with the changed one, right without any."""
    right = {"document": 0, "changed": 0, "alone": 0}
    for question in questions:
        for name, prompt, answer in (
            ("document", question.prompt, question.answer),
            ("changed", question.changed, question.changed_answer),
            ("alone", question.alone, question.answer),
        ):
            right[name] += write(opened, prompt, MOST, "\n").strip() == answer
    return {name: count / len(questions) for name, count in right.items()}


def true_stories(opened: Opened, count: int, seed: int = 1) -> tuple[float, int, list[str]]:
    """The share of stories of at least 60 tokens that keep the animal's own features; their number; what was wrong."""
    from random import Random

    from engine.text.world import english, japanese

    long = true = 0
    wrong: list[str] = []
    for index in range(count):
        language: Language = ("ja", "en")[index % 2]  # type: ignore[assignment]
        animal = ANIMALS[(index // 2) % len(ANIMALS)]
        opening = (japanese if language == "ja" else english).opening(animal, Random(seed + index))
        story = opening + write(opened, opening, 140, "\n", 0.7, seed + index)
        false = contradictions(story, animal, language)
        if len(opened[1].encode(story)) >= 60:
            long += 1
            true += not false
            wrong += [f"{animal.en}: {what}" for what in false]
    return true / max(1, long), long, wrong
