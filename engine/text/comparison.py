"""Tokenizers to compare, trained on the same text; BPE and Unigram with the same vocabulary size."""

import json
import re
from collections.abc import Callable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from engine.text.foreign import Foreign
from engine.text.tokenizer import BYTES, Tokenizer, train_bpe, train_characters

VOCABULARY = 2000
UNKNOWN_PIECE = "<unk>"
UNIGRAM_SAMPLE = 60_000  # characters: ten times as slow to train as BPE


def _byte_level(text: str) -> Tokenizer:
    """Train BPE over the bytes of words, as in GPT-2 (Radford et al. 2019, §2.2)."""
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    model.train_from_iterator(re.split("(?<=\n)", text), trainer)
    return Tokenizer(Foreign(model.to_str()))


def _unigram(text: str) -> Tokenizer:
    """Train a Unigram language model (Kudo 2018, arXiv:1804.10959) that reads unknown characters as bytes."""
    model = tokenizers.Tokenizer(models.Unigram())
    model.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    model.decoder = decoders.Metaspace(prepend_scheme="never")
    special = [UNKNOWN_PIECE, *BYTES]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token=UNKNOWN_PIECE, show_progress=False
    )
    model.train_from_iterator(re.split("(?<=\n)", text[:UNIGRAM_SAMPLE]), trainer)
    description = json.loads(model.to_str())
    description["model"]["byte_fallback"] = True
    description["added_tokens"] = []  # otherwise a literal "<0x41>" in a text would be encoded as the byte
    return Tokenizer(Foreign(json.dumps(description)))


# Each function makes a tokenizer of a text to train on.
TRAINED: dict[str, Callable[[str], Tokenizer]] = {
    "bytes": _byte_level,
    "scripts": lambda text: train_bpe([text], VOCABULARY),
    "unigram": _unigram,
    "characters": lambda text: train_characters([text]),
    "utf8": lambda _: train_characters([]),
}
