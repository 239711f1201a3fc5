"""The selected token keeps its place in the text when the text or the tokenizer changes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine.messages.tokens import Tokens
from gui.state import AppState, same_place
from tests.gui.hands import recorded

TEXT = "The animal was tired. It slept."
WORDS = ("The", " animal", " was", " tired", ".", " It", " slept", ".")
LETTERS = tuple(TEXT)


def tokens_of(pieces: tuple[str, ...]) -> Tokens:
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int32)
    starts = np.concatenate(([0], ends[:-1])).astype(np.int32)
    ids = np.arange(len(pieces), dtype=np.int32)
    return Tokens("".join(pieces), ids, pieces, starts, ends, starts, ends, ("latin",) * len(pieces))


def by_bytes(text: str) -> Tokens:
    """Return three tokens for each character, as byte-level tokenizers do for kanji."""
    places = np.repeat(np.arange(len(text), dtype=np.int32), 3)
    ids = np.arange(len(places), dtype=np.int32)
    bytes_, kinds = ids.copy(), ("byte",) * len(ids)
    return Tokens(text, ids, tuple(f"<0x{i:02X}>" for i in ids), places, places + 1, bytes_, bytes_ + 1, kinds)


def test_the_word_stays_selected_under_another_tokenizer() -> None:
    state = AppState()
    state.set_tokens(tokens_of(WORDS))
    state.select_token(WORDS.index(" It"))
    moved = recorded(state.selection_changed)
    state.set_tokens(tokens_of(LETTERS))
    assert state.token is not None
    assert LETTERS[state.token : state.token + 2] == ("I", "t")  # the word, and not the space before it
    assert len(moved) == 1
    state.set_tokens(tokens_of(WORDS))
    assert state.token == WORDS.index(" It")


def test_the_word_is_selected_again_after_a_time_without_tokens() -> None:
    state = AppState()
    state.set_tokens(tokens_of(WORDS))
    state.select_token(5)
    state.set_tokens(None)  # the engine is started again
    assert state.token is None
    state.set_tokens(tokens_of(WORDS))
    assert state.token == 5


@pytest.mark.parametrize(
    ("pieces", "token"),
    [
        ((*WORDS, " Well", "."), 5),  # the text goes on
        (("Look", "!", " ", *WORDS), 8),  # it begins earlier
        (("Something", " else"), None),
        ((), None),
    ],
)
def test_a_changed_text_moves_the_selection_or_ends_it(pieces: tuple[str, ...], token: int | None) -> None:
    assert same_place(tokens_of(WORDS), 5, tokens_of(pieces)) == token


def test_each_token_of_one_character_stays_itself() -> None:
    cat = by_bytes("吾輩")
    assert [same_place(cat, token, cat) for token in range(6)] == list(range(6))
    assert [same_place(cat, token, tokens_of(("吾", "輩"))) for token in range(6)] == [0, 0, 0, 1, 1, 1]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_the_token_found_shares_a_character_with_the_selected_one(first: list[int], second: list[int]) -> None:
    text = ("a cat and a dog " * 5)[: min(sum(first), sum(second))]
    before, after = (tokens_of(cut(text, lengths)) for lengths in (first, second))
    for token in range(len(before.pieces)):
        found = same_place(before, token, after)
        assert found is not None
        assert max(before.starts[token], after.starts[found]) < min(before.ends[token], after.ends[found])


def cut(text: str, lengths: list[int]) -> tuple[str, ...]:
    pieces = []
    for length in lengths:
        pieces.append(text[:length])
        text = text[length:]
    return tuple(piece for piece in pieces if piece)
