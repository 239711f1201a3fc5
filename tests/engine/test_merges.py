"""The merges shown for a word end with the tokenizer's own pieces."""

import itertools

import pytest
from hypothesis import assume, given, settings, strategies as st

from engine.messages.tokens import (
    CompareTokenizers,
    ListVocabulary,
    MergeSteps,
    ReplayMerges,
    TokenizerColumn,
    Vocabulary,
)
from engine.service.session import Session
from engine.service.tokens import compare_tokenizers, list_vocabulary, replay_merges
from engine.text.comparison import tokenizers_to_compare
from engine.text.foreign import printable
from engine.text.merges import MOST_SYMBOLS, MergeReplay
from tests.engine.conftest import SENTENCES
from tests.engine.texts import MIXED, SHORT

TOKENIZERS = tokenizers_to_compare(SENTENCES * 20)
TEXTS = st.text(alphabet="the cat sat on mat.猫は森で暮らしている。😀é\n", min_size=1, max_size=30)


@pytest.mark.parametrize("name", ["bytes", "scripts"])
@given(text=TEXTS)
@settings(deadline=None, max_examples=60)
def test_the_last_merge_gives_the_tokenizers_pieces(name: str, text: str) -> None:
    tokenizer, replay = TOKENIZERS[name], MergeReplay(TOKENIZERS[name])
    pieces: list[str] = []
    for word, _ in replay._words(text):
        pieces += replay.replay(replay._symbols(word))[-1].pieces
    assert pieces == [tokenizer.piece(token) for token in tokenizer.encode(text)]


@given(text=TEXTS)
@settings(deadline=None, max_examples=30)
def test_every_step_merges_two_neighbours(text: str) -> None:
    steps = MergeReplay(TOKENIZERS["scripts"]).steps(text, 0, 1)
    for before, after in itertools.pairwise(steps):
        assert len(after.pieces) == len(before.pieces) - 1
        assert after.merged in after.pieces
        assert after.rank >= 0


def test_characters_do_not_merge() -> None:
    assert MergeReplay(TOKENIZERS["characters"]).steps("the cat", 0, 3) == []


def test_the_merges_of_a_token_are_counted_in_the_text(session: Session) -> None:
    text = "the cat sat on the mat."
    tokens = session.opened.tokenizer.tokens(text)
    events = [event for event in replay_merges(session, ReplayMerges(text, 1)) if event is not None]
    [steps] = events
    assert isinstance(steps, MergeSteps)
    assert steps.steps[0].rank == -1
    assert "".join(steps.steps[0].pieces) == "".join(steps.steps[-1].pieces)
    assert tokens.pieces[1] in steps.steps[-1].pieces
    for step in steps.steps[1:]:
        assert step.count == text.count(step.merged)


def test_tokenizers_are_compared_by_their_counts(session: Session) -> None:
    request = CompareTokenizers("the cat", "the cat sat", "猫は森で")
    columns = [event for event in compare_tokenizers(session, request) if isinstance(event, TokenizerColumn)]
    assert [column.name for column in columns] == ["model", "characters", "bytes", "scripts"]
    characters = columns[1]
    assert (characters.count, characters.english) == (7, 11)
    assert characters.japanese >= 4  # unseen characters are encoded as bytes


def test_the_vocabulary_is_listed_with_counts(session: Session) -> None:
    text = "the cat sat on the mat."
    [vocabulary] = [event for event in list_vocabulary(session, ListVocabulary(text)) if isinstance(event, Vocabulary)]
    counts = vocabulary.counts.tolist()
    ids = session.opened.tokenizer.encode(text)
    assert sum(counts) == len(ids)
    assert counts[ids[0]] == ids.count(ids[0])
    assert vocabulary.data[65] == b"A"


@pytest.mark.parametrize("name", ["bytes", "scripts"])
@settings(max_examples=100)
@given(text=SHORT | MIXED | st.text(st.sampled_from("the cat sat on 猫は森で"), max_size=30), data=st.data())
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
