"""The text on one line with arcs: what is shown of a long text, where words are, and the motion between two words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.colormaps import share_color
from gui.panes.attention.arcs import AttentionArcs
from gui.panes.attention.line import placed, tokens_in_room
from gui.theme import DARK, LIGHT, Theme
from tests.gui.hands import LARGE_TYPE, Hover, click, look, painted, plain, point, press, recorded, show

PIECES = ("The", " animal", " lives", " in", " the", " forest", ".", " It")


def pattern(count: int = len(PIECES)) -> np.ndarray:
    """Return weights in which the last row looks at 1 (75 %), 0 (12.5 %) and 5 (12.5 %), and row 5 only at 2."""
    weights = np.eye(count, dtype=np.float32)
    weights[-1] = 0
    weights[-1, [1, 0, 5]] = 0.75, 0.125, 0.125
    weights[5] = 0
    weights[5, 2] = 1
    return weights


@pytest.fixture
def arcs(qtbot: QtBot) -> Any:
    made = show(qtbot, AttentionArcs(), 900, 300)
    made.set_data(pattern(), PIECES, 7)
    return made


def middle(arcs: Any, token: int) -> QPoint:
    return QPoint(round(arcs._x(token)), round(arcs.top + arcs.line_height / 2))


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_a_word_is_chosen_by_a_click(arcs: Any, theme: Theme) -> None:
    look(theme)
    chosen = recorded(arcs.row_chosen)
    visible = [place.first for place in arcs.places if not place.left_out]
    for token in visible:
        click(arcs, middle(arcs, token))
    assert chosen == visible


def test_below_each_word_is_the_colour_of_its_share(arcs: Any) -> None:
    for key, share in ((1, 0.75), (0, 0.125), (5, 0.125), (2, 0.0)):
        columns = np.flatnonzero(painted(arcs, share_color(share)).any(axis=0))
        assert columns.min() <= middle(arcs, key).x() <= columns.max()


def test_an_arc_is_as_thick_as_its_share(qtbot: QtBot, arcs: Any) -> None:
    weights = np.eye(8, dtype=np.float32)
    weights[7] = [0.5, 0, 0, 0, 0, 0, 0, 0.5]
    thick = []
    for share in (0.25, 0.5, 1.0):
        weights[7] = [share, 0, 0, 0, 0, 0, 0, 0]
        arcs.set_data(weights, PIECES, 7)
        qtbot.waitUntil(lambda: arcs._now()[1][0] == weights[7, 0])
        halfway = round((arcs._x(0) + arcs._x(7)) / 2)
        column = arcs.grab().toImage()
        blank = column.pixelColor(0, 0)
        thick.append(sum(column.pixelColor(halfway, y) != blank for y in range(round(arcs.top) - 4)))
    assert thick[1] / thick[0] == pytest.approx(2, rel=0.35)
    assert thick[2] / thick[1] == pytest.approx(2, rel=0.2)


def test_the_arcs_bend_to_the_word_under_the_mouse_and_back(qtbot: QtBot, arcs: Any) -> None:
    point(arcs, middle(arcs, 5))
    assert arcs.source == 5
    foot, _ = arcs._now()
    assert foot == pytest.approx(arcs._x(7), abs=1)  # the motion has only begun
    qtbot.waitUntil(lambda: arcs._now()[0] == arcs._x(5))
    assert np.array_equal(arcs._now()[1], pattern()[5])  # it ends at the computed weights
    QApplication.sendEvent(arcs, QEvent(QEvent.Type.Leave))
    qtbot.waitUntil(lambda: np.array_equal(arcs._now()[1], pattern()[7]))
    assert arcs._now()[0] == arcs._x(7)


def test_another_text_is_shown_at_once(arcs: Any) -> None:
    weights = np.eye(3, dtype=np.float32)
    arcs.set_data(weights, ("a", "b", "c"), 2)
    assert np.array_equal(arcs._now()[1], weights[2])


def test_arrow_keys_move_to_the_words_beside_and_stop_at_the_ends(arcs: Any) -> None:
    chosen = recorded(arcs.row_chosen)
    press(arcs, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Home)
    arcs.set_data(pattern(), PIECES, 0)
    press(arcs, Qt.Key.Key_Left, Qt.Key.Key_Right)
    assert chosen == [6, 0, 1]


def test_the_three_largest_shares_are_described(arcs: Any) -> None:
    assert plain(arcs.accessibleDescription()) == "It looks at: animal 75.0 %, The 12.5 %, forest 12.5 %"


def test_of_a_long_text_the_selected_word_and_what_it_looks_at_are_shown(qtbot: QtBot) -> None:
    arcs = show(qtbot, AttentionArcs(), 700, 250)
    weights = np.eye(600, dtype=np.float32)
    weights[400] = 0
    weights[400, [3, 150, 399]] = 0.5, 0.25, 0.25
    arcs.set_data(weights, tuple(f" word{n}" for n in range(600)), 400)
    shown = {place.first for place in arcs.places if not place.left_out}
    assert {3, 150, 399, 400} <= shown
    assert arcs.places[-1].x + arcs.places[-1].width <= 700
    assert not arcs.grab().isNull()


@given(widths=st.lists(st.floats(5, 200), min_size=1, max_size=300), room=st.floats(50, 2000), data=st.data())
def test_what_is_shown_of_a_text_fits(widths: list[float], room: float, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(widths) - 1))
    keys = data.draw(st.lists(st.integers(0, row), max_size=3, unique=True))
    gap = 20.0
    shown = tokens_in_room(widths, row, keys, room, gap)
    assert row in shown
    assert shown == sorted(set(shown))
    places = placed(widths, [0.0] * len(widths), shown, gap)
    assert [place.first for place in places if not place.left_out] == shown
    assert sorted(n for place in places for n in range(place.first, place.last + 1)) == list(range(len(widths)))
    end = places[-1].x + places[-1].width
    assert end <= room + 1e-6 or len(shown) == 1


def test_an_arc_to_a_word_that_is_left_out_ends_at_its_gap_with_its_name(qtbot: QtBot, hover: Hover) -> None:
    arcs = show(qtbot, AttentionArcs(), 700, 250)
    weights = np.eye(600, dtype=np.float32)
    weights[401] = 0
    weights[401, 200] = 1.0
    arcs.set_data(weights, tuple(f" word{n}" for n in range(600)), 400)
    gap = arcs._place(200)
    assert gap.left_out
    assert gap.first <= 200 <= gap.last
    point(arcs, middle(arcs, 401) if not arcs._place(401).left_out else middle(arcs, 400))
    assert arcs._x(200) == gap.middle


def test_the_mouse_elsewhere_shows_the_selected_word_again(qtbot: QtBot, arcs: Any, hover: Hover) -> None:
    point(arcs, middle(arcs, 5))
    assert "forest looks at: lives 100.0 %" in hover(arcs, middle(arcs, 5))
    point(arcs, QPoint(5, 5))
    assert arcs.source == 7
    assert hover(arcs, QPoint(5, 5)) == ""
