"""The Map pane: the whole machine, its parts as ways into the other panes, and the loop that writes."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip, QWidget
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.generation import Generate
from engine.messages.map import ForwardTrace, TraceForward
from gui.panes.map.pane import MapPane
from gui.panes.map.plan import STATIONS, Part, Plan, plan_for
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, forward_trace, model


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow) -> Iterator[MapPane]:
    window.prompt.set_text("The cat")
    window.show_pane("map")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found = window.workspace.pane("map")
    assert isinstance(found, MapPane)
    found._walk.setInterval(5)
    qtbot.waitUntil(lambda: found.trace is not None and window.state.tokens is not None and found.state.text != "")
    yield found
    found._stop()


def click(qtbot: QtBot, widget: QWidget, where: QRectF | None = None) -> None:
    pos = where.center().toPoint() if where is not None else QPoint()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=pos)


def place(pane: MapPane) -> Plan:
    found = pane.map.plan()
    assert found is not None
    return found


def caption(pane: MapPane, station: str) -> QRectF:
    box = place(pane).boxes[station]
    return QRectF(box.left(), box.top() - 12, box.width(), 4)


def written(pane: MapPane) -> str:
    return "".join(token.text for token in pane.written)


def shown(pane: MapPane) -> tuple[str, ...]:
    return pane.trace.pieces if pane.trace is not None else ()


# --- What is shown --------------------------------------------------------------------------------


def test_without_a_model_it_says_what_to_do(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("map")
    pane = window.workspace.pane("map")
    assert isinstance(pane, MapPane)
    assert pane.empty.headline.text() == "No model is open yet"
    click(qtbot, pane.empty.button)
    assert window.workspace.pane("training").isVisible()


def test_without_a_text_it_asks_for_one(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("")
    qtbot.waitUntil(lambda: pane.trace is None)
    assert pane.empty.isVisible()
    assert pane.empty.headline.text() == "Type a text above"
    assert not pane.empty.button.isVisible()


def test_the_text_flows_through_every_station(pane: MapPane, engine: FakeEngine) -> None:
    assert engine.asked(TraceForward)[-1].text == "The cat"
    assert shown(pane) == tuple("The cat")
    assert pane.map.stations() == STATIONS
    assert len(place(pane).cells) == 2
    assert pane.subtitle() == "Context used: 7 of 16 tokens"
    table = pane.table()
    assert table is not None
    assert table.rows[0] == ("a", 97, pytest.approx(0.6))


def test_it_follows_the_text(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("A dog and a long tail")
    qtbot.waitUntil(lambda: shown(pane)[-4:] == tuple("tail"))
    assert pane.trace is not None
    assert pane.trace.first == len("A dog and a long tail") - 12


def test_it_lives_while_a_model_learns_but_not_at_every_step(pane: MapPane, engine: FakeEngine) -> None:
    before = len(engine.asked(TraceForward))
    pane.state.set_training(True)
    for _ in range(5):
        pane.state.weights_changed.emit()
    assert len(engine.asked(TraceForward)) == before + 1
    pane.state.set_training(False)
    pane.state.weights_changed.emit()  # the last weights of the run are always shown
    assert len(engine.asked(TraceForward)) == before + 2


def test_weights_that_changed_while_it_was_hidden_are_shown_when_it_is_shown_again(
    pane: MapPane, engine: FakeEngine
) -> None:
    before = len(engine.asked(TraceForward))
    pane.hide()
    pane.state.weights_changed.emit()
    assert len(engine.asked(TraceForward)) == before
    pane.show()
    assert len(engine.asked(TraceForward)) == before + 1
    pane.hide()
    pane.show()
    assert len(engine.asked(TraceForward)) == before + 1


# --- Ways into the other panes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("station", "opened"),
    [
        ("text", "tokens"),
        ("tokens", "tokens"),
        ("ids", "tokens"),
        ("vectors", "embeddings"),
        ("logits", "generation"),
        ("probabilities", "generation"),
        ("draw", "generation"),
    ],
)
def test_a_click_on_a_station_opens_its_pane(
    qtbot: QtBot, window: MainWindow, pane: MapPane, station: str, opened: str
) -> None:
    click(qtbot, pane.map, caption(pane, station))
    assert window.workspace.layout_now() == [opened]


def test_a_click_on_a_chip_selects_the_token_everywhere(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    chip = place(pane).token_row("tokens", 2)
    click(qtbot, pane.map, chip)
    assert window.state.token == window.strip.current == 2
    assert window.workspace.layout_now() == ["map"]
    assert pane.map.view is not None
    assert pane.map.view.token == 2
    click(qtbot, pane.map, chip)
    assert window.state.token is None


def test_a_vector_opens_its_pane_with_the_token_selected(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.map, place(pane).token_row("vectors", 4))
    assert window.state.token == 4
    assert window.workspace.layout_now() == ["embeddings"]


def test_of_a_long_text_the_right_token_is_selected(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("A dog and a long tail")
    qtbot.waitUntil(lambda: shown(pane)[-4:] == tuple("tail"))
    click(qtbot, pane.map, place(pane).token_row("tokens", 11))
    assert window.state.token == 20


def test_attention_and_mlp_choose_their_layer(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.state.select_head(0, 1)
    click(qtbot, pane.map, place(pane).cells[1].mlp)
    assert (window.state.layer, window.state.head) == (1, 1)
    assert window.workspace.layout_now() == ["map"]
    click(qtbot, pane.map, place(pane).cells[0].attention)
    assert (window.state.layer, window.state.head) == (0, 1)
    assert window.workspace.layout_now() == ["attention"]


def test_all_of_it_by_keyboard(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    machine = pane.map
    machine.setFocus()
    for _ in range(3):
        qtbot.keyClick(machine, Qt.Key.Key_Right)
    assert machine.part == Part("attention", 0)
    qtbot.keyClick(machine, Qt.Key.Key_Down)
    qtbot.keyClick(machine, Qt.Key.Key_Right)
    assert machine.part == Part("mlp", 1)
    assert "MLP" in machine.accessibleDescription()
    qtbot.keyClick(machine, Qt.Key.Key_Right)
    assert machine.part == Part("norm")
    qtbot.keyClick(machine, Qt.Key.Key_Up)
    assert window.state.token == 6
    qtbot.keyClick(machine, Qt.Key.Key_Up)
    assert window.state.token == 5
    qtbot.keyClick(machine, Qt.Key.Key_Escape)
    assert window.state.token is None
    for _ in range(20):
        qtbot.keyClick(machine, Qt.Key.Key_Right)
    assert machine.part == Part("draw")
    qtbot.keyClick(machine, Qt.Key.Key_Return)
    assert window.workspace.layout_now() == ["generation"]


def test_every_part_is_told_in_words(pane: MapPane) -> None:
    machine = pane.map
    said = {part: machine.describe(part) for part in place(pane).parts}
    assert len(set(said.values())) == len(said)
    assert not any("widget." in words or "{" in words for words in said.values())
    assert said[Part("mlp", 1)] == "Layer 2, MLP: of 128 neurons the strongest is number 9, at -2.50"
    assert machine.describe(Part("ids"), 0) == "Each token has a number: T is 84"
    assert said[Part("draw")] == "The random number 0.42 selects a"


def test_hovering_tells_the_exact_value(pane: MapPane, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda pos, text, widget: told.append(text))
    shown_rows = place(pane)
    for point in (shown_rows.candidate_row(1, 3).center(), shown_rows.token_row("tokens", 4).center(), QPointF(-9, -9)):
        pane.map.event(_hover(point))
    assert told == ["b   ID 98   40.00\u00a0%", "The text is split into tokens: c is one of them", ""]


def _hover(point: QPointF) -> QHelpEvent:

    return QHelpEvent(QEvent.Type.ToolTip, point.toPoint(), point.toPoint())


# --- The loop -------------------------------------------------------------------------------------


def test_a_step_visits_every_station_and_adds_a_token(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    visited: list[str] = []
    pane._walk.timeout.connect(lambda: visited.append(pane._lit))
    click(qtbot, pane.step_button)
    assert pane._lit == "text"
    assert not pane.step_button.isEnabled()
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cata"))
    assert visited == [*STATIONS[1:], "back"]
    assert pane._lit == ""
    assert pane.step_button.isEnabled()
    assert pane.state.text == "The cat"  # the shared text stays as it was typed
    assert engine.asked(TraceForward)[-1].chosen == (97,)
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The catab"))
    assert engine.asked(Generate)[-1].chosen == (97,)
    assert engine.asked(Generate)[-1].tokens == 1


def test_the_draw_shown_is_the_one_asked_for(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: written(pane) == "a")
    trace, generate = engine.asked(TraceForward)[0], engine.asked(Generate)[0]
    assert (trace.text, trace.chosen, trace.sampling, trace.seed) == (
        generate.prompt, generate.chosen, generate.sampling, generate.seed,
    )  # fmt: skip


def test_it_plays_until_it_is_paused_and_goes_on_from_there(qtbot: QtBot, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    assert pane.play_button.text() == "Pause"
    qtbot.waitUntil(lambda: len(pane.written) == 2 and pane._lit in STATIONS)
    click(qtbot, pane.play_button)
    station = pane._lit
    qtbot.wait(60)
    assert pane._lit == station
    assert len(pane.written) == 2
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: len(pane.written) >= 3)


def test_it_plays_until_the_context_is_full(qtbot: QtBot, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: not pane._playing and pane._lit == "", timeout=15_000)
    assert len(pane.state.text + written(pane)) == 16
    assert pane.words.text() == "The context is full: 16 tokens"
    click(qtbot, pane.step_button)  # a step by hand goes on: the window moves
    qtbot.waitUntil(lambda: len(pane.written) == 10)


def test_back_to_start(qtbot: QtBot, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: len(pane.written) == 1 and pane._lit in STATIONS)
    click(qtbot, pane.home_button)
    assert (pane.written, pane._lit, pane._playing) == ([], "", False)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cat"))
    assert not pane.home_button.isEnabled()


def test_a_token_that_the_model_wrote_is_selected_here_alone(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cata"))
    click(qtbot, pane.map, place(pane).token_row("tokens", 7))
    assert window.state.token is None
    assert pane.map.view is not None
    assert pane.map.view.token == 7
    click(qtbot, pane.map, place(pane).token_row("tokens", 1))
    assert window.state.token == pane.map.view.token == 1


def test_another_text_ends_the_loop(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: len(pane.written) == 1)
    window.prompt.set_text("A dog")
    qtbot.waitUntil(lambda: shown(pane) == tuple("A dog"))
    assert (pane.written, pane._playing) == ([], False)


def test_a_hidden_map_does_not_play_on(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    window.show_pane("tokens")
    assert not pane._playing
    assert not pane._walk.isActive()


def test_a_failure_is_said_and_ends_the_loop(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    engine.answers[Generate] = lambda _: [Ended(0, "failed", "error.logits_broken")]
    click(qtbot, pane.play_button)
    qtbot.waitUntil(pane.messages.isVisible)
    assert "NaN" in pane.messages.label.text()
    assert (pane._playing, pane._lit) == (False, "")
    assert pane.step_button.isEnabled()


# --- Room -----------------------------------------------------------------------------------------

SIZES = [(545, 170), (590, 470), (730, 700), (1120, 430), (1480, 770), (2330, 1150), (300, 120)]


@pytest.mark.parametrize("layers", [1, 4, 12, 36])
@pytest.mark.parametrize("zoom", [1.0, 2.0])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_overlaps_in_any_size(size: tuple[int, int], zoom: float, layers: int) -> None:
    found = plan_for(*map(float, size), zoom, 12, layers)
    boxes = [box.adjusted(0, -found.caption, 0, 0) for box in found.boxes.values()]
    cards = [cell.card for cell in found.cells]
    for group in (boxes, cards):
        assert not any(a.intersects(b) for i, a in enumerate(group) for b in group[:i])
    if size != SIZES[-1]:
        whole = QRectF(-1, -1, size[0] + 2, size[1] + 2)
        assert all(whole.contains(box) for box in boxes) or zoom > 1
        assert all(found.boxes["layers"].contains(card) for card in cards) or zoom > 1
    assert {"tokens", "layers", "probabilities"} <= set(found.stations)


def test_a_narrow_high_tile_has_three_rows() -> None:
    assert len(plan_for(730, 700, 1.0, 12, 4).rows) == 3
    assert len(plan_for(1480, 770, 1.0, 12, 4).rows) == 1


def test_the_walk_leaves_out_what_has_no_room(qtbot: QtBot, pane: MapPane) -> None:
    pane.map.setFixedSize(545, 170)
    visited: list[str] = []
    pane._walk.timeout.connect(lambda: visited.append(pane._lit))
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: written(pane) == "a" and pane._lit == "")
    assert visited == ["vectors", "layers", "probabilities", "back"]


def test_a_model_that_has_learned_nothing_is_painted_too(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    [trace] = forward_trace(TraceForward("The cat"))
    assert isinstance(trace, ForwardTrace)
    for values in (trace.mlp, trace.final, trace.norms, trace.histogram):
        values[:] = 0
    pane._traced(trace)
    assert not pane.map.grab().isNull()
