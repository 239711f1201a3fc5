"""The merges shown for a word end with the tokenizer's own pieces."""

import itertools

import pytest
from hypothesis import assume, given, settings, strategies as st

from engine.messages.tokens import (
    TOKENIZERS as NAMES,
    CompareTokenizers,
    ListVocabulary,
    MergeSteps,
    ReplayMerges,
    TokenizerColumn,
    Vocabulary,
)
from engine.service.session import Session
from engine.service.tokens import compare_tokenizers, list_vocabulary, replay_merges
from engine.text.comparison import TRAINED
from engine.text.foreign import printable
from engine.text.merges import MOST_SYMBOLS, MergeReplay, Words
from engine.text.unigram import Unigram
from tests.engine.conftest import SENTENCES
from tests.engine.sessions import ask
from tests.engine.texts import MIXED, SHORT

TOKENIZERS = {name: train(SENTENCES * 20) for name, train in TRAINED.items()}
TEXTS = st.text(alphabet="the cat sat on mat.猫は森で暮らしている。😀é\n", min_size=1, max_size=30)


@pytest.mark.parametrize("name", ["bytes", "scripts"])
@given(text=TEXTS)
@settings(deadline=None, max_examples=60)
def test_the_last_merge_gives_the_tokenizers_pieces(name: str, text: str) -> None:
    tokenizer, replay = TOKENIZERS[name], MergeReplay(TOKENIZERS[name])
    pieces: list[str] = []
    for word, _ in Words(tokenizer).of(text):
        pieces += replay.replay(replay._symbols(word))[-1].pieces
    assert pieces == [tokenizer.piece(token) for token in tokenizer.encode(text)]


@given(text=TEXTS)
@settings(deadline=None, max_examples=30)
def test_every_step_merges_two_neighbours(text: str) -> None:
    steps = MergeReplay(TOKENIZERS["scripts"]).steps(text, 0, 1)
    for before, after in itertools.pairwise(steps):
        place = after.place
        assert after.merged == after.pieces[place] == "".join(before.pieces[place : place + 2])
        assert after.pieces == (*before.pieces[:place], after.merged, *before.pieces[place + 2 :])
        assert after.rank >= 0


def test_characters_do_not_merge() -> None:
    assert MergeReplay(TOKENIZERS["characters"]).steps("the cat", 0, 3) == []


@settings(deadline=None, max_examples=60)
@given(text=TEXTS)
def test_the_best_split_of_a_word_is_that_of_the_unigram_tokenizer(text: str) -> None:
    tokenizer = TOKENIZERS["unigram"]
    scores = Unigram(tokenizer).scores
    for word, _ in Words(tokenizer).of(text):
        if all(character in scores for character in word):  # unknown ones become bytes
            splits = Unigram(tokenizer).best(word, 3)
            pieces = tuple(tokenizer.piece(token) for token in tokenizer.encode(word.replace("\u2581", " ")))
            best = sum(scores[piece.replace(" ", "\u2581")] for piece in pieces)
            assert splits[0][0] == pytest.approx(best, abs=1e-3)
            assert all("".join(split) == word.replace("\u2581", " ") for _, split in splits)
            assert [score for score, _ in splits] == sorted((score for score, _ in splits), reverse=True)
            assert len({split for _, split in splits}) == len(splits)


def test_a_chosen_tokenizer_splits_its_own_token(session: Session) -> None:
    text = "a cat and the cats"
    for name in ("scripts", "unigram", "characters"):
        request = ReplayMerges(text, 1, tokenizer=name)
        [word] = [event for event in replay_merges(session, request) if isinstance(event, MergeSteps)]
        assert bool(word.steps) == (name == "scripts")
        assert bool(word.splits) == (name == "unigram")
        pieces = word.steps[-1].pieces if word.steps else word.splits[0].pieces if word.splits else ()
        columns = [c for c in ask(session, CompareTokenizers(text, "", "")) if c.name == name]
        assert columns[0].tokens.pieces[word.first : word.first + len(pieces)] == pieces
        assert word.word == "".join(pieces) or not pieces


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
    answers = [event for event in compare_tokenizers(session, request) if isinstance(event, TokenizerColumn)]
    columns = {column.name: column for column in answers}
    assert len(columns) == len(answers)
    assert set(NAMES) - {"smollm2"} <= set(columns) <= set(NAMES)
    characters = columns["characters"]
    assert (characters.count, characters.english) == (7, 11)
    assert characters.japanese >= 4  # unseen characters are encoded as bytes
    assert (columns["utf8"].count, columns["utf8"].japanese) == (7, 12)
    for column in answers:
        assert column.tokens.text == request.text
        assert column.count == len(column.tokens.ids)


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
