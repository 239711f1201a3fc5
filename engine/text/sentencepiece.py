"""Describe the tokenizers of sentencepiece, pieces with scores, by a tokenizer.json that `tokenizers` reads.

Kudo and Richardson 2018 (arXiv:1808.06226). Its files contain one of two models. In BPE the scores are 0, -1, -2 …,
the order in which pieces were merged; in the unigram model (Kudo 2018, arXiv:1804.10959) they are log-probabilities.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

SPACE = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # sentencepiece_model.proto, and GGUF


@dataclass(frozen=True, slots=True)
class Pieces:
    """A vocabulary: text, score and type of each token, by ID."""

    texts: list[str]
    scores: list[float]
    types: list[int]
    spaces_follow: frozenset[str] = frozenset()  # tokens that include the spaces after them

    def ids(self) -> dict[str, int]:
        """Return the IDs by text; of equal texts the last one counts."""
        return {text: number for number, text in enumerate(self.texts)}

    def of_type(self, *types: int) -> list[int]:
        """Return the IDs of tokens of these types."""
        return [number for number, kind in enumerate(self.types) if kind in types]

    def added(self) -> list[dict[str, Any]]:
        """Return the tokens that are found in a text before everything else."""
        return [
            {
                "id": number,
                "content": self.texts[number],
                "single_word": False,
                "lstrip": False,
                "rstrip": self.texts[number] in self.spaces_follow,
                "normalized": False,
                "special": self.types[number] != USER_DEFINED,
            }
            for number in self.of_type(UNKNOWN, CONTROL, USER_DEFINED)
            if self.texts[number]
        ]

    def ends(self, before: int | None, after: int | None) -> dict[str, Any] | None:
        """Return the rule that puts special tokens before and after each text; IDs that do not exist are left out."""
        found = [self._piece(before), {"Sequence": {"id": "A", "type_id": 0}}, self._piece(after)]
        parts = [part for part in found if part]
        named = {self.texts[i]: i for i in (before, after) if self._piece(i) and i is not None}
        special = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in named.items()}
        rule = {"type": "TemplateProcessing", "single": parts, "pair": parts, "special_tokens": special}
        return rule if special else None

    def _piece(self, token: int | None) -> dict[str, Any] | None:
        if type(token) is not int or not 0 <= token < len(self.texts):
            return None
        return {"SpecialToken": {"id": self.texts[token], "type_id": 0}}


def describe(
    pieces: Pieces, begins_with_space: bool, ends: dict[str, Any] | None, is_bpe: bool | None = None
) -> dict[str, Any]:
    """Return the content of tokenizer.json; without `is_bpe` the scores decide on the kind of model."""
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    prepend = [{"type": "Prepend", "prepend": SPACE}] if begins_with_space else []
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if begins_with_space else []
    back = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    if is_bpe is None:
        is_bpe = all(pieces.scores[number].is_integer() for number in pieces.of_type(NORMAL))
    return {
        "version": "1.0",
        "added_tokens": pieces.added(),
        "normalizer": {"type": "Sequence", "normalizers": [*prepend, replace]},
        "pre_tokenizer": None,
        "post_processor": ends,
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": _bpe(pieces) if is_bpe else _unigram(pieces),
    }


def _bpe(pieces: Pieces) -> dict[str, Any]:
    unknown = pieces.of_type(UNKNOWN)
    return {
        "type": "BPE",
        "vocab": pieces.ids(),
        "merges": joined(merges(pieces)),
        "unk_token": pieces.texts[unknown[0]] if unknown else None,
        "fuse_unk": True,
        "byte_fallback": bool(pieces.of_type(BYTE)),
    }


def _unigram(pieces: Pieces) -> dict[str, Any]:
    unknown = pieces.of_type(UNKNOWN)
    vocabulary = [list(pair) for pair in zip(pieces.texts, pieces.scores, strict=True)]
    has_bytes = bool(pieces.of_type(BYTE))
    return {
        "type": "Unigram",
        "vocab": vocabulary,
        "unk_id": unknown[0] if unknown else None,
        "byte_fallback": has_bytes,
    }


def merges(pieces: Pieces) -> list[tuple[str, str]]:
    """Return the pairs of pieces that form another one, those of the best scores first, as `transformers` does.

    Among pairs that form the same piece, the one with the longest first part comes first.
    """
    ids = {pieces.texts[number]: number for number in pieces.of_type(NORMAL, USER_DEFINED)}
    found = [
        (pieces.scores[number], cut, len(text) - cut, text)
        for text, number in ids.items()
        for cut in range(1, len(text))
        if text[:cut] in ids and text[cut:] in ids
    ]
    found.sort(key=itemgetter(0, 1, 2), reverse=True)
    return [(text[:cut], text[cut:]) for _, cut, _, text in found]


def joined(pairs: Iterable[Sequence[str]]) -> list[str] | list[Sequence[str]]:
    """Return merges as "a b", which `tokenizers` reads three times as fast, unless a piece contains a space."""
    pairs = list(pairs)
    merges = [" ".join(pair) for pair in pairs]
    return merges if all(merge.count(" ") == 1 for merge in merges) else pairs
