"""Tokens: a text tokenized by the open model, merges, tokenizers compared, the vocabulary."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, one entry each. Spans are half-open; characters are code points, bytes are UTF-8."""

    text: str
    ids: NDArray[np.int32]
    pieces: tuple[str, ...]  # as text; bytes that are no whole character as "<0xE3>"
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    byte_starts: NDArray[np.int32]
    byte_ends: NDArray[np.int32]
    # "kanji", "hiragana", "katakana", "latin", "digit", "space", "punctuation", "byte", "special" or "other"
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tokenize(Request[Tokens]):
    """Tokenize a text with the open model's tokenizer."""

    text: str


@dataclass(frozen=True, slots=True)
class MergeStep:
    pieces: tuple[str, ...]  # after this merge
    merged: str  # the new piece; "" at the beginning
    rank: int  # rank of the merge: 0 was trained first; -1 at the beginning
    count: int  # occurrences of the new piece's characters in the text


@dataclass(frozen=True, slots=True)
class MergeSteps:
    token: int
    steps: tuple[MergeStep, ...]  # none for tokenizers that do not merge


@dataclass(frozen=True, slots=True)
class ReplayMerges(Request[MergeSteps]):
    """Replay the merges of a token's word; pieces are counted in the beginning of `paths`, or else in the text."""

    text: str
    token: int
    paths: tuple[str, ...] = ()
    encoding: str = ""  # that of `paths`; "" detects it


@dataclass(frozen=True, slots=True)
class TokenizerColumn:
    name: str  # "model", "characters", "bytes", "scripts"
    vocabulary: int
    count: int  # number of tokens of the text
    characters: int
    tokens: Tokens  # tokens of the text's beginning
    english: int  # tokens of the sentence in English …
    japanese: int  # … and of the same in Japanese


@dataclass(frozen=True, slots=True)
class CompareTokenizers(Request[TokenizerColumn]):
    """Compare the open model's tokenizer with three trained on the beginning of `paths`."""

    text: str
    english: str
    japanese: str
    paths: tuple[str, ...] = ()
    encoding: str = ""  # that of `paths`; "" detects it


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tokens, one entry each, in the order of the IDs."""

    pieces: tuple[str, ...]
    data: tuple[bytes, ...]
    kinds: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ListVocabulary(Request[Vocabulary]):
    """List all tokens of the open model, counted in the beginning of `paths`, or else in the text."""

    text: str
    paths: tuple[str, ...] = ()
    encoding: str = ""  # that of `paths`; "" detects it
