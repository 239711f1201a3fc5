"""What a reward model has learned: how its reward goes with the length of answers, and with single words in them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.choices import WordEffect
from engine.text.tokenizer import Tokenizer

LATIN = re.compile(r"[A-Za-zÀ-ÿ'’]+")
LETTERS = re.compile(r"\w")
FEWEST = 3  # answers with a word, and answers without it
MOST_WORDS = 500  # that are tried
SHUFFLES = 200
SHOWN = 8
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Learned:
    length: float  # correlation of reward and length; 0 if all answers are equally long
    words: tuple[WordEffect, ...]  # the strongest first
    chance: float  # the correlation that the strongest of all words exceeds in 1 of 20 cases by chance


def words_of(text: str, tokenizer: Tokenizer) -> set[str]:
    """Return the words of an answer: those in Latin letters whole, and the tokens of other scripts."""
    found = {word.lower() for word in LATIN.findall(text)}
    pieces = (tokenizer.decode([token]).strip() for token in tokenizer.encode(LATIN.sub(" ", text)))
    return found | {piece for piece in pieces if LETTERS.search(piece) and "\ufffd" not in piece}


def learned(texts: Sequence[str], lengths: Sequence[int], reward_N: Floats, tokenizer: Tokenizer) -> Learned:
    """Return the correlations (Pearson) of the answers' rewards with their lengths and with the presence of words.

    A word counts if its correlation is beyond chance: beyond that of the strongest word in 95 % of 200 shuffles of the
    rewards over the answers.
    """
    words_N = [words_of(text, tokenizer) for text in texts]
    counts = Counter(word for words in words_N for word in words)
    tried = [word for word, count in counts.most_common(MOST_WORDS) if FEWEST <= count <= len(texts) - FEWEST]
    length = float(_correlations(np.array([lengths], np.float64), reward_N[None])[0, 0])
    if not tried:
        return Learned(length, (), 1.0)
    has_WN = np.array([[word in words for words in words_N] for word in tried])
    rng = np.random.default_rng(1)
    shuffled_SN = np.array([rng.permutation(reward_N) for _ in range(SHUFFLES)])
    chance = float(np.quantile(np.abs(_correlations(has_WN, shuffled_SN)).max(axis=0), 0.95))
    found_W = _correlations(has_WN, reward_N[None])[:, 0]
    beyond = [int(w) for w in np.argsort(-np.abs(found_W), kind="stable")[:SHOWN] if abs(found_W[w]) > chance]
    effects = (_effect(tried[w], float(found_W[w]), has_WN[w], reward_N) for w in beyond)
    return Learned(length, tuple(effects), chance)


def _effect(word: str, correlation: float, has_N: NDArray[np.bool_], reward_N: Floats) -> WordEffect:
    return WordEffect(word, correlation, float(reward_N[has_N].mean() - reward_N[~has_N].mean()), int(has_N.sum()))


def _correlations(a_AN: NDArray[np.generic], b_BN: Floats) -> Floats:
    """Return the correlation of each row of a with each row of b, [A B]; 0 where a row is constant."""
    a_AN, b_BN = (_standardised(np.asarray(x, np.float64)) for x in (a_AN, b_BN))
    return a_AN @ b_BN.T


def _standardised(x_AN: Floats) -> Floats:
    x_AN = x_AN - x_AN.mean(axis=1, keepdims=True)
    norm_A1 = np.linalg.norm(x_AN, axis=1, keepdims=True)
    return x_AN / np.where(norm_A1 > 1e-12, norm_A1, np.inf)
