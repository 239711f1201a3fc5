"""Tokenizers in GGUF files give the IDs of the tokenizer.json or sentencepiece model that they were made from."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings, strategies as st
from tokenizers import Regex, decoders, models, normalizers, processors, trainers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

from engine.errors import EngineError
from engine.text.gguf_tokenizer import to_json
from engine.text.tokenizer import Tokenizer
from tests.engine.conftest import SENTENCES
from tests.engine.ggufs import add_tensor, add_tokenizer, finish
from tests.engine.texts import ANY, MIXED

SCRIPTS = (
    "The 2nd of 12,345 cats' tails isn't  green…\n\n\tfoo_bar(x) += 0x1F;  \r\n  I'LL I'm 'twas\n"
    "日本語の文章、12３４５です。ひらがなカタカナ 漢字々〆 韓국어 한글 中文，标点。 Ελληνικά Русский текст "
    "עברית العربية ١٢٣ हिन्दी ไทย "
    "naïve café e\u0301 Å ﬁ ½ ² Ⅷ 😀👍🏽👨‍👩‍👧 🇯🇵 𠮟 𝒳 \u200b\u00a0\u3000 <|im_start|>user\nHi<|im_end|> <think>"
)
# The pre-tokenizers as the original tokenizer.json of each model writes them.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
BYTES = ByteLevel(add_prefix_space=False, use_regex=False)
ORIGINALS: dict[str, tuple[Any, Any]] = {
    "gpt-2": (ByteLevel(add_prefix_space=False), None),
    "smollm": (Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]), None),
    "llama-bpe": (Sequence([Split(Regex(LLAMA3), "isolated"), BYTES]), None),
    "qwen2": (Sequence([Split(Regex(QWEN2), "isolated"), BYTES]), normalizers.NFC()),
    "olmo": (ByteLevel(add_prefix_space=False), normalizers.NFC()),
}


def _original(name: str) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    made.pre_tokenizer, normalizer = ORIGINALS[name]
    if normalizer:
        made.normalizer = normalizer
    made.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator([SENTENCES, SCRIPTS] * 5, trainer)
    made.add_tokens([tokenizers.AddedToken("<think>", normalized=False)])
    if name == "llama-bpe":
        made.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
        )
    return made


@pytest.fixture(scope="module", params=ORIGINALS)
def byte_level(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a tokenizer as in an original tokenizer.json, and ours from a GGUF file."""
    original, path = _original(request.param), tmp_path_factory.mktemp("tokenizers") / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    add_tokenizer(writer, original, request.param)
    writer.add_bos_token_id(0)
    finish(writer)
    return original, Tokenizer.load(path)


def test_byte_level_ids_equal_those_of_the_original(byte_level: Any) -> None:
    original, ours = byte_level
    for text in (SCRIPTS, SENTENCES, "", " ", "<|im_end|>", "a<think>b"):
        assert ours.encode(text) == original.encode(text).ids
    assert ours.decode(ours.encode("日本 x")) == "日本 x"
    assert "<|im_end|>" in ours.special_names
    assert "<think>" not in ours.special_names


@settings(max_examples=200, deadline=None)
@given(text=ANY | MIXED)
def test_byte_level_ids_equal_those_of_the_original_for_any_text(byte_level: Any, text: str) -> None:
    original, ours = byte_level
    assert ours.encode(text) == original.encode(text).ids


# --- sentencepiece --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def pieces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a sentencepiece model, trained here, and our tokenizer from a GGUF file with its pieces and scores."""
    sentencepiece = pytest.importorskip("sentencepiece")
    model = BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES.splitlines(), *SCRIPTS.splitlines()] * 5),
        model_writer=model,
        model_type=request.param,
        vocab_size={"bpe": 560, "unigram": 412}[request.param],
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<think>"],
        minloglevel=2,
    )
    original = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    path = tmp_path_factory.mktemp("tokenizers") / "model.gguf"
    write_pieces(path, original)
    return original, Tokenizer.load(path)


def write_pieces(path: Path, original: Any) -> None:
    """Write the vocabulary of a sentencepiece model as conversion/base.py of llama.cpp does."""
    ids = range(original.GetPieceSize())
    tests = (
        (original.IsUnknown, gguf.TokenType.UNKNOWN),
        (original.IsControl, gguf.TokenType.CONTROL),
        (original.IsByte, gguf.TokenType.BYTE),
        (lambda i: original.IdToPiece(i) == "<think>", gguf.TokenType.USER_DEFINED),
    )
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list([original.IdToPiece(i) for i in ids])
    writer.add_token_scores([original.GetScore(i) for i in ids])
    writer.add_token_types([next((kind for test, kind in tests if test(i)), gguf.TokenType.NORMAL) for i in ids])
    writer.add_bos_token_id(original.bos_id())
    writer.add_eos_token_id(original.eos_id())
    add_tensor(writer, "token_embd.weight", np.zeros((len(ids), 32), np.float32), "F32")
    finish(writer)


def test_sentencepiece_ids_equal_those_of_the_original(pieces: Any) -> None:
    original, ours = pieces
    for text in (*SENTENCES.splitlines(), *SCRIPTS.replace("<think>", "").splitlines(), "The  cat", "鬱 \t x"):
        assert ours.encode(text) == [original.bos_id(), *original.encode(text)]


def test_a_sentencepiece_vocabulary_shows_text_and_bytes(pieces: Any) -> None:
    _, ours = pieces
    found = ours.tokens("a <think> 鬱")
    assert found.pieces[0] == "<s>"
    assert "<think>" in found.pieces
    assert found.pieces[-3:] == ("<0xE9>", "<0xAC>", "<0xB1>")
    assert set(ours.special_names) == {"<unk>", "<s>", "</s>"}


def test_runs_of_spaces_are_pieces_of_gemma() -> None:
    """Its files contain them as spaces, and its merges follow the order of the IDs."""
    texts = ["<pad>", "<eos>", "<bos>", "<unk>", "  ", "   ", "▁", "a", "▁a", "<start_of_turn>"]
    types = [3, 3, 3, 2, 4, 4, 1, 1, 1, 4]
    values = {
        "general.architecture": "gemma3",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.scores": [-1000.0] * len(texts),
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.add_space_prefix": False,
    }
    made = tokenizers.Tokenizer.from_str(to_json(values, "model.gguf"))
    assert made.encode("a a").ids == [2, 7, 8]
    assert made.encode("a   a<start_of_turn>").ids == [2, 7, 5, 7, 9]


def test_special_tokens_of_phi3_include_the_spaces_after_them() -> None:
    texts = ["<unk>", "<s>", "<|endoftext|>", "<|end|>", "▁", "\n", "a"]
    values = {
        "general.architecture": "phi3",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": texts,
        "tokenizer.ggml.token_type": [2, 3, 3, 3, 1, 1, 1],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
    }
    made = tokenizers.Tokenizer.from_str(to_json(values, "model.gguf"))
    assert made.encode("<|end|>\na").ids == [3, 6]
    assert made.encode("<|endoftext|>\na").ids == [2, 5, 6]


def test_a_tokenizer_json_inside_the_file_is_used() -> None:
    text = _original("gpt-2").to_str()
    assert json.loads(to_json({"tokenizer.huggingface.json": text}, "model.gguf")) == json.loads(text)


# --- What is refused ------------------------------------------------------------------------------


VALID: dict[str, Any] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ["a", "b", "ab"],
    "tokenizer.ggml.token_type": [1, 1, 1],
    "tokenizer.ggml.merges": ["a b"],
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tokenizer.ggml.model": None}, "error.no_tokenizer"),
        ({"tokenizer.ggml.model": "rwkv"}, "error.tokenizer_unknown"),
        ({"tokenizer.ggml.pre": "from-next-year"}, "error.tokenizer_unknown"),
        ({"tokenizer.ggml.tokens": None}, "error.gguf_damaged"),
        ({"tokenizer.ggml.tokens": ["a", 3]}, "error.gguf_damaged"),
        ({"tokenizer.ggml.token_type": [1]}, "error.gguf_damaged"),
        ({"tokenizer.ggml.token_type": ["x"] * 3}, "error.gguf_damaged"),
        ({"tokenizer.ggml.scores": [0.0, float("nan"), 0.0]}, "error.gguf_damaged"),
        ({"tokenizer.ggml.merges": ["ab"]}, "error.gguf_damaged"),
        ({"tokenizer.ggml.merges": ["a c"]}, "error.gguf_damaged"),
    ],
)
def test_invalid_tokenizers_are_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(EngineError) as raised:
        to_json(VALID | change, "model.gguf")
    assert raised.value.key == key


@given(st.integers(-5, 10**12) | st.none() | st.text(max_size=3))
def test_an_impossible_first_token_is_left_out(token: Any) -> None:
    values = VALID | {"tokenizer.ggml.bos_token_id": token, "tokenizer.ggml.add_bos_token": True}
    ids = tokenizers.Tokenizer.from_str(to_json(values, "model.gguf")).encode("ab").ids
    assert ids in ([2], [token, 2])
