"""The chips of a text: a character of several tokens is one chip with a part for each."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.tokens import Tokens
from gui.panes.tokens.token_flow import SIZES, TokenFlow
from gui.theme import LARGE
from gui.widgets.token_groups import MOST_PARTS, bytes_of, groups_of, text_of
from gui.widgets.token_strip import TokenStrip
from tests.gui.fakes import tokens_of
from tests.gui.hands import click, recorded, show


def byte_tokens(text: str) -> Tokens:
    """Return the tokens of a model that reads each character that is not ASCII byte by byte."""
    pieces: list[str] = []
    starts: list[int] = []
    for place, character in enumerate(text):
        data = character.encode()
        pieces += [character] if len(data) == 1 else [f"<0x{byte:02X}>" for byte in data]
        starts += [place] * len(data)
    first = np.array(starts, np.int32)
    ids = np.arange(len(pieces), dtype=np.int32)
    return Tokens(text, ids, tuple(pieces), first, first + 1, ids, ids + 1, ("byte",) * len(pieces))


def test_bytes_of_one_character_are_one_chip_with_the_character() -> None:
    tokens = byte_tokens("a吾é!")
    groups = groups_of(tokens)
    assert groups == [[0], [1, 2, 3], [4, 5], [6]]
    assert [text_of(tokens, group) for group in groups] == ["a", "吾", "é", "!"]


@given(text=st.text(max_size=30))
def test_every_token_is_in_one_group_in_its_order(text: str) -> None:
    groups = groups_of(byte_tokens(text))
    assert [index for group in groups for index in group] == list(range(len(text.encode())))
    assert all(len(group) <= MOST_PARTS for group in groups)


@pytest.mark.parametrize("width", [120, 600])
def test_each_part_of_a_character_can_be_clicked(qtbot: QtBot, width: int) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow(), width, 400)
    flow.set_tokens(byte_tokens("吾輩は猫である"))
    chosen, boxes = recorded(flow.selected), flow.page._boxes
    assert len(boxes) == 21
    for index in (0, 1, 2, 20):
        click(flow.page, boxes[index].center().toPoint() + QPoint(0, 8))
    assert chosen == [0, 1, 2, 20]
    assert len({boxes[index].top() for index in (0, 1, 2)}) == 1  # on one line
    assert boxes[0].right() == boxes[1].left()


def test_a_short_text_is_in_large_type_and_a_long_one_in_smaller(qtbot: QtBot) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow(), 600, 300)
    sizes = []
    for count in (3, 40, 150, 2000):
        flow.set_tokens(tokens_of("ab cd " * (count // 6 + 1)))
        sizes.append(flow.page.line.size)
        if count < 2000:
            assert flow.page.minimumHeight() <= flow.viewport().height() or sizes[-1] == LARGE
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (SIZES[0], LARGE)


def test_tokens_join_without_gaps_and_a_line_ends_with_its_line_break(qtbot: QtBot) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow(), 900, 400)
    flow.set_tokens(tokens_of("abc\nde"))
    boxes = flow.page._boxes
    assert [boxes[i].right() == boxes[i + 1].left() for i in range(3)] == [True] * 3
    assert boxes[4].left() == 0
    assert boxes[4].top() > boxes[3].top()


def test_a_text_is_no_higher_than_allowed_and_no_higher_than_it_needs(qtbot: QtBot) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow(), 600, 300)
    flow.set_tokens(tokens_of("word"))
    flow.set_most(200)
    assert flow.height() == flow.page.minimumHeight() <= 200
    flow.set_tokens(tokens_of("a long text " * 200))
    assert flow.height() == 200 < flow.page.minimumHeight()


def test_bytes_of_a_known_character_are_shown_below_it(qtbot: QtBot) -> None:
    digits = np.arange(2, dtype=np.int32)
    tokens = Tokens("20", digits, ("<0x32>", "<0x30>"), digits, digits + 1, digits, digits + 1, ("byte",) * 2)
    assert [text_of(tokens, [i]) for i in (0, 1)] == ["2", "0"]
    assert [bytes_of(tokens, i) for i in (0, 1)] == ["32", "30"]
    assert [bytes_of(tokens_of("a"), 0)] == [""]


def test_arrow_keys_move_the_selection_through_the_text(qtbot: QtBot) -> None:
    flow: TokenFlow = show(qtbot, TokenFlow(), 600, 300)
    flow.set_tokens(tokens_of("abc"))
    flow.selected.connect(flow.set_current)
    for key, expected in (("Right", 0), ("Right", 1), ("End", 2), ("Left", 1), ("Escape", None)):
        QTest.keyClick(flow.page, getattr(Qt.Key, f"Key_{key}"))
        assert flow.page.current == expected


def test_the_strip_draws_a_character_of_several_tokens_once_with_its_bytes(qtbot: QtBot) -> None:
    strip: TokenStrip = show(qtbot, TokenStrip(), 600, 46)
    strip.set_tokens(byte_tokens("a吾b"))
    assert [strip._words(group) for group in strip._groups] == ["a", "吾", "b"]
    assert [strip._number(index) for index in range(5)] == ["0", "E5", "90", "BE", "4"]
    spans = [strip._span(index) for index in range(5)]
    assert [left == right for (_, right), (left, _) in pairwise(spans)] == [False, True, True, False]
    chosen = recorded(strip.selected)
    for left, right in spans:
        click(strip, QPoint(round((left + right) / 2), 40))
    assert chosen == [0, 1, 2, 3, 4]


def test_the_strip_writes_a_byte_that_is_a_whole_character_as_that_character(qtbot: QtBot) -> None:
    place = np.arange(1, dtype=np.int32)
    strip: TokenStrip = show(qtbot, TokenStrip(), 600, 46)
    strip.set_tokens(Tokens("2", place, ("<0x32>",), place, place + 1, place, place + 1, ("byte",)))
    assert (strip._words([0]), strip._number(0)) == ("2", "32")
