"""Tokens: a text tokenized by the open model, merges, tokenizers compared, the vocabulary."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.messages.envelope import Request

# Kinds of tokens:
KINDS = ("kanji", "hiragana", "katakana", "latin", "digit", "punctuation", "space", "byte", "other", "special")


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
    kinds: tuple[str, ...]  # of KINDS


@dataclass(frozen=True, slots=True)
class Tokenize(Request[Tokens]):
    """Tokenize a text with the open model's tokenizer."""

    text: str


@dataclass(frozen=True, slots=True)
class MergeStep:
    pieces: tuple[str, ...]  # after this merge
    merged: str  # the new piece; "" at the beginning
    place: int  # index of the new piece in `pieces`; -1 at the beginning
    rank: int  # rank of the merge: 0 was trained first; -1 at the beginning
    count: int  # occurrences of the new piece's characters in the text


@dataclass(frozen=True, slots=True)
class Split:
    """A way to split a word into pieces of a Unigram tokenizer."""

    pieces: tuple[str, ...]
    score: float  # ln of the probability of the pieces: the sum of their scores


@dataclass(frozen=True, slots=True)
class MergeSteps:
    """How a tokenizer splits the word of a token. Characters and bytes have neither steps nor splits."""

    token: int
    word: str  # its characters, or those of the token if the word is very long
    first: int  # index of the word's first token
    steps: tuple[MergeStep, ...]  # of byte-pair encoding
    splits: tuple[Split, ...] = ()  # of Unigram, the best first


@dataclass(frozen=True, slots=True)
class ReplayMerges(Request[MergeSteps]):
    """Replay the merges of a token's word; pieces are counted in the beginning of `paths`, or else in the text."""

    text: str
    token: int
    paths: tuple[str, ...] = ()
    encoding: str = ""  # that of `paths`; "" detects it
    tokenizer: str = "model"  # a name of TOKENIZERS


# What a text is compared in: the open model's tokenizer; SmolLM2's, if it is installed and is not the open model's;
# byte-level BPE, Nakami's BPE and Unigram, trained on the same text; characters; the bytes of UTF-8.
TOKENIZERS = ("model", "smollm2", "bytes", "scripts", "unigram", "characters", "utf8")


@dataclass(frozen=True, slots=True)
class TokenizerColumn:
    name: str  # of TOKENIZERS
    vocabulary: int
    count: int  # number of tokens of the text
    characters: int
    tokens: Tokens  # tokens of the text's beginning
    english: int  # tokens of the sentence in English …
    japanese: int  # … and of the same in Japanese


@dataclass(frozen=True, slots=True)
class CompareTokenizers(Request[TokenizerColumn]):
    """Cut a text by each tokenizer of TOKENIZERS; those that are trained learn from the beginning of `paths`."""

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
