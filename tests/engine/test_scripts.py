"""Script-aware pieces, encodings of files, the corpus, tokenizers of other programs, and the replay of merges."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import assume, given, settings, strategies as st
from tokenizers import Regex, decoders, models, pre_tokenizers, processors, trainers

from engine.errors import EngineError
from engine.sentences import sentences
from engine.text import corpus as corpora, reading
from engine.text.comparison import VOCABULARY, tokenizers_to_compare
from engine.text.corpus import Corpus, build_corpus
from engine.text.foreign import Foreign, printable, read_piece
from engine.text.merges import MOST_SYMBOLS, MergeReplay
from engine.text.reading import detect_encoding, find_files, inspect, read_all, read_chunks
from engine.text.scripts import PIECE_PATTERN, kind_of
from engine.text.tokenizer import BYTES, Tokenizer, train_bpe, train_characters
from tests.engine.conftest import SENTENCES

KINDS = {
    "kanji", "hiragana", "katakana", "latin", "digit", "space", "punctuation", "byte", "special", "other",
}  # fmt: skip
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# Characters of each script, and marks, signs, zero-width, right-to-left and beyond the BMP.
MIXED = st.text(
    st.sampled_from("漢字々〆〇ひらおごカナー・ｱＡabcé'’12１ ,.!?。、「_\n\t　😀𠮟\u200d\u0301אبя가€½"), max_size=30
)
SPLIT = pre_tokenizers.Split(Regex(PIECE_PATTERN), "isolated")
TOKENIZERS = tokenizers_to_compare(SENTENCES * 20)


def pieces_of(text: str) -> list[str]:
    return [piece for piece, _ in SPLIT.pre_tokenize_str(text)]


# --- Pieces and their kinds ---------------------------------------------------------------------------


@settings(max_examples=300)
@given(text=ANY_TEXT | MIXED)
def test_joined_pieces_are_the_text(text: str) -> None:
    found = pieces_of(text)
    assert "".join(found) == text
    assert all(found)


@settings(max_examples=400)
@given(text=MIXED)
def test_no_piece_joins_two_scripts(text: str) -> None:
    for piece in pieces_of(text):
        kinds = {kind_of(c) for c in piece.replace("ー", "").strip()}
        for script in ("kanji", "hiragana", "katakana"):
            assert script not in kinds or kinds == {script}, piece
        assert len(piece) == 1 or not any(c.isdecimal() for c in piece), piece


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("朝ご飯を食べる", ["朝", "ご", "飯", "を", "食", "べる"]),
        ("ラーメン・餃子", ["ラーメン", "・", "餃子"]),
        ("人々の〆切", ["人々", "の", "〆切"]),
        ("らーめん", ["らーめん"]),
        ("don't  stop", ["don't", "  ", "stop"]),
        ("It’s 2025!", ["It’s", " ", "2", "0", "2", "5", "!"]),
        ("a\n\n b", ["a", "\n\n", " b"]),
        ("snake_case", ["snake", "_", "case"]),
        ("１０人", ["１", "０", "人"]),
        ("", []),
    ],
)
def test_texts_are_cut_where_the_script_changes(text: str, expected: list[str]) -> None:
    assert pieces_of(text) == expected


@pytest.mark.parametrize("word", ["ご飯", "お茶", "お金"])
def test_a_polite_word_has_the_same_pieces_after_every_particle(word: str) -> None:
    for particle in ("は", "が", "を", "には", "との"):
        assert pieces_of(particle + word) == [particle, *pieces_of(word)]


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        ("・", "punctuation"),  # in the block of katakana, but not katakana
        ("゠", "punctuation"),
        ("ー", "katakana"),
        ("ヷ", "katakana"),
        ("ｱ", "katakana"),
        ("ㇰ", "katakana"),
        ("ゝ", "hiragana"),
        ("〆", "kanji"),
        ("〇", "kanji"),
        ("𠮟る", "kanji"),
        ("Ａ", "latin"),
        ("я", "latin"),
        ("१", "digit"),
        ("½", "digit"),
        ("¥", "punctuation"),
        ("\u3000", "space"),
        ("", "space"),
        ("\u0301", "other"),
        ("\u200d", "other"),
        ("<0xE3><0x81>", "byte"),
        ("<0xe3>", "punctuation"),  # not written as the tokenizer writes bytes
    ],
)
def test_the_kind_of_unusual_characters(piece: str, kind: str) -> None:
    assert kind_of(piece) == kind


@settings(max_examples=300)
@given(text=ANY_TEXT)
def test_white_space_around_a_piece_does_not_change_its_kind(text: str) -> None:
    assert kind_of(text) in KINDS
    assert kind_of(f" \n{text}\t") == kind_of(text.strip()) or kind_of(text) == "byte"


# --- Reading files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("École primaire de la ville, avec ses livres et ses tables.", "cp1252"),
        ("Übung macht den Meister, und das gilt in jedem Land.", "cp1252"),
        ("猫 means cat, and so on.", "cp932"),
        ("«Bonjour», he said, and went on to the next room.", "cp1252"),
    ],
)
def test_a_single_non_ascii_character_decides_the_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    """Everything after it is ASCII, which every encoding reads."""
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode(encoding))
    assert "".join(read_chunks(path)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "euc_jp", "cp932"])
def test_a_sample_may_end_inside_a_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(reading, "SAMPLE", 64)
    text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 3
    for before in range(60, 68):
        path = tmp_path / f"{before}.txt"
        path.write_bytes(("a" * before + text).encode(encoding))
        assert "".join(read_chunks(path)) == "a" * before + text, before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_no_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text("猫と犬😀\n", encoding)
    assert "".join(read_chunks(path)) == "猫と犬😀\n"


def test_a_file_of_only_a_byte_order_mark_has_no_text(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf")
    assert "".join(read_all([path])) == ""
    assert (inspect((str(path),)).characters, inspect((str(path),)).excerpt) == (0, "")


@settings(max_examples=80)
@given(
    parts=st.lists(st.sampled_from(["a", "猫", "\r\n", "\r", "\n", "é"]), min_size=1, max_size=20),
    size=st.integers(1, 5),
)
def test_line_ends_become_newlines_also_across_chunks(tmp_path: Path, parts: list[str], size: int) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("".join(parts).encode())
    expected = "".join(parts).replace("\r\n", "\n").replace("\r", "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK", size)
        assert "".join(read_chunks(path)) == expected
        assert "".join(read_all([path])) == expected + ("" if expected.endswith("\n") else "\n")


def test_hidden_folders_are_skipped_unless_they_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "open" / ".git", tmp_path / "open" / "sub", tmp_path / ".own"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("text")
    assert find_files([tmp_path / "open"]) == [tmp_path / "open" / "sub" / "a.txt"]
    assert find_files([tmp_path / ".own"]) == [tmp_path / ".own" / "a.txt"]


def test_a_broken_link_is_skipped_in_a_folder_and_missing_when_named(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone.txt")
    (tmp_path / "text.txt").write_text("text")
    assert find_files([tmp_path]) == [tmp_path / "text.txt"]
    with pytest.raises(EngineError, match="text_missing"):
        find_files([tmp_path / "link.txt"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16"])
def test_the_length_of_a_large_text_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 1000)
    text = "吾輩は猫である。名前はまだ無い。\n" * 700
    (tmp_path / "large.txt").write_bytes(text.encode(encoding))
    assert inspect((str(tmp_path / "large.txt"),)).characters == pytest.approx(len(text), rel=0.02)


def test_several_texts_are_named_after_the_first(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt"))
    for index, path in enumerate(paths):
        Path(path).write_text("é" * (index + 1), "utf-8")
    info = inspect(paths)
    assert (info.name, info.files, info.characters, info.bytes) == ("a.txt +2", 3, 6, 12)
    assert info.excerpt == "é"


@settings(max_examples=150)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_raise_an_engine_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    refused = ""
    try:
        "".join(read_chunks(path)).encode(detect_encoding(path), "replace")
    except EngineError as error:
        refused = error.key
    assert refused in ("", "error.text_empty", "error.text_binary")


# --- The corpus ----------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    length=st.integers(20, 400), context=st.integers(1, 17), size=st.integers(1, 9), seed=st.integers(0, 2**63 - 1),
    step=st.integers(0, 10**9),
)  # fmt: skip
def test_no_batch_contains_held_out_tokens(length: int, context: int, size: int, seed: int, step: int) -> None:
    corpus = Corpus(np.arange(length, dtype=np.uint16))
    assume(len(corpus.train) > context)
    x, y = corpus.batch(step, size, context, seed)
    assert x.shape == y.shape == (size, context)
    assert (y == x + 1).all()
    assert y.max() < len(corpus.train) == length - len(corpus.validation)
    again, _ = corpus.batch(step, size, context, seed)
    assert (x == again).all()


def test_every_window_of_the_training_part_is_drawn() -> None:
    corpus = Corpus(np.arange(60, dtype=np.uint16))
    starts = {int(s) for step in range(400) for s in corpus.batch(step, 4, 8, 1)[0][:, 0]}
    assert starts == set(range(len(corpus.train) - 8))


@settings(max_examples=100)
@given(length=st.integers(30, 3000), context=st.integers(1, 20), most=st.integers(1, 40))
def test_validation_windows_are_spread_over_the_held_out_part(length: int, context: int, most: int) -> None:
    corpus = Corpus(np.arange(length, dtype=np.uint16))
    assume(len(corpus.validation) > context)
    x, y = corpus.validation_windows(context, most)
    assert 1 <= len(x) <= most
    assert x.min() == corpus.validation[0]
    assert y.max() < length
    assert len({int(row[0]) for row in x}) == len(x)  # no window twice
    if len(x) > 1:
        assert y.max() >= length - 2 * context  # and the last one is included


def test_a_text_encoded_in_parts_has_the_tokens_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "GATHER", 300)
    monkeypatch.setattr(reading, "CHUNK", 70)
    text = SENTENCES * 30 + "\n\n" + SENTENCES * 3
    (tmp_path / "a.txt").write_text(text, "utf-8")
    (tmp_path / "b.txt").write_text(SENTENCES.strip(), "utf-8")
    tokenizer = train_bpe([text], 400)
    shares = list(build_corpus([tmp_path / "a.txt", tmp_path / "b.txt"], tokenizer, tmp_path))
    assert len(shares) > 5
    corpus = Corpus.open(tmp_path)
    assert [*corpus.train.tolist(), *corpus.validation.tolist()] == tokenizer.encode(text + SENTENCES)


def test_a_vocabulary_beyond_two_bytes_is_stored_in_four(tmp_path: Path) -> None:
    text = "".join(map(chr, range(0x20000, 0x20000 + 66_000)))
    (tmp_path / "text.txt").write_text(text, "utf-8")
    tokenizer = train_characters([text + "\n"])
    list(build_corpus([tmp_path / "text.txt"], tokenizer, tmp_path))
    corpus = Corpus.open(tmp_path)
    assert corpus.train.dtype == np.uint32
    assert tokenizer.decode(corpus.validation.tolist()) == (text + "\n")[-len(corpus.validation) :]


# --- Tokenizers of other programs ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["characters", "bytes", "scripts"])
@settings(max_examples=100)
@given(text=ANY_TEXT | MIXED)
def test_every_compared_tokenizer_is_lossless_with_correct_spans(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    found = tokenizer.tokens(text)
    for token, start, end in zip(found.ids.tolist(), found.starts, found.ends, strict=True):
        assert tokenizer.token_bytes(token) in text[start:end].encode()


def test_compared_tokenizers_are_trained_with_the_same_vocabulary_limit() -> None:
    assert list(TOKENIZERS) == ["characters", "bytes", "scripts"]
    counts = {name: len(tokenizer.encode(SENTENCES)) for name, tokenizer in TOKENIZERS.items()}
    assert counts["characters"] == len(SENTENCES)
    assert max(counts["bytes"], counts["scripts"]) < counts["characters"] / 2
    assert all(TOKENIZERS[name].vocabulary <= VOCABULARY for name in ("bytes", "scripts"))


@settings(max_examples=200)
@given(text=ANY_TEXT)
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


# --- Merges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bytes", "scripts"])
@settings(max_examples=100)
@given(text=ANY_TEXT | MIXED | st.text(st.sampled_from("the cat sat on 猫は森で"), max_size=30), data=st.data())
def test_merges_are_replayed_in_the_order_of_their_ranks(name: str, text: str, data: st.DataObject) -> None:
    assume(text)
    replay, found = MergeReplay(TOKENIZERS[name]), TOKENIZERS[name].tokens(text)
    index = data.draw(st.integers(0, len(found.ids) - 1))
    steps = replay.steps(found.text, int(found.starts[index]), int(found.ends[index]))
    ranks = [step.rank for step in steps]
    assert ranks == sorted(ranks)
    assert ranks[0] == -1
    assert len(steps[-1].pieces) == len(steps[0].pieces) - len(steps) + 1
    token = printable(TOKENIZERS[name].token_bytes(int(found.ids[index])))
    assert token in steps[-1].pieces or len(steps[0].pieces) >= MOST_SYMBOLS


@pytest.mark.parametrize("name", ["bytes", "scripts"])
def test_in_a_very_long_word_only_the_token_is_replayed(name: str) -> None:
    text = "cat" * 400
    found = TOKENIZERS[name].tokens(text)
    steps = MergeReplay(TOKENIZERS[name]).steps(text, int(found.starts[5]), int(found.ends[5]))
    assert steps[-1].pieces == (found.pieces[5],)
    assert len(steps) <= MOST_SYMBOLS


def test_a_word_has_the_same_merges_anywhere_in_a_text() -> None:
    replay, text = MergeReplay(TOKENIZERS["scripts"]), "a cat, the cat and cat"
    starts = [i for i in range(len(text)) if text.startswith(" cat", i)]
    steps = [replay.steps(text, start, start + 4) for start in starts]
    assert len(starts) == 3
    assert all(a == b for a, b in itertools.pairwise(steps))


def test_every_kind_has_a_name_on_screen() -> None:
    named = {key.removeprefix("widget.token.kind.") for key in sentences("en") if key.startswith("widget.token.kind.")}
    assert named >= KINDS
