"""Tokenizers to compare: trained on the same text, the two BPE ones with the same vocabulary size."""

import re

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from engine.text.foreign import Foreign
from engine.text.tokenizer import Tokenizer, train_bpe, train_characters

VOCABULARY = 2000


def tokenizers_to_compare(text: str) -> dict[str, Tokenizer]:
    """Train a character tokenizer, byte-level BPE and Nakami's own BPE; return them by name."""
    return {
        "characters": train_characters([text]),
        "bytes": _byte_level(text),
        "scripts": train_bpe([text], VOCABULARY),
    }


def _byte_level(text: str) -> Tokenizer:
    """Train BPE over the bytes of words, as in GPT-2 (Radford et al. 2019, §2.2)."""
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    model.train_from_iterator(re.split("(?<=\n)", text), trainer)
    return Tokenizer(Foreign(model.to_str()))
