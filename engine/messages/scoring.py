"""Scoring: how well the open model predicts each token of a given text, and what it expected instead."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request
from engine.messages.generation import Candidates
from engine.messages.status import Progress


@dataclass(frozen=True, slots=True)
class ScoredTokens:
    """Consecutive tokens of a text with the model's prediction of each, one entry each.

    The first token of the text has no prediction: its surprisal and entropy are NaN and its rank is 0.
    """

    ids: NDArray[np.int32]
    pieces: tuple[str, ...]
    texts: tuple[str, ...]  # text that each token adds: "" while a character is incomplete
    surprisals: NDArray[np.float64]  # -ln p of the token, given those before it in its window, in nats
    ranks: NDArray[np.int32]  # 1 for the likeliest token of the vocabulary, ties by ID
    entropies: NDArray[np.float64]  # entropy of the prediction, in nats
    total: int  # tokens of the whole text


@dataclass(frozen=True, slots=True)
class ScoreText(Request[Progress | ScoredTokens]):
    """Score all tokens of a text, part by part.

    The text is cut into windows as for the evaluation of a model: the first token after a window of the model's
    context is predicted from one token, the next from two.
    """

    text: str


@dataclass(frozen=True, slots=True)
class WordScore:
    """How probable it is that a text goes on with a word."""

    form: str  # the word as typed or after a space, whichever is likelier
    pieces: tuple[str, ...]  # the tokens that it adds
    probability: float  # the product of the probabilities of these tokens
    rank: int  # rank of the first of them among all next tokens, 1 for the likeliest


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model predicts at one place of a text."""

    candidates: Candidates
    word: WordScore | None


@dataclass(frozen=True, slots=True)
class Expect(Request[Expected]):
    """Predict the token at `place`, an index into the tokens of `text`, from those before it in its window.

    The text's own token counts as the one drawn. The number of tokens is the place after the text. At place 0 the
    prediction is that of an empty text. `word`, if not empty, is scored there as well.
    """

    text: str
    place: int
    word: str = ""
    candidates: int = 24
    pinned: bool = False  # whether the model pinned as A predicts, instead of the open one
