"""Sentencepiece files (tokenizer.model) give the IDs that sentencepiece itself gives, and damaged ones are refused."""

import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import EngineError
from engine.text.tokenizer import Tokenizer
from tests.engine.conftest import SENTENCES
from tests.engine.texts import ANY

SCRIPTS = (
    "The 2nd of 12,345 cats' tails isn't  green…\n\n\tfoo_bar(x) += 0x1F;  \r\n  I'LL  日本語の文章、12３４５です。"
    "ｶﾞｷﾞ ｳﾞ e\u0323\u0302 ﾾￂ カ\u3099 한국어 中文，标点。 Ελληνικά Русский "
    "עברית العربية ١٢٣ हिन्दी ไทย naïve cafe\u0301 Å ﬁ ½ Ⅷ "
    "😀👍🏽👨‍👩‍👧 🇯🇵 𠮟 𝒳 \u200b\u00a0\u3000"
)
TEXTS = [
    SCRIPTS,
    "",
    " ",
    "   ",
    " a",
    "a  ",
    "\n\nx",
    "<sep>a <sep> b<sep>",
    "a<sepa>▁b",
    "<0x41> 1<0xZZ>",
    "<s>x"[3:],
]
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("bpe", {"byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False}),
    ("bpe", {"byte_fallback": True, "normalization_rule_name": "nfkc", "add_dummy_prefix": False}),
    ("bpe", {"normalization_rule_name": "nmt_nfkc"}),
    ("unigram", {"byte_fallback": True, "normalization_rule_name": "nmt_nfkc", "remove_extra_whitespaces": False}),
    ("unigram", {"normalization_rule_name": "nmt_nfkc_cf"}),
    ("unigram", {"byte_fallback": True, "normalization_rule_name": "identity", "add_dummy_prefix": False}),
    ("char", {"byte_fallback": True, "normalization_rule_name": "nfkc_cf"}),
]


def trained(folder: Path, kind: str, **more: Any) -> sentencepiece.SentencePieceProcessor:
    """Train a model on a few sentences, and write it as a tokenizer.model."""
    lines = [SENTENCES, SCRIPTS, *SENTENCES.splitlines()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for part in lines for line in part.splitlines() if line] * 3),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=700,
        hard_vocab_limit=False,
        model_type=kind,
        character_coverage=0.985,
        user_defined_symbols=["<sep>", "\n"],
        minloglevel=2,
        **more,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


@pytest.fixture(scope="module", params=range(len(KINDS)), ids=lambda i: f"{KINDS[i][0]}-{i}")
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a model of sentencepiece and ours of the same file."""
    folder = tmp_path_factory.mktemp("pieces")
    kind, more = KINDS[request.param]
    theirs = trained(folder, kind, **more)
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": false}')
    return theirs, Tokenizer.load(folder)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_equal_those_of_sentencepiece(pair: Any, text: str) -> None:
    theirs, ours = pair
    assert ours.encode(text) == theirs.encode(text)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000))
def test_ids_of_mixed_texts_equal_those_of_sentencepiece(pair: Any, seed: int) -> None:
    theirs, ours = pair
    rng = random.Random(seed)
    parts = [" ", "  ", "\n", "\r\n", "<sep>", "the ", "Cat", "猫", "の", "é", "e\u0301", "ｶﾞ", "😀", "7", "\u3000", "▁"]
    others = [c for c in map(chr, range(32, 0x1100)) if not unicodedata.category(c).startswith("M")]
    text = "".join(rng.choice([*parts, rng.choice(others)]) for _ in range(20))
    assert ours.encode(text) == theirs.encode(text)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(text=ANY)
def test_any_text_has_tokens_and_spans(pair: Any, text: str) -> None:
    _, ours = pair
    tokens = ours.tokens(text)
    assert len(tokens.starts) == len(tokens.ends) == len(tokens.ids)


def test_a_text_is_decoded_from_its_pieces(tmp_path: Path) -> None:
    trained(tmp_path, "bpe", **KINDS[0][1])
    ours = Tokenizer.load(tmp_path)
    assert ours.decode(ours.encode(SCRIPTS)) == " " + SCRIPTS


def test_texts_begin_with_the_token_for_it(tmp_path: Path) -> None:
    theirs = trained(tmp_path, "bpe")
    assert Tokenizer.load(tmp_path).encode("the cat") == [theirs.bos_id(), *theirs.encode("the cat")]
    config = tmp_path / "tokenizer_config.json"
    config.write_text('{"tokenizer_class": "T5Tokenizer"}')
    assert Tokenizer.load(tmp_path).encode("the cat") == [*theirs.encode("the cat"), theirs.eos_id()]
    config.write_text('{"add_bos_token": true, "add_eos_token": true}')
    assert Tokenizer.load(tmp_path).encode("") == [theirs.bos_id(), theirs.eos_id()]


def test_tokens_added_later_keep_their_ids(tmp_path: Path) -> None:
    theirs = trained(tmp_path, "unigram")
    last = theirs.vocab_size()
    added = {
        str(last + 2): {"content": "<|user|>", "special": True},
        str(last + 4): {"content": "cat", "special": False},
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added, "add_bos_token": False}))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|end|>": last}))
    ours = Tokenizer.load(tmp_path)
    assert ours.vocabulary == last + 5
    ids = ours.encode("<|user|>cat<|end|>")
    assert [ids[0], ids[-1]] == [last + 2, last]
    assert last + 4 in ids
    assert set(ours.special_names) >= {"<|user|>", "<|end|>", "<s>", "</s>", "<unk>"}


def test_a_tokenizer_json_comes_first(tmp_path: Path) -> None:
    trained(tmp_path, "bpe")
    ours = Tokenizer.load(tmp_path)
    ours.save(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"damaged")
    assert Tokenizer.load(tmp_path).encode(SCRIPTS) == ours.encode(SCRIPTS)


# --- Damaged files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x0a", b"\xff" * 20, b"\x0a\x80\x80\x80\x80\x10", b"\x08\x01", b"text\n" * 50])
def test_files_that_are_not_a_model_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "tokenizer.model").write_bytes(data)
    with pytest.raises(EngineError) as raised:
        Tokenizer.load(tmp_path)
    assert raised.value.key == "error.model_damaged"


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_files_are_read_or_refused(changeable: bytes, tmp_path_factory: Any, data: st.DataObject) -> None:
    changed = bytearray(changeable)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        if data.draw(st.booleans()):
            changed[at] = data.draw(st.integers(0, 255))
        else:
            del changed[at : at + data.draw(st.integers(1, 50))]
    folder = tmp_path_factory.mktemp("changed")
    (folder / "tokenizer.model").write_bytes(changed)
    refused = ""
    try:
        Tokenizer.load(folder).encode(SCRIPTS)
    except EngineError as error:
        refused = error.key
    assert refused in ("", "error.model_damaged")


@pytest.fixture(scope="module", params=[0, 3])
def changeable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    kind, more = KINDS[request.param]
    trained(folder, kind, **more)
    return (folder / "tokenizer.model").read_bytes()
