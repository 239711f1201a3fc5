"""Texts coloured by reward: where each token is painted, in which colour, and what is said of it."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from engine.messages.choices import RewardedText, RewardFitted, WordEffect
from gui.colormaps import difference_color
from gui.panes.tuning.reward_picture import SIZES, Coloured, RewardPicture, Token
from gui.panes.tuning.reward_sentence import CLEAR, accuracy_words, learned_words
from gui.theme import DARK
from tests.gui.hands import Hover, look, painted, plain, show

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.lists(st.sampled_from([" cat", "s", "猫", " extraordinarily", ".", "\n", ""]), min_size=1, max_size=60)


def coloured(words: list[str], parts: list[float] | None = None, heading: str = "Answer 1") -> Coloured:
    values = np.array(parts if parts is not None else np.linspace(-1, 1, len(words)), np.float32)
    rewards = (np.cumsum(values) / np.arange(1, len(values) + 1)).astype(np.float32)
    return Coloured(heading, RewardedText(tuple(words), tuple(words), rewards, values, changed=False))


@pytest.fixture
def picture(qtbot: QtBot) -> RewardPicture:
    shown: RewardPicture = show(qtbot, RewardPicture(), 700, 400)
    shown.show_texts([coloured([" I", " am", " glad"], [0.0, -1.0, 2.0]), coloured([" No"], [0.5], "Answer 2")])
    return shown


def tokens(picture: RewardPicture, row: int) -> list[Token]:
    return [token for token in picture._tokens if token.row == row]


@QUICK
@given(texts=st.lists(WORDS, min_size=1, max_size=4), width=st.integers(120, 1600), height=st.integers(60, 900))
def test_tokens_keep_their_order_and_never_overlap(
    picture: RewardPicture, texts: list[list[str]], width: int, height: int
) -> None:
    picture.resize(width, height)
    picture.show_texts([coloured(words) for words in texts])
    for row, words in enumerate(texts):
        placed = tokens(picture, row)
        assert [token.index for token in placed] == list(range(len(words)))
        for before, after in pairwise(placed):
            same_line = before.box.top() == after.box.top()
            assert before.box.right() <= after.box.left() if same_line else before.box.bottom() <= after.box.top()
        assert all(token.box.left() >= 0 and token.box.right() <= width + 1e-6 for token in placed)
    lasts = [max(token.box.bottom() for token in tokens(picture, row)) for row in range(len(texts))]
    firsts = [min(token.box.top() for token in tokens(picture, row)) for row in range(len(texts))]
    assert all(last <= first for last, first in zip(lasts, firsts[1:], strict=False))
    if picture._size > min(SIZES):  # a smaller type would have been tried
        assert lasts[-1] <= height


def test_type_is_larger_where_there_is_more_room(picture: RewardPicture) -> None:
    sizes = []
    for height in (120, 400, 900):
        picture.resize(700, height)
        sizes.append(picture._size)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_all_texts_share_one_scale_of_colours(picture: RewardPicture) -> None:
    parts = {(token.row, token.words.strip()): picture.color_of(token) for token in picture._tokens}
    assert parts[0, "I"] == difference_color(0.0)
    assert parts[0, "am"] == difference_color(-1.0 / picture.full)
    assert parts[1, "No"] == difference_color(0.5 / picture.full)
    for token in picture._tokens:
        mask, box = painted(picture, picture.color_of(token)), token.box.toRect().adjusted(2, 2, -2, -2)
        assert mask[box.top() : box.bottom(), box.left() : box.right()].mean() > 0.3, token


def test_a_text_without_any_reward_has_the_neutral_colour(picture: RewardPicture) -> None:
    picture.show_texts([coloured([" a", " b"], [0.0, 0.0])])
    assert {picture.color_of(token).name() for token in picture._tokens} == {difference_color(0.0).name()}


def test_the_reward_of_a_text_is_that_after_its_last_token(picture: RewardPicture, hover: Hover) -> None:
    described = plain(picture.accessibleDescription()).split("\n")
    assert len(described) == 2
    assert "Answer 1" in described[0]
    assert "+0.33" in described[0]  # the mean of 0, -1 and 2
    assert "+0.50" in described[1]
    last = tokens(picture, 0)[-1]
    assert all(words in hover(picture, last.box.center().toPoint()) for words in ("glad", "+2.00", "+0.33"))
    assert picture.describe_at(QPoint(picture.width() - 1, picture.height() - 1)) == ""


def test_nothing_is_painted_without_a_text(picture: RewardPicture) -> None:
    look(DARK)
    picture.grab()
    picture.show_texts([])
    picture.grab()
    assert picture.accessibleDescription() == ""
    assert Coloured("", coloured([], []).text).reward == 0.0


# --- In words -----------------------------------------------------------------------------------------


@given(
    accuracy=st.none() | st.floats(0, 1),
    length=st.floats(-1, 1),
    chance=st.floats(0, 1),
    correlation=st.none() | st.floats(-1, 1).filter(bool),
)
def test_what_was_learned_is_claimed_only_if_the_numbers_say_so(
    accuracy: float | None, length: float, chance: float, correlation: float | None
) -> None:
    words = () if correlation is None else (WordEffect(" glad", correlation, 2 * correlation, 5),)
    found = RewardFitted(12, accuracy, length, 0.5, words, chance, (), 1)
    learned, predicts = plain(learned_words(found)), plain(accuracy_words(found))
    by_length = abs(length) >= max(CLEAR, chance)
    if "glad" in learned:
        assert correlation is not None
        assert not by_length or abs(correlation) >= abs(length)
    elif "mostly likes" in learned:
        assert ("long" in learned) == (length > 0)
        assert by_length
        assert correlation is None or abs(length) > abs(correlation)
    else:
        assert not by_length
        assert correlation is None
    shares = [int(share) for share in re.findall(r"(\d+) %", predicts)]
    assert shares[:1] == ([] if accuracy is None else [pytest.approx(100 * accuracy, abs=1)])
