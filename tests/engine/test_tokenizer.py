"""Tokenizers are lossless, and every token has its span."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError
from engine.text.scripts import kind_of
from engine.text.tokenizer import SEGMENT, StreamDecoder, Tokenizer, train_bpe, train_characters
from tests.engine.texts import SHORT

TEXT = (
    "私は嬉しい。彼女は悲しい。私は嬉しい、とても嬉しい。朝ごはんにラーメンを食べた。新しい本は楽しい。\n"
    "I am happy. You are sad. I am happy, very happy! The cat doesn't care in 2025.\n"
) * 20


@pytest.fixture(scope="module")
def bpe() -> Tokenizer:
    return train_bpe([TEXT], 700)


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return train_characters([TEXT])


@pytest.fixture(params=["bpe", "characters"], scope="module")
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    found: Tokenizer = request.getfixturevalue(request.param)
    return found


@settings(max_examples=300)
@given(text=SHORT | st.text(st.sampled_from("<0x41>aあ漢\r\n\t 😀𠮟é\u0301\ufffd\0"), max_size=40))
def test_encoding_is_lossless(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=200)
@given(text=SHORT)
def test_spans_cover_the_text_without_gaps(tokenizer: Tokenizer, text: str) -> None:
    tokens, data = tokenizer.tokens(text), text.encode()
    assert [0, *tokens.byte_ends[:-1].tolist()][: len(tokens.ids)] == tokens.byte_starts.tolist()
    for token, start, end, byte_start, byte_end in zip(
        tokens.ids.tolist(), tokens.starts, tokens.ends, tokens.byte_starts, tokens.byte_ends, strict=True
    ):
        assert data[byte_start:byte_end] == tokenizer.token_bytes(token)
        assert data[byte_start:byte_end] in text[start:end].encode()
    assert sum(
        byte_end - byte_start for byte_start, byte_end in zip(tokens.byte_starts, tokens.byte_ends, strict=True)
    ) == len(data)


@settings(max_examples=100)
@given(text=SHORT)
def test_streaming_shows_whole_characters_only(tokenizer: Tokenizer, text: str) -> None:
    stream, shown = StreamDecoder(tokenizer), ""
    for token in tokenizer.encode(text):
        shown += stream.push(token)
        assert text.startswith(shown)
    assert shown == text


def test_the_example_sentences_are_tokenized_as_in_the_textbook(bpe: Tokenizer) -> None:
    assert bpe.tokens("私は嬉しい").pieces == ("私", "は", "嬉", "しい")
    assert bpe.tokens("I am happy").pieces == ("I", " am", " happy")


def test_no_token_joins_two_scripts(bpe: Tokenizer) -> None:
    for piece in bpe.tokens(TEXT).pieces:
        kinds = {kind_of(c) for c in piece.strip()}
        assert len(kinds) <= 1 or kinds == {"latin", "punctuation"}, piece  # doesn't is one word


def test_each_digit_is_one_token(bpe: Tokenizer) -> None:
    assert bpe.tokens("2025").pieces == ("2", "0", "2", "5")


def test_an_unseen_character_becomes_its_bytes(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.tokens("鬱")
    assert tokens.pieces == ("<0xE9>", "<0xAC>", "<0xB1>")
    assert tokens.kinds == ("byte",) * 3
    assert tokens.starts.tolist() == [0, 0, 0]
    assert tokens.ends.tolist() == [1, 1, 1]


def test_the_name_of_a_byte_token_is_encoded_as_ordinary_text(bpe: Tokenizer) -> None:
    assert bpe.decode(bpe.encode("<0x41>")) == "<0x41>"
    assert len(bpe.encode("<0x41>")) > 1


def test_a_lone_surrogate_becomes_a_question_mark(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a?b"


def test_the_character_tokenizer_gives_each_character_one_token(characters: Tokenizer) -> None:
    assert characters.tokens("I am").pieces == ("I", " ", "a", "m")
    assert characters.vocabulary == 256 + len(set(TEXT))


def test_a_short_text_gives_a_smaller_vocabulary() -> None:
    assert 256 < train_bpe(["ab ab ab"], 5000).vocabulary < 300


@pytest.mark.parametrize("asked", [0, 299, 10**9])
def test_a_vocabulary_size_out_of_range_is_refused(asked: int) -> None:
    with pytest.raises(EngineError) as raised:
        train_bpe([TEXT], asked)
    assert raised.value.key == "error.vocabulary_range"


def test_a_long_text_has_the_tokens_of_its_lines(tokenizer: Tokenizer) -> None:
    line = "The cat doesn't care.\n\n"
    many = SEGMENT // len(line) * 3
    assert tokenizer.encode(line * many) == tokenizer.encode(line) * many


def test_a_tokenizer_is_the_same_after_saving_and_loading(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.kind == tokenizer.kind
    assert again.vocabulary == tokenizer.vocabulary
    assert again.encode(TEXT + "鬱😀") == tokenizer.encode(TEXT + "鬱😀")
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"model": {"type": "BPE"}}', '{"model": {"type": "Characters"}}', "\0"]
)
def test_a_damaged_tokenizer_raises_model_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(EngineError) as raised:
        Tokenizer.load(tmp_path)
    assert raised.value.key == "error.model_damaged"


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        ("漢字", "kanji"),
        ("ひら", "hiragana"),
        ("カナー", "katakana"),
        (" word", "latin"),
        ("7", "digit"),
        ("。", "punctuation"),
        ("\n", "space"),
        ("<0xE3>", "byte"),
        ("\u200b", "other"),
        ("𠮟", "kanji"),
        ("€", "punctuation"),
    ],
)
def test_the_kind_of_a_piece_is_its_script(piece: str, kind: str) -> None:
    assert kind_of(piece) == kind
