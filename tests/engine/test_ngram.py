"""N-gram models against counting in plain Python, and as language models that write."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.generation.decoding import decode
from engine.history.ngram import Bigram, IDs, Unigram, bigram_loss, unigram_loss
from engine.messages.generation import SamplingSettings
from engine.model.language_model import LanguageModel, token_losses
from engine.text.tokenizer import train_characters
from tests.engine.conftest import SENTENCES


def ids_of(tokens: list[int], dtype: type) -> IDs:
    return np.array(tokens, dtype)


def counted_unigram(train: list[int], validation: list[int], vocabulary: int) -> float:
    counts = Counter(train)
    shares = [(counts[t] + 1) / (len(train) + vocabulary) for t in validation]
    return -sum(map(math.log, shares)) / len(shares)


def counted_bigram(train: list[int], validation: list[int], vocabulary: int) -> float:
    counts, pairs, before = Counter(train), Counter(itertools.pairwise(train)), Counter(train[:-1])
    followers = Counter(a for a, _ in pairs)
    shares = []
    for a, b in itertools.pairwise(validation):
        unigram = (counts[b] + 1) / (len(train) + vocabulary)
        weight = followers[a]
        shares.append((pairs[a, b] + weight * unigram) / (before[a] + weight) if weight else unigram)
    return -sum(map(math.log, shares)) / len(shares)


IDS_OF_FIVE = st.lists(st.integers(0, 4), min_size=3, max_size=60)


@settings(max_examples=200)
@given(train=IDS_OF_FIVE, validation=IDS_OF_FIVE, dtype=st.sampled_from([np.uint16, np.uint32]))
def test_ngram_losses_equal_those_by_counting(train: list[int], validation: list[int], dtype: type) -> None:
    known, held_out = ids_of(train, dtype), ids_of(validation, dtype)
    assert unigram_loss(known, held_out, 5) == pytest.approx(counted_unigram(train, validation, 5))
    assert bigram_loss(known, held_out, 5) == pytest.approx(counted_bigram(train, validation, 5))


@given(train=IDS_OF_FIVE, before=st.integers(0, 4))
def test_probabilities_after_a_token_sum_to_one(train: list[int], before: int) -> None:
    known = np.array(train, np.uint16)
    losses = [bigram_loss(known, np.array([before, after], np.uint16), 5) for after in range(5)]
    assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1.0)
    alone = [unigram_loss(known, np.array([token], np.uint16), 5) for token in range(5)]
    assert sum(math.exp(-loss) for loss in alone) == pytest.approx(1.0)


def test_a_greedy_bigram_writes_only_pairs_that_it_has_seen() -> None:
    tokenizer = train_characters([SENTENCES])
    ids = tokenizer.encode(SENTENCES * 3)
    bigram = Bigram(np.array(ids), tokenizer.vocabulary)
    steps = list(decode(bigram, tokenizer, ids[:1], 60, SamplingSettings(temperature=0.0), seed=1))
    written = [ids[0], *(step.id for step in steps)]
    assert len(written) == 61
    assert set(itertools.pairwise(written)) <= set(itertools.pairwise(ids))
    assert steps[0].probability == pytest.approx(math.exp(bigram.logits(ids[:1])[steps[0].id]))


@pytest.mark.parametrize("kind", [Unigram, Bigram])
def test_losses_from_logits_equal_those_by_counting(kind: type[Unigram | Bigram]) -> None:
    tokenizer = train_characters([SENTENCES])
    ids = tokenizer.encode(SENTENCES * 3)
    model: LanguageModel = kind(np.array(ids), tokenizer.vocabulary)
    held_out = tokenizer.encode("the dog sat on the mat. 猫は家で")
    whole = (unigram_loss if kind is Unigram else bigram_loss)(np.array(ids), np.array(held_out), tokenizer.vocabulary)
    losses = token_losses(model, held_out)
    if kind is Unigram:  # which predicts the first token too
        losses = np.append(losses, -model.logits(held_out)[held_out[0]])
    assert losses.mean() == pytest.approx(whole)
