"""The pictures of attention: heatmap, mosaic, lines and steps. A click finds what is drawn there."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.messages.attention import HEAD_KINDS, ExplainAttention
from gui.colormaps import color_of
from gui.i18n import percent, t
from gui.panes.attention.badges import HeadBadges
from gui.panes.attention.lines import MOST_QUERIES, AttentionLines
from gui.panes.attention.mosaic import LEAST, SMALLEST, Mosaic, grid_for
from gui.panes.attention.steps import MOST_KEYS, AttentionStepsView, scaling
from gui.text import visible
from gui.theme import DARK, LIGHT, Theme
from gui.widgets.heatmap import Heatmap, labelled_tokens
from tests.gui.fakes import attention_steps
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


# --- Mosaic --------------------------------------------------------------------------------------------


def heads(layers: int, count: int, lit: tuple[int, int]) -> list[np.ndarray]:
    weights = [np.zeros((count, 4, 4), np.float32) for _ in range(layers)]
    weights[lit[0]][lit[1]] = 1.0
    return weights


@pytest.mark.parametrize(
    ("layers", "count", "lit"),
    [(1, 1, (0, 0)), (2, 3, (1, 2)), (12, 12, (7, 0)), (12, 12, (0, 11)), (28, 16, (27, 15)), (36, 32, (20, 9))],
)
def test_a_head_is_clicked_where_it_is_drawn(qtbot: QtBot, layers: int, count: int, lit: tuple[int, int]) -> None:
    mosaic = show(qtbot, Mosaic(), 240, 240)
    mosaic.set_weights(heads(layers, count, lit))
    mosaic.set_current(*lit)  # scrolls there
    chosen, picture = recorded(mosaic.chosen), painted(mosaic, color_of(1.0))
    assert picture.any(), "the head cannot be seen"
    rows, columns = np.nonzero(picture)
    click(mosaic, QPoint(int(np.median(columns)), int(np.median(rows))))
    assert chosen == [lit]


def test_arrow_keys_move_through_the_heads_and_stop_at_the_edges(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 240, 240)
    mosaic.set_weights(heads(2, 3, (0, 0)))
    mosaic.chosen.connect(mosaic.set_current)
    way = []
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, *[Qt.Key.Key_Right] * 3, Qt.Key.Key_Down, Qt.Key.Key_Down):
        press(mosaic, key)
        way.append((mosaic.layer, mosaic.head))
    assert way == [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2), (1, 2), (1, 2)]
    assert mosaic.accessibleDescription() == "Layer 2, head 3"


def test_the_chosen_head_is_framed(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 300, 200)
    mosaic.set_weights(heads(2, 3, (1, 2)))
    mosaic.set_current(1, 2)
    picture, frame = where(mosaic, color_of(1.0)), area_of(painted(mosaic, LIGHT.color("accent")))
    assert frame.contains(picture)
    assert frame.width() < 110


@pytest.mark.parametrize("size", [(300, 200), (60, 40)], ids=["with words", "a dot"])
def test_a_badge_is_drawn_on_its_head(qtbot: QtBot, size: tuple[int, int]) -> None:
    mosaic = show(qtbot, Mosaic(), *size)
    mosaic.set_weights(heads(2, 3, (1, 1)))
    mosaic.set_badges({(0, 1): ("prev", "#ff00ff"), (7, 7): ("gone", "#00ffff")})
    chosen = recorded(mosaic.chosen)
    click(mosaic, where(mosaic, QColor("#ff00ff")))
    assert chosen == [(0, 1)]
    assert not painted(mosaic, QColor("#00ffff")).any()


@pytest.mark.parametrize("layers", [12, 30, 40])
@pytest.mark.parametrize("size", [(180, 190), (440, 350), (900, 1000)], ids=["a tile", "a small window", "a large one"])
def test_every_head_of_a_deep_model_is_large_enough_and_comes_into_view(
    qtbot: QtBot, layers: int, size: tuple[int, int]
) -> None:
    mosaic = show(qtbot, Mosaic(), *size)
    mosaic.set_weights(heads(layers, 9, (0, 0)))
    for layer in (0, layers - 1, layers // 2):
        for head in (0, 8):
            mosaic.set_current(layer, head)
            cell = mosaic._cell(layer, head)
            assert mosaic.rect().contains(cell.toAlignedRect()), (layer, head)
            assert mosaic.grid.side >= SMALLEST
    assert size[0] < 200 or mosaic.grid.side >= LEAST


@settings(max_examples=200, deadline=None)
@given(layers=st.integers(1, 100), count=st.integers(1, 128), width=st.integers(60, 2500), height=st.integers(60, 1400))
def test_the_grid_of_any_model_finds_each_head_and_is_as_wide_as_the_mosaic(
    layers: int, count: int, width: int, height: int
) -> None:
    grid = grid_for(layers, count, (width, height), (20, 14), LEAST, SMALLEST)
    for layer, head in ((0, 0), (layers - 1, count - 1), (layers // 2, count // 2)):
        cell = grid.cell(layer, head)
        assert grid.at(cell.center()) == (layer, head)
        assert cell.left() >= 0
        assert cell.right() <= width + 1
        assert cell.bottom() <= grid.height + 1e-6
    assert grid.side >= SMALLEST or grid.across == 1


def test_a_mosaic_that_fits_has_no_scroll_bar_and_keys_move_by_pages(qtbot: QtBot) -> None:
    mosaic = show(qtbot, Mosaic(), 400, 300)
    mosaic.set_weights(heads(4, 4, (0, 0)))
    assert not mosaic.bar.isVisible()
    mosaic.set_weights(heads(30, 9, (0, 0)))
    assert mosaic.bar.isVisible()
    mosaic.chosen.connect(mosaic.set_current)
    places = []
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_Home):
        press(mosaic, key)
        places.append(mosaic.layer)
    assert places == [5, 29, 24, 0]


def test_the_wheel_scrolls_the_mosaic_and_hovering_names_the_head(qtbot: QtBot, hover: Hover) -> None:
    mosaic = show(qtbot, Mosaic(), 400, 300)
    mosaic.set_weights(heads(30, 9, (0, 0)))
    turn_wheel(mosaic, QPoint(100, 100), -5)
    assert mosaic.bar.value() > 0
    layer = next(layer for layer in range(30) if mosaic._cell(layer, 3).top() > 150)
    assert hover(mosaic, mosaic._cell(layer, 3).center().toPoint()) == f"Layer {layer + 1}, head 4"


# --- Attention: lines and steps ------------------------------------------------------------------------


@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_a_query_is_chosen_by_a_click_at_its_row(qtbot: QtBot, theme: Theme) -> None:
    lines = show(qtbot, AttentionLines(), 500, 400)
    look(theme)
    chosen = recorded(lines.row_chosen)
    for row in range(6):
        lines.set_data(np.eye(6, dtype=np.float32), PIECES, row)
        click(lines, where(lines, theme.color("accent")))
    assert chosen == [0, 1, 2, 3, 4, 5]


def test_arrow_keys_move_through_the_queries_and_stop_at_the_ends(qtbot: QtBot) -> None:
    lines = show(qtbot, AttentionLines(), 500, 400)
    chosen = recorded(lines.row_chosen)
    for row, key in ((0, Qt.Key.Key_Up), (0, Qt.Key.Key_Down), (5, Qt.Key.Key_Down), (5, Qt.Key.Key_Up)):
        lines.set_data(np.eye(6, dtype=np.float32), PIECES, row)
        press(lines, key)
    assert chosen == [1, 4]
    click(lines, QPoint(250, 2))  # the headings
    click(lines, QPoint(250, 398))
    assert chosen == [1, 4]


@pytest.mark.parametrize(("count", "drawn"), [(12, 12), (MOST_QUERIES + 1, 1)])
def test_only_the_chosen_lines_are_drawn_for_a_long_text(qtbot: QtBot, count: int, drawn: int) -> None:
    lines = show(qtbot, AttentionLines(), 500, 18 * count + 60)
    lines.set_data(np.eye(count, dtype=np.float32), ("x",) * count, 3)
    column = pixels(lines)[:, 250]
    other = column != column[-1]
    assert np.count_nonzero(np.diff(other.astype(int)) == 1) == drawn


@pytest.mark.parametrize("kind", ["lines", "steps"])
def test_rows_are_taller_with_larger_type(qtbot: QtBot, kind: str) -> None:
    view: Any
    if kind == "lines":
        view = show(qtbot, AttentionLines())
        view.set_data(np.eye(6, dtype=np.float32), PIECES, 3)
    else:
        view = show(qtbot, AttentionStepsView())
        [steps] = attention_steps(ExplainAttention("abcdef", 0, 5))
        view.set_data(steps, 0, PIECES)
    before = view.minimumHeight()
    look(LARGE_TYPE)
    assert view.minimumHeight() > 1.7 * before
    look(LIGHT)
    assert view.minimumHeight() == before


def steps_view(qtbot: QtBot, query: int = 5, head: int = 1, width: int = 700) -> tuple[AttentionStepsView, Any]:
    pieces = tuple(f"t{i}" for i in range(query + 3))
    [steps] = attention_steps(ExplainAttention("x" * len(pieces), 0, query))
    view: AttentionStepsView = show(qtbot, AttentionStepsView(), width, 500)
    view.set_data(steps, head, pieces)
    return view, steps


def test_every_number_of_the_steps_has_its_exact_value_in_a_tooltip(qtbot: QtBot, hover: Hover) -> None:
    view, steps = steps_view(qtbot)
    view.grab()  # the first painting places the numbers
    described = {
        hover(view, QPointF(box.left() + box.width() * 0.99, box.center().y()).toPoint()) for box, _, _ in view._strips
    }
    for key in range(6):
        assert f"k  t{key} [4] = {steps.k[1, key, -1]:.4f}" in described
        assert f"v  t{key} [4] = {steps.v[1, key, -1]:.4f}" in described
    assert f"x [12] = {steps.input[-1]:.4f}" in described
    assert f"sum of weights × values [4] = {steps.heads[1, -1]:.4f}" in described
    assert hover(view, QPoint(1, 499)) == ""


def test_heads_that_share_keys_show_the_shared_keys(qtbot: QtBot) -> None:
    view, steps = steps_view(qtbot)
    four = {name: getattr(steps, name)[[0, 1, 2, 0]] for name in ("q", "scaled", "weights", "heads")}
    grouped = replace(steps, k=steps.k[:2], v=steps.v[:2], **four)
    for head, group in enumerate((0, 0, 1, 1)):
        view.set_data(grouped, head, PIECES)
        view.grab()
        strip = next(values for _, name, values in view._strips if name == "k  The")
        assert strip.tolist() == steps.k[group, 0].tolist()


def test_the_formula_of_the_scores_is_that_of_the_model(qtbot: QtBot) -> None:
    view, steps = steps_view(qtbot)
    assert scaling(steps) == "÷ √d_k"
    assert scaling(replace(steps, scale=0.0625)) == "÷ √256"
    gemma2 = replace(steps, scale=0.0625, cap=50.0, scaled=np.zeros_like(steps.scaled))
    assert scaling(gemma2) == "÷ √256, ± 50"
    view.set_data(gemma2, 1, PIECES)
    assert np.allclose(view._of_head()["raw"], steps.k[1] @ steps.q[1])  # not from the scores, which are capped


def test_the_newest_keys_are_shown_for_a_very_long_text(qtbot: QtBot) -> None:
    view, _ = steps_view(qtbot, query=MOST_KEYS + 50)
    assert len(view.pieces) == MOST_KEYS
    assert view.pieces[-1] == f"t{MOST_KEYS + 50}"


def test_the_bar_of_a_key_is_as_long_as_its_weight(qtbot: QtBot) -> None:
    view, steps = steps_view(qtbot, width=1200)
    weights = np.zeros_like(steps.weights)
    weights[1, 2], weights[1, 4] = 0.75, 0.25
    view.set_data(replace(steps, weights=weights), 1, PIECES)
    accent = painted(view, LIGHT.color("accent"))
    x = np.flatnonzero(accent.sum(0))
    column = accent[:, x[x > 600]]
    lengths = sorted({int(n) for n in column.sum(1)} - {0}, reverse=True)
    assert lengths[0] / lengths[1] == pytest.approx(3.0, rel=0.05)


def test_a_kind_that_would_name_most_heads_names_none(qtbot: QtBot) -> None:
    badges = HeadBadges()
    qtbot.addWidget(badges)
    scores = np.full((len(HEAD_KINDS), 3, 3), 0.1, np.float32)
    scores[HEAD_KINDS.index("first")] = 0.9
    scores[HEAD_KINDS.index("previous"), 1, 2] = 0.6
    badges.set_scores(scores)
    assert {place: words for place, (words, _) in badges.badges().items()} == {(1, 2): "prev"}


def test_the_badges_have_all_long_or_all_short_names(qtbot: QtBot) -> None:
    badges = HeadBadges()
    qtbot.addWidget(badges)
    badges.set_scores(np.full((len(HEAD_KINDS), 2, 2), 0.5, np.float32))
    badges.show()
    seen = set()
    for width in range(100, 500, 20):
        badges.resize(width, 70)
        words = tuple(button.text() for button in badges.buttons)
        short = tuple(
            t("pane.attention.badges.best", name=t(f"pane.attention.badges.short.{k}"), percent=percent(0.5))
            for k in HEAD_KINDS
        )
        whole = tuple(
            t("pane.attention.badges.best", name=t(f"pane.attention.badges.name.{k}"), percent=percent(0.5))
            for k in HEAD_KINDS
        )
        assert words in (short, whole)
        seen.add(words)
    assert len(seen) == 2
