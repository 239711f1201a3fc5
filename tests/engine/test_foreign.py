"""Tokenizers of other programs, and those that are compared with the model's."""

import json

import pytest
import tokenizers
from hypothesis import given, settings, strategies as st
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from engine.text.comparison import TRAINED, VOCABULARY
from engine.text.foreign import Foreign, printable, read_piece
from engine.text.tokenizer import BYTES, Tokenizer
from tests.engine.conftest import SENTENCES
from tests.engine.texts import MIXED, SHORT

TOKENIZERS = {name: train(SENTENCES * 20) for name, train in TRAINED.items()}


@pytest.mark.parametrize("name", TRAINED)
@settings(max_examples=100)
@given(text=SHORT | MIXED)
def test_every_compared_tokenizer_is_lossless_with_correct_spans(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    if name == "unigram":
        text = text.replace("\u2581", " ")  # sentencepiece's own sign for a space
    assert tokenizer.decode(tokenizer.encode(text)) == text
    found = tokenizer.tokens(text)
    for token, start, end in zip(found.ids.tolist(), found.starts, found.ends, strict=True):
        assert tokenizer.token_bytes(token) in text[start:end].encode()


def test_compared_tokenizers_are_trained_with_the_same_vocabulary_limit() -> None:
    counts = {name: len(tokenizer.encode(SENTENCES)) for name, tokenizer in TOKENIZERS.items()}
    assert counts["characters"] == len(SENTENCES)
    assert max(counts["bytes"], counts["scripts"]) < counts["characters"] / 2
    assert all(TOKENIZERS[name].vocabulary <= VOCABULARY for name in ("bytes", "scripts", "unigram"))
    assert counts["unigram"] < counts["characters"]
    assert counts["utf8"] == len(SENTENCES.encode())


@settings(max_examples=200)
@given(text=SHORT)
def test_a_byte_level_piece_is_read_as_its_bytes(text: str) -> None:
    """The `tokenizers` library writes the pieces, our own table reads them."""
    description = {"decoder": {"type": "ByteLevel"}}
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    assert b"".join(read_piece(description, piece) for piece, _ in cut) == text.encode()


@given(data=st.binary(max_size=12))
def test_bytes_are_shown_as_text_or_in_hex(data: bytes) -> None:
    try:
        assert printable(data) == data.decode()
    except UnicodeDecodeError:
        assert bytes.fromhex(printable(data).replace("<0x", "").replace(">", "")) == data


@pytest.fixture(scope="module")
def sentencepiece() -> Tokenizer:
    """Return a tokenizer as in Llama 2: ▁ for the space, bytes for unseen characters, <s> before every text."""
    model = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    model.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    model.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    special = ["<unk>", "<s>"]
    trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=[*special, *BYTES], show_progress=False)
    model.train_from_iterator(SENTENCES.splitlines() * 20, trainer)
    model.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    description = json.loads(model.to_str())
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] in special]
    return Tokenizer(Foreign(json.dumps(description)))


def test_a_sentencepiece_vocabulary_shows_spaces_and_bytes(sentencepiece: Tokenizer) -> None:
    found = sentencepiece.tokens("the cat 鬱")
    assert found.pieces[:3] == ("<s>", " the", " cat")
    assert found.pieces[-3:] == ("<0xE9>", "<0xAC>", "<0xB1>")
    assert found.kinds[0] == "special"
    assert found.kinds[-3:] == ("byte",) * 3
    assert sentencepiece.decode(found.ids.tolist()) == " the cat 鬱"
    assert sentencepiece.token_bytes(1) == b""
    assert set(sentencepiece.special_names) == {"<unk>", "<s>"}


def test_spans_of_a_sentencepiece_tokenizer_are_within_the_text(sentencepiece: Tokenizer) -> None:
    text = "the cat sat on the mat. 猫は鬱"
    found = sentencepiece.tokens(text)
    assert [text[s:e] for s, e in zip(found.starts[1:4], found.ends[1:4], strict=True)] == ["the", " cat", " sat"]
    assert (found.ends >= found.starts).all()
    assert found.ends.max() == len(text)
    assert (found.byte_ends[1:] <= len(text.encode())).all()
