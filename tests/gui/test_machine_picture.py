"""The whole machine as a picture."""

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
from gui.panes.map.machine_canvas import spread
from gui.panes.map.machine_plan import Part, plan
from gui.panes.map.machine_view import Machine
from gui.theme import DARK, LIGHT, Theme
from tests.gui.fakes import machine_trace
from tests.gui.hands import LARGE_TYPE, RIGHT, click, heard, look, painted, point, press, show

SIZES = st.tuples(st.integers(300, 2400), st.integers(120, 1400))


@given(SIZES, st.sampled_from([1.0, 1.5, 2.0]), st.integers(1, 32), st.integers(1, 36))
@settings(max_examples=80)
def test_every_part_of_the_machine_is_found_where_it_stands(
    size: tuple[int, int], zoom: float, tokens: int, layers: int
) -> None:
    found = plan(*(float(length) * zoom for length in size), zoom, tokens, layers)
    for part in found.parts:
        box = found.box(part)
        assert box.width() > 0
        assert box.height() > 0
        assert found.part_at(box.center()) == part
    for index in range(found.first_token, tokens):
        assert found.token_at("tokens", found.token_row("tokens", index).center()) == index
    assert found.part_at(QPointF(-5, -5)) is None


@given(SIZES, st.integers(1, 40))
def test_candidates_of_the_machine_do_not_overlap(size: tuple[int, int], count: int) -> None:
    found = plan(*map(float, size), 1.0, 5, 4)
    rows = found.candidate_rows(count)
    boxes = [found.candidate_row(place, rows) for place in range(rows)]
    assert 1 <= rows <= count
    assert all(b.top() >= a.bottom() - 1e-6 for a, b in pairwise(boxes))


def machine_of(qtbot: QtBot, text: str = "The cat", written: str = "", tokens: int = 0) -> Machine:
    machine: Machine = show(qtbot, Machine(), 1400, 600)
    [trace] = machine_trace(TraceForward(text + written, most=12))
    machine.set_trace(trace, text, written, tokens)  # type: ignore[arg-type]
    return machine


def inside(widget: QWidget, box: QRectF, color: QColor) -> int:
    """How many pixels of a box have a colour."""
    area = box.toRect()
    return int(painted(widget, color)[area.top() : area.bottom(), area.left() : area.right()].sum())


def test_the_selected_token_and_layer_are_lit_in_the_machine(qtbot: QtBot) -> None:
    machine, accent = machine_of(qtbot), LIGHT.color("accent")
    shown = machine.plan()
    assert shown is not None
    assert [inside(machine, shown.token_row("tokens", i), accent) for i in range(7)] == [0] * 7
    machine.set_selection(3, 1)
    lit = [inside(machine, shown.token_row("tokens", i), accent) for i in range(7)]
    assert lit[3] > 200
    assert sum(lit) - lit[3] == 0
    cards = [inside(machine, cell.card.adjusted(-2, -2, 2, 2), accent) for cell in shown.cells]
    assert cards[1] > cards[0]
    machine.set_selection(99, 99)  # of a longer text, and of a deeper model
    assert machine.view is not None
    assert (machine.view.token, machine.view.layer) == (None, 1)


@pytest.mark.parametrize("station", ["text", "tokens", "layers", "probabilities", "draw", "back"])
def test_the_station_of_the_walk_is_lit(qtbot: QtBot, station: str) -> None:
    machine = machine_of(qtbot)
    shown = machine.plan()
    assert shown is not None
    machine.set_lit(station)
    soft = LIGHT.color("accent_soft")
    lit = [name for name, box in shown.boxes.items() if inside(machine, box, soft) > 20]
    assert lit == ([station] if station in shown.boxes else [])
    assert machine.say(station) != ""
    machine.set_lit("")
    assert not any(inside(machine, box, soft) > 20 for box in shown.boxes.values())


def test_what_the_model_wrote_stands_out(qtbot: QtBot) -> None:
    accent = LIGHT.color("accent")
    plain, grown = machine_of(qtbot, "The cat 😀"), machine_of(qtbot, "The cat 😀", "𠮟る sat", 6)
    boxes = [machine.plan().boxes["text"] for machine in (plain, grown)]  # type: ignore[union-attr]
    assert inside(plain, boxes[0].adjusted(4, 4, -4, -4), accent) == 0
    assert inside(grown, boxes[1].adjusted(4, 4, -4, -4), accent) > 10


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("theme", [LIGHT, DARK, LARGE_TYPE], ids=["light", "dark", "large type"])
def test_the_machine_is_painted_in_every_look_and_size(qtbot: QtBot, language: str, theme: Theme) -> None:
    i18n.set_language(language)
    machine = machine_of(qtbot, "é\n私は😀\u200b" * 90, "猫", 1)
    look(theme)
    for size in ((1, 1), (240, 90), (600, 900), (2600, 200), (2600, 1500)):
        machine.resize(*size)
        assert not machine.grab().isNull()
        assert set(machine.stations()) >= {"tokens", "layers", "probabilities"}


def test_without_a_trace_the_machine_is_empty_and_quiet(qtbot: QtBot) -> None:
    machine = machine_of(qtbot)
    machine.set_trace(None, "", "", 0)
    opened = heard(machine.part_opened)
    click(machine, QPoint(300, 300))
    press(machine, Qt.Key.Key_Right, Qt.Key.Key_Return)
    machine.set_selection(1, 1)
    assert (opened, machine.stations(), machine.say("text"), machine.plan()) == ([], (), "", None)
    assert not machine.grab().isNull()


def test_the_full_colour_is_not_taken_by_one_giant() -> None:
    values = np.linspace(-1, 1, 100)
    values[7] = 1e6
    assert spread(values) == pytest.approx(1.0, abs=0.05)
    assert spread(np.array([0.0] * 99 + [5.0])) == 5.0
    assert spread(np.zeros(3)) == 0.0


def test_a_right_click_opens_nothing_and_the_hand_says_where_one_can_click(qtbot: QtBot) -> None:
    machine = machine_of(qtbot)
    shown = machine.plan()
    assert shown is not None
    opened, middle = heard(machine.part_opened), shown.boxes["logits"].center().toPoint()
    click(machine, middle, RIGHT)
    assert opened == []
    point(machine, middle)
    assert machine.cursor().shape() == Qt.CursorShape.PointingHandCursor
    point(machine, QPoint(1, 1))
    point(machine, QPoint(1399, 599))
    assert machine.cursor().shape() == Qt.CursorShape.ArrowCursor
    click(machine, middle)
    assert opened == [("logits", 0)]
    assert machine.part == Part("logits")
