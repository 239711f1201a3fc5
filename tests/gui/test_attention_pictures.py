"""The attention matrix. A click finds what is drawn there."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.colormaps import color_of
from gui.text import visible
from gui.theme import LIGHT, Theme
from gui.widgets.heatmap import Heatmap, labelled_tokens
from tests.gui.hands import (
    LARGE_TYPE,
    LEFT,
    NO_KEY,
    Hover,
    area_of,
    click,
    drag,
    look,
    painted,
    pixels,
    plain,
    press,
    recorded,
    show,
    turn_wheel,
    where,
)

# --- Heatmap -------------------------------------------------------------------------------------------


PIECES = ("The", " cat", " sat", " on", " the", " mat")


def one_cell(query: int, key: int, count: int = len(PIECES)) -> np.ndarray:
    weights = np.zeros((count, count), np.float32)
    weights[query, key] = 1.0
    return weights


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
@pytest.mark.parametrize("size", [(220, 180), (600, 400), (1200, 300)])
@pytest.mark.parametrize(("query", "key"), [(0, 0), (3, 1), (5, 0), (5, 5)])
def test_a_cell_is_clicked_and_described_where_it_is_drawn(
    qtbot: QtBot, hover: Hover, query: int, key: int, size: tuple[int, int], theme: Theme
) -> None:
    heatmap = show(qtbot, Heatmap(), *size)
    look(theme)
    heatmap.set_data(one_cell(query, key), PIECES, None)
    chosen, place = recorded(heatmap.row_chosen), where(heatmap, color_of(1.0))
    click(heatmap, place)
    assert chosen == [query]
    assert hover(heatmap, place) == f"{visible(PIECES[query])} → {visible(PIECES[key])}  100.0 %"


def test_cells_above_the_diagonal_have_no_tooltip(qtbot: QtBot, hover: Hover) -> None:
    heatmap = show(qtbot, Heatmap())
    heatmap.set_data(one_cell(0, 0), PIECES, None)
    first = where(heatmap, color_of(1.0))
    heatmap.set_data(one_cell(5, 5), PIECES, None)
    last = where(heatmap, color_of(1.0))
    assert hover(heatmap, QPoint(last.x(), first.y())) == ""
    assert hover(heatmap, QPoint(1, 1)) == ""
    assert hover(heatmap, QPoint(first.x(), last.y())) == "␣mat → The  0.0 %"


def test_arrow_keys_move_through_the_rows_and_stop_at_the_ends(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    chosen = recorded(heatmap.row_chosen)
    for row, key, expected in (
        (2, Qt.Key.Key_Up, [1]),
        (2, Qt.Key.Key_Down, [3]),
        (0, Qt.Key.Key_Up, []),
        (5, Qt.Key.Key_Down, []),
    ):
        chosen.clear()
        heatmap.set_data(one_cell(0, 0), PIECES, row)
        press(heatmap, key)
        assert chosen == expected


def test_the_chosen_row_is_framed_and_described(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    heatmap.set_data(one_cell(4, 2), PIECES, None)
    cell = where(heatmap, color_of(1.0))
    heatmap.set_data(one_cell(4, 2), PIECES, 4)
    frame = area_of(painted(heatmap, LIGHT.color("accent")))
    assert frame.top() < cell.y() < frame.bottom()
    assert frame.left() < cell.x() < frame.right()
    assert plain(heatmap.accessibleDescription()) == "␣the → ␣sat  100.0 %"


def test_the_wheel_zooms_around_the_mouse_and_a_double_click_resets(qtbot: QtBot, hover: Hover) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(30, 10, 40), names, None)
    whole, place = area_of(painted(heatmap, color_of(1.0))), where(heatmap, color_of(1.0))
    turn_wheel(heatmap, place, 5)
    enlarged = area_of(painted(heatmap, color_of(1.0)))
    assert enlarged.width() > 2 * whole.width()
    assert enlarged.contains(place)
    assert hover(heatmap, place) == "t30 → t10  100.0 %"
    QTest.mouseDClick(heatmap, LEFT, NO_KEY, place)
    assert area_of(painted(heatmap, color_of(1.0))) == whole


def test_an_enlarged_heatmap_cannot_be_dragged_out_of_view(qtbot: QtBot, hover: Hover) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 10, 40), names, None)
    turn_wheel(heatmap, where(heatmap, color_of(1.0)), 5)
    place = where(heatmap, color_of(1.0))
    drag(heatmap, place, place + QPoint(10, 4), place + QPoint(20, 8))
    assert (where(heatmap, color_of(1.0)) - place - QPoint(20, 8)).manhattanLength() <= 2
    drag(heatmap, place, place + QPoint(5000, 5000))
    heatmap.set_data(one_cell(0, 0, 40), names, None)  # the key farthest from the last query
    assert hover(heatmap, where(heatmap, color_of(1.0))) == "t0 → t0  100.0 %"


def test_keys_zoom_the_heatmap(qtbot: QtBot) -> None:
    heatmap, names = show(qtbot, Heatmap()), tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 20, 40), names, None)
    before = area_of(painted(heatmap, color_of(1.0)))
    QTest.keyClicks(heatmap, "+++")
    nearer = area_of(painted(heatmap, color_of(1.0)))
    QTest.keyClicks(heatmap, "-")
    farther = area_of(painted(heatmap, color_of(1.0)))
    assert nearer.width() > farther.width() > before.width()
    QTest.keyClicks(heatmap, "0")
    assert area_of(painted(heatmap, color_of(1.0))) == before


def test_another_text_of_the_same_length_keeps_the_view_and_a_longer_one_does_not(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap())
    names = tuple(f"t{n}" for n in range(40))
    heatmap.set_data(one_cell(20, 20, 40), names, None)
    QTest.keyClicks(heatmap, "+++")
    enlarged = area_of(painted(heatmap, color_of(1.0)))
    heatmap.set_data(one_cell(20, 20, 40), names[::-1], None)
    assert area_of(painted(heatmap, color_of(1.0))).width() == enlarged.width()
    heatmap.set_data(one_cell(20, 20, 41), (*names, "x"), None)
    assert area_of(painted(heatmap, color_of(1.0))).width() < enlarged.width()


def test_no_label_of_the_heatmap_is_cut_off_at_the_edge(qtbot: QtBot) -> None:
    heatmap = show(qtbot, Heatmap(), 1000, 220)
    heatmap.set_data(one_cell(0, 0), tuple(f" internationalisation{n}" for n in range(6)), None)
    edge = pixels(heatmap)[0]
    assert (edge == edge[0]).all()


@pytest.mark.parametrize("theme", [LIGHT, LARGE_TYPE], ids=["normal", "large type"])
@pytest.mark.parametrize("size", [(160, 140), (220, 180), (600, 400), (1200, 300)])
def test_labels_do_not_cover_the_cells_of_the_heatmap(qtbot: QtBot, size: tuple[int, int], theme: Theme) -> None:
    heatmap = show(qtbot, Heatmap(), *size)
    look(theme)
    areas = []
    for diagonal in range(6):
        heatmap.set_data(one_cell(diagonal, diagonal), PIECES, None)
        lit = painted(heatmap, color_of(1.0))
        areas.append(area_of(lit))
        inner = areas[-1].adjusted(1, 1, -1, -1)
        assert lit[inner.top() : inner.bottom(), inner.left() : inner.right()].all()
    assert max(area.width() for area in areas) - min(area.width() for area in areas) <= 2
    assert max(area.height() for area in areas) - min(area.height() for area in areas) <= 2


@pytest.mark.parametrize("query", range(30, 38))
def test_the_selected_query_and_its_strongest_key_are_labelled_in_a_small_heatmap(qtbot: QtBot, query: int) -> None:
    heatmap, key = show(qtbot, Heatmap(), 260, 260), query - 20
    heatmap.set_data(one_cell(query, key, 60), tuple(f"token{n}" for n in range(60)), query)
    box, accent = heatmap._matrix(), painted(heatmap, LIGHT.color("accent"))
    assert accent[:, : int(box.left()) - 2].any()
    assert accent[: int(box.top()) - 2].any()


@given(count=st.integers(1, 200), every=st.integers(1, 20), data=st.data())
def test_no_label_of_an_axis_overlaps_another(count: int, every: int, data: st.DataObject) -> None:
    chosen = data.draw(st.none() | st.integers(0, count - 1))
    labelled = sorted(labelled_tokens(count, every, chosen))
    assert chosen is None or chosen in labelled
    assert all(after - before >= every for before, after in pairwise(labelled))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize("size", [(700, 400), (900, 700), (400, 400)])
def test_the_scale_covers_no_weight(qtbot: QtBot, count: int, size: tuple[int, int]) -> None:
    heatmap = show(qtbot, Heatmap(), *size)
    heatmap.set_data(np.tril(np.ones((count, count), np.float16)), ("a",) * count, None)
    box, scale = heatmap._matrix(), heatmap.scale_box()
    cell = box.width() / count
    for query in range(count):
        row = QRectF(box.left(), box.top() + query * cell, (query + 1) * cell, cell)
        assert not row.intersects(scale), query
