"""Spans of tokens under every normaliser: each character of the typed text belongs to a token, marks included."""

import json
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings, strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from engine.text.foreign import Foreign
from engine.text.merges import MergeReplay
from engine.text.tokenizer import BYTES, Tokenizer

# Marks, jamo, halfwidth kana, compatibility characters, joiners, selectors, controls, spaces, and what they apply to.
PARTS = [
    *"aé か\u3099き\u309aフ\u309a 猫ﾊ\uff9f㍿①ﬁİŞß",
    "e\u0301",
    "\u0323",
    "\u1100\u1161\u11a8",
    "각",
    "葛\U000e0100",
]
PARTS += [
    "각",
    "葛\U000e0100",
    "👩\u200d👧",
    "❤\ufe0f",
    "\u0915\u093f",
    "ก\u0e33",
    "שָ",
    "\x00",
    "\x07",
    "\u200b",
    "\u00ad",
    "\n",
    "\u3000",
    "\u00a0",
    "<s>",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=12)


def byte_level(normalizer: Any = None, **post: Any) -> tokenizers.Tokenizer:
    """Return a tokenizer as GPT-2's and Qwen's, of single bytes."""
    alphabet = {character: i for i, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = tokenizers.Tokenizer(models.BPE(alphabet | {"ĠĠ": 256, "Ġa": 257}, [("Ġ", "Ġ"), ("Ġ", "a")]))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if post:
        made.post_processor = processors.ByteLevel(**post)
    return made


def sentencepiece(normalizer: Any) -> tokenizers.Tokenizer:
    """Return a tokenizer as Llama 2's: ▁ for spaces, bytes for unknown characters, <s> before and </s> after."""
    vocabulary = {piece: i for i, piece in enumerate(["<unk>", "<s>", "</s>", *BYTES, "▁", "a", "▁a", "か", "が"])}
    made = tokenizers.Tokenizer(models.BPE(vocabulary, [("▁", "a")], byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizer
    made.decoder = decoders.ByteFallback()
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    ends = [("<s>", 1), ("</s>", 2)]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return made


def wordpiece() -> tokenizers.Tokenizer:
    """Return a tokenizer as BERT's, whose normaliser removes accents and control characters."""
    vocabulary = {piece: i for i, piece in enumerate(["[UNK]", "a", "e", "##e", "か"])}
    made = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    return made


def unigram() -> tokenizers.Tokenizer:
    pieces = [("<unk>", 0.0), ("▁", -1.0), ("a", -2.0), ("が", -2.0)]
    made = tokenizers.Tokenizer(models.Unigram(pieces, 0, False))
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


LLAMA = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
NO_ACCENTS = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
MADE = {
    "plain": byte_level(),
    "nfc": byte_level(normalizers.NFC()),
    "nfkc": byte_level(normalizers.NFKC()),
    "nfd": byte_level(normalizers.NFD()),
    "nfkd": byte_level(normalizers.NFKD()),
    "lower case": byte_level(normalizers.Lowercase()),
    "no accents": byte_level(NO_ACCENTS),
    "stripped": byte_level(normalizers.Strip()),
    "trimmed": byte_level(trim_offsets=True),
    "llama": sentencepiece(LLAMA),
    "composing llama": sentencepiece(normalizers.Sequence([normalizers.NFKC(), LLAMA])),
    "bert": wordpiece(),
    "unigram": unigram(),
}
LOADED = {name: Tokenizer(Foreign(made.to_str())) for name, made in MADE.items()}


def spans(name: str, text: str) -> list[tuple[int, int]]:
    found = LOADED[name].tokens(text)
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


@pytest.mark.parametrize("name", LOADED)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_every_character_belongs_to_a_token_and_spans_are_in_order(name: str, text: str) -> None:
    found = spans(name, text)
    assert all(0 <= start <= end <= len(text) for start, end in found)
    assert found == sorted(found)
    covered = {place for start, end in found for place in range(start, end)}
    if covered:  # otherwise the whole text was removed
        assert covered == set(range(len(text)))


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("nfc", "か\u3099き", [(0, 2)] * 3 + [(2, 3)] * 3),
        ("nfkc", "\u1100\u1161\u11a8", [(0, 3)] * 3),
        ("nfkc", "㍿x", [(0, 1)] * 12 + [(1, 2)]),
        ("nfkc", "ﾊ\uff9fx", [(0, 2)] * 3 + [(2, 3)]),
        ("nfc", "a\u0301\u0323b", [(0, 2)] * 3 + [(2, 3)] * 2 + [(3, 4)]),
        ("nfd", "éx", [(0, 1)] * 3 + [(1, 2)]),
        ("no accents", "\u0301e\u0301x", [(0, 3), (3, 4)]),
        ("lower case", "İx", [(0, 1)] * 3 + [(1, 2)]),
        ("stripped", "  ab ", [(0, 3), (3, 5)]),
        ("trimmed", "a   a", [(0, 1), (1, 3), (3, 5)]),
        ("bert", "e\u0301 \x07a\x00", [(0, 2), (2, 6)]),
        ("llama", "a b", [(0, 0), (0, 1), (1, 2), (2, 3), (3, 3)]),
        ("bert", "\x00\x07", []),
        ("llama", "", [(0, 0), (0, 0)]),
    ],
)
def test_marks_and_removed_characters_belong_to_the_token_beside_them(
    name: str, text: str, right: list[tuple[int, int]]
) -> None:
    assert spans(name, text) == right


def test_a_character_that_a_tokenizer_drops_belongs_to_no_token() -> None:
    made = byte_level(normalizers.NFC())
    dropping = pre_tokenizers.Punctuation(behavior="removed")
    made.pre_tokenizer = pre_tokenizers.Sequence([dropping, made.pre_tokenizer])
    found = Tokenizer(Foreign(made.to_str())).tokens("a!b e\u0301?")
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == [
        (0, 1),
        (2, 3),
        (3, 4),
        (4, 6),
        (4, 6),
    ]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("b猫a", [(0, 1), (2, 3)]),
        ("猫ab 犬b", [(1, 3), (5, 6)]),
        ("か\u3099猫a", [(0, 2), (3, 4)]),
    ],
)
def test_spans_are_right_where_unknown_characters_are_dropped(text: str, right: list[tuple[int, int]]) -> None:
    """A BPE tokenizer with neither an unknown token nor bytes: the library's spans were too far left after them."""
    made = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1, "が": 2, "ab": 3}, [("a", "b")]))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    found = Tokenizer(Foreign(made.to_str())).tokens(text)
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))[: len(right)] == right


def test_merges_are_replayed_for_the_word_that_was_typed() -> None:
    """Where the text is longer than what the normaliser makes of it, later words were mistaken for others."""
    replay = MergeReplay(LOADED["nfc"])
    text = "か\u3099" * 3 + " a b"
    start, end = spans("nfc", text)[-3]
    assert replay.steps(text, start, end)[-1].pieces == (" a",)


def test_the_file_of_a_tokenizer_is_kept_as_it_was() -> None:
    text = json.dumps(json.loads(MADE["trimmed"].to_str()), indent=3)
    assert Tokenizer(Foreign(text)).to_json() == text
