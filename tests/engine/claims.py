"""Measure how far the built-in model shows what the examples of the window claim."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import numpy as np
from numpy.typing import NDArray

from engine.generation.decoding import Reader, decode
from engine.inspection.attention import attention_patterns
from engine.inspection.vectors import analogy, nearest
from engine.messages.generation import SamplingSettings
from engine.model.tape import UNCHANGED, Changes
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.world import english, examples, japanese
from engine.text.world.consistency import contradictions
from engine.text.world.examples import Question, Reference
from engine.text.world.facts import ANIMALS, Language
from gui.scenes import EXAMPLES, in_language, read_scenes

Floats = NDArray[np.float32]
Opened = tuple[Transformer, Tokenizer]
MOST = 48  # tokens of an answer


def text_of(scene: str, language: str) -> str:
    """Return the text of an example of the window."""
    return str(in_language(read_scenes(EXAMPLES)[scene].text, language))


def write(
    opened: Opened,
    prompt: str,
    tokens: int,
    end: str,
    temperature: float = 0.0,
    seed: int = 1,
    changes: Changes = UNCHANGED,
) -> str:
    """Return the text that the model, with `changes` in it, generates up to `end`, or `tokens` tokens."""
    model, tokenizer = opened
    sampling = SamplingSettings(temperature=temperature)
    text = ""
    for step in decode(Reader(model, changes), tokenizer, tokenizer.encode(prompt), tokens, sampling, seed):
        text += step.text
        if end in text:
            return text.partition(end)[0]
    return text


def word_probabilities(opened: Opened, prompt: str, words: Sequence[str]) -> dict[str, float]:
    """Return the probability of each word as the next one: the product over its tokens."""
    model, tokenizer = opened
    reader, found = Reader(model), {}
    for word in words:
        ids, probability = tokenizer.encode(prompt), 1.0
        for token in tokenizer.encode(word):
            logits_V = reader.logits(ids).astype(np.float64)
            weights_V = np.exp(logits_V - logits_V.max())
            probability *= float(weights_V[token] / weights_V.sum())
            ids.append(token)
        found[word] = probability
    return found


def on_antecedent(opened: Opened, references: Sequence[Reference]) -> tuple[Floats, Floats]:
    """Return per layer and head the share of pronouns that attend most to the antecedent, and the mean weight on it."""
    model, tokenizer = opened
    hits, weights = [], []
    for reference in references:
        tokens = tokenizer.tokens(reference.text)
        weights_LHS = attention_patterns(model, tokens.ids.tolist())[:, :, -1]
        wanted_S = (tokens.starts < reference.end) & (tokens.ends > reference.start)
        hits.append(wanted_S[weights_LHS.argmax(axis=-1)])
        weights.append(weights_LHS[..., wanted_S].sum(axis=-1))
    return np.mean(hits, axis=0), np.mean(weights, axis=0)


def right_analogies(
    rows_VD: Floats, index: Callable[[str], int | None], language: Language
) -> dict[str, tuple[int, int]]:
    """Return for each kind how many analogies rank the right word first, and how many there are."""
    found = {}
    for kind, analogies in examples.analogies(language).items():
        right = 0
        for words in analogies:
            b, a, c, d = map(index, words)
            if b is not None and a is not None and c is not None:
                right += int(analogy(rows_VD, [b], [a], [c], 1)[0][0]) == d
        found[kind] = (right, len(analogies))
    return found


def neighbours_of_own_kind(
    rows_VD: Floats, index: Callable[[str], int | None], language: Language
) -> tuple[int, int, list[str]]:
    """Return how many words have a nearest neighbour of their own kind, how many there are, and the others."""
    kinds = examples.kinds(language)
    known = {i: (kind, word) for kind, words in kinds.items() for word in words if (i := index(word)) is not None}
    ids, right, wrong = np.array(sorted(known)), 0, []
    for row, i in enumerate(ids.tolist()):
        best = int(ids[nearest(rows_VD[ids], rows_VD[i], 1, {row})[0][0]])
        if known[best][0] == known[i][0]:
            right += 1
        else:
            wrong.append(f"{known[i][1]}→{known[best][1]}")
    return right, sum(map(len, kinds.values())), wrong


def answers(opened: Opened, questions: Sequence[Question]) -> dict[str, float]:
    """Return the shares of right answers with the document, with the changed one, and without any."""
    return {
        "document": right_answers(opened, [(question.prompt, question.answer) for question in questions]),
        "changed": right_answers(opened, [(question.changed, question.changed_answer) for question in questions]),
        "alone": right_answers(opened, [(question.alone, question.answer) for question in questions]),
    }


def right_answers(opened: Opened, asked: Sequence[tuple[str, str]]) -> float:
    """Return the share of prompts after which the model writes exactly the answer."""
    right = sum(write(opened, prompt, MOST, "\n").strip() == answer for prompt, answer in asked)
    return right / len(asked)


def true_stories(opened: Opened, count: int, seed: int = 1) -> tuple[float, int, list[str]]:
    """Return the share of true stories of at least 60 tokens, the number of those stories, and what was wrong."""
    long = true = 0
    wrong: list[str] = []
    for index in range(count):
        language: Language = ("ja", "en")[index % 2]
        animal = ANIMALS[(index // 2) % len(ANIMALS)]
        opening = (japanese if language == "ja" else english).opening(animal, Random(seed + index))
        story = opening + write(opened, opening, 140, "\n", 0.7, seed + index)
        false = contradictions(story, animal, language)
        if len(opened[1].encode(story)) >= 60:
            long += 1
            true += not false
            wrong += [f"{animal.en}: {what}" for what in false]
    return true / max(1, long), long, wrong


def variety(opened: Opened, prompt: str, tokens: int = 30, samples: int = 4) -> dict[str, tuple[float, float]]:
    """Return distinct-2 (Li et al. 2016, arXiv:1510.03055) and mean entropy in nats for each way of sampling."""
    ways = {
        "temperature 0": SamplingSettings(temperature=0.0),
        "temperature 1": SamplingSettings(temperature=1.0),
        "temperature 2": SamplingSettings(temperature=2.0),
        "top-k 5": SamplingSettings(temperature=1.0, top_k=5),
        "top-p 0.8": SamplingSettings(temperature=1.0, top_p=0.8),
    }
    model, tokenizer = opened
    found = {}
    for name, sampling in ways.items():
        pairs, entropies = [], []
        for seed in range(samples):
            steps = list(decode(Reader(model), tokenizer, tokenizer.encode(prompt), tokens, sampling, seed))
            ids = [step.id for step in steps]
            pairs += list(pairwise(ids))
            entropies += [_entropy(step.stages.tempered_R[: step.stages.kept[-1]]) for step in steps]
        found[name] = (len(set(pairs)) / len(pairs), float(np.mean(entropies)))
    return found


def _entropy(probabilities: NDArray[np.float64]) -> float:
    """Return the entropy in nats of a renormalised distribution; 0 for a single token."""
    kept = probabilities[probabilities > 0].astype(np.float64)
    kept /= kept.sum()
    return abs(float((kept * np.log(kept)).sum()))
