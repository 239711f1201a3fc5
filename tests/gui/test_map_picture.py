"""The picture of the Map pane: where its parts are, and what is highlighted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.messages.map import TraceForward
from gui import i18n
from gui.colormaps import spread
from gui.panes.map.plan import Part, plan_for
from gui.panes.map.view import ModelMap
from gui.theme import DARK, LIGHT, Theme
from tests.gui.fakes import forward_trace
from tests.gui.hands import LARGE_TYPE, RIGHT, click, look, painted, point, press, recorded, show

SIZES = st.tuples(st.integers(300, 2400), st.integers(120, 1400))


@given(SIZES, st.sampled_from([1.0, 1.5, 2.0]), st.integers(1, 32), st.integers(1, 36))
@settings(max_examples=80)
def test_every_part_of_the_map_is_found_where_it_is_drawn(
    size: tuple[int, int], zoom: float, tokens: int, layers: int
) -> None:
    found = plan_for(size[0] * zoom, size[1] * zoom, zoom, tokens, layers)
    for part in found.parts:
        box = found.box(part)
        assert box.width() > 0
        assert box.height() > 0
        assert found.part_at(box.center()) == part
    for index in range(found.first_token, tokens):
        assert found.token_at("tokens", found.token_row("tokens", index).center()) == index
    assert found.part_at(QPointF(-5, -5)) is None


@given(SIZES, st.integers(1, 40))
def test_candidates_of_the_map_do_not_overlap(size: tuple[int, int], count: int) -> None:
    found = plan_for(*size, 1.0, 5, 4)
    rows = found.candidate_rows(count)
    boxes = [found.candidate_row(place, rows) for place in range(rows)]
    assert 1 <= rows <= count
    assert all(b.top() >= a.bottom() - 1e-6 for a, b in pairwise(boxes))


def map_of(qtbot: QtBot, text: str = "The cat", written: str = "", tokens: int = 0) -> ModelMap:
    shown_map: ModelMap = show(qtbot, ModelMap(), 1400, 600)
    [trace] = forward_trace(TraceForward(text + written, most=12))
    shown_map.set_trace(trace, text, written, tokens)
    return shown_map


def inside(widget: QWidget, box: QRectF, color: QColor) -> int:
    """Return how many pixels of a box have a colour."""
    area = box.toRect()
    return int(painted(widget, color)[area.top() : area.bottom(), area.left() : area.right()].sum())


def test_the_selected_token_and_layer_are_highlighted(qtbot: QtBot) -> None:
    shown_map, accent = map_of(qtbot), LIGHT.color("accent")
    shown = shown_map.plan()
    assert shown is not None
    assert [inside(shown_map, shown.token_row("tokens", i), accent) for i in range(7)] == [0] * 7
    shown_map.set_selection(3, 1)
    lit = [inside(shown_map, shown.token_row("tokens", i), accent) for i in range(7)]
    assert lit[3] > 200
    assert sum(lit) - lit[3] == 0
    cards = [inside(shown_map, cell.card.adjusted(-2, -2, 2, 2), accent) for cell in shown.cells]
    assert cards[1] > cards[0]
    shown_map.set_selection(99, 99)  # a token and a layer that this trace does not have
    assert shown_map.view is not None
    assert (shown_map.view.token, shown_map.view.layer) == (None, 1)


@pytest.mark.parametrize("station", ["text", "tokens", "layers", "probabilities", "draw", "back"])
def test_the_station_of_the_walk_is_highlighted(qtbot: QtBot, station: str) -> None:
    shown_map = map_of(qtbot)
    shown = shown_map.plan()
    assert shown is not None
    shown_map.set_lit(station)
    soft = LIGHT.color("accent_soft")
    lit = [name for name, box in shown.boxes.items() if inside(shown_map, box, soft) > 20]
    assert lit == ([station] if station in shown.boxes else [])
    assert shown_map.describe_station(station) != ""
    shown_map.set_lit("")
    assert not any(inside(shown_map, box, soft) > 20 for box in shown.boxes.values())


def test_generated_tokens_have_another_colour(qtbot: QtBot) -> None:
    accent = LIGHT.color("accent")
    plain, grown = map_of(qtbot, "The cat 😀"), map_of(qtbot, "The cat 😀", "𠮟る sat", 6)
    boxes = [shown_map.plan().boxes["text"] for shown_map in (plain, grown)]  # type: ignore[union-attr]
    assert inside(plain, boxes[0].adjusted(4, 4, -4, -4), accent) == 0
    assert inside(grown, boxes[1].adjusted(4, 4, -4, -4), accent) > 10


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_the_map_is_painted_in_every_theme_language_and_size(qtbot: QtBot, language: str, theme: Theme) -> None:
    i18n.set_language(language)
    shown_map = map_of(qtbot, "é\n私は😀\u200b" * 90, "猫", 1)
    look(theme)
    for size in ((1, 1), (240, 90), (600, 900), (2600, 200), (2600, 1500)):
        shown_map.resize(*size)
        assert not shown_map.grab().isNull()
        assert set(shown_map.stations()) >= {"tokens", "layers", "probabilities"}


def test_a_map_without_a_trace_is_empty_and_opens_nothing(qtbot: QtBot) -> None:
    shown_map = map_of(qtbot)
    shown_map.set_trace(None, "", "", 0)
    opened = recorded(shown_map.part_opened)
    click(shown_map, QPoint(300, 300))
    press(shown_map, Qt.Key.Key_Right, Qt.Key.Key_Return)
    shown_map.set_selection(1, 1)
    assert (opened, shown_map.stations(), shown_map.describe_station("text"), shown_map.plan()) == ([], (), "", None)
    assert not shown_map.grab().isNull()


def test_one_large_value_does_not_set_the_colour_scale() -> None:
    values = np.linspace(-1, 1, 100)
    values[7] = 1e6
    assert spread(values) == pytest.approx(1.0, abs=0.05)
    assert spread(np.array([0.0] * 99 + [5.0])) == 5.0
    assert spread(np.zeros(3)) == 0.0


def test_a_right_click_opens_nothing_and_the_cursor_marks_clickable_parts(qtbot: QtBot) -> None:
    shown_map = map_of(qtbot)
    shown = shown_map.plan()
    assert shown is not None
    opened, middle = recorded(shown_map.part_opened), shown.boxes["logits"].center().toPoint()
    click(shown_map, middle, RIGHT)
    assert opened == []
    point(shown_map, middle)
    assert shown_map.cursor().shape() == Qt.CursorShape.PointingHandCursor
    point(shown_map, QPoint(1, 1))
    point(shown_map, QPoint(1399, 599))
    assert shown_map.cursor().shape() == Qt.CursorShape.ArrowCursor
    click(shown_map, middle)
    assert opened == [("logits", 0)]
    assert shown_map.part == Part("logits")
