"""The Map pane: its stations, the panes that they open, and the loop that generates tokens."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip, QWidget
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.generation import Generate, PredictNext, SamplingSettings
from engine.messages.map import ForwardTrace, TraceForward
from gui.panes.map.pane import MapPane
from gui.panes.map.plan import STATIONS, Part, Plan, plan_for
from gui.settings import Settings
from gui.widgets.growth import DURATION_MS, Growth
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, candidates, forward_trace, model
from tests.gui.hands import plain


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow) -> Iterator[MapPane]:
    window.prompt.set_text("The cat")
    window.show_pane("map")
    window.workspace.choose_count(1)
    window.state.set_model(model())
    found = window.workspace.pane("map")
    assert isinstance(found, MapPane)
    found._stepping.setInterval(5)
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


def test_the_empty_page_without_a_model_offers_training(qtbot: QtBot, window: MainWindow) -> None:
    window.show_pane("map")
    pane = window.workspace.pane("map")
    assert isinstance(pane, MapPane)
    assert pane.empty.headline.text() == "No model is open yet"
    click(qtbot, pane.empty.button)
    assert window.workspace.pane("training").isVisible()


def test_the_empty_page_without_a_text_asks_for_one(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("")
    qtbot.waitUntil(lambda: pane.trace is None)
    assert pane.empty.isVisible()
    assert pane.empty.headline.text() == "Type a text above"
    assert not pane.empty.button.isVisible()


def test_every_station_shows_its_part_of_the_trace(pane: MapPane, engine: FakeEngine) -> None:
    assert engine.asked(TraceForward)[-1].text == "The cat"
    assert shown(pane) == tuple("The cat")
    assert pane.map.stations() == STATIONS
    assert len(place(pane).cells) == 2
    assert pane.subtitle() == "Context used: 7 of 16 tokens"
    table = pane.table()
    assert table is not None
    assert table.rows[0] == ("a", 97, pytest.approx(0.5), pytest.approx(0.6))


def test_the_map_follows_the_text(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("A dog and a long tail")
    qtbot.waitUntil(lambda: shown(pane)[-4:] == tuple("tail"))
    assert pane.trace is not None
    assert pane.trace.first == len("A dog and a long tail") - 12


def test_the_map_is_updated_during_training_but_not_at_every_step(pane: MapPane, engine: FakeEngine) -> None:
    before = len(engine.asked(TraceForward))
    pane.state.set_training(True)
    for _ in range(5):
        pane.state.weights_changed.emit()
    assert len(engine.asked(TraceForward)) == before + 1
    pane.state.set_training(False)
    pane.state.weights_changed.emit()  # the last weights of the run are always shown
    assert len(engine.asked(TraceForward)) == before + 2


def test_weights_that_changed_while_the_map_was_hidden_are_shown_later(pane: MapPane, engine: FakeEngine) -> None:
    before = len(engine.asked(TraceForward))
    pane.hide()
    pane.state.weights_changed.emit()
    assert len(engine.asked(TraceForward)) == before
    pane.show()
    assert len(engine.asked(TraceForward)) == before + 1
    pane.hide()
    pane.show()
    assert len(engine.asked(TraceForward)) == before + 1


# --- Opening the other panes ----------------------------------------------------------------------


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


def test_a_part_grows_into_the_pane_that_it_opens(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.workspace.set_layout(2, ["map", "attention"])
    qtbot.waitUntil(lambda: pane.map.width() < window.width() / 2 and pane.map.plan() is not None)
    box = place(pane).box(Part("attention", 1)).toRect()
    start = QRect(pane.map.mapTo(window.workspace, box.topLeft()), box.size())
    click(qtbot, pane.map, QRectF(box))
    attention = window.workspace.pane("attention")
    assert window.workspace.current == 1
    [growth] = window.workspace.findChildren(Growth)
    assert growth.place == start
    places: list[QRect] = []
    growth._motion.valueChanged.connect(places.append)
    qtbot.waitUntil(lambda: window.workspace.findChildren(Growth) == [])
    areas = [shown.width() * shown.height() for shown in places]
    assert areas == sorted(areas)
    assert places[-1] == QRect(attention.mapTo(window.workspace, QPoint()), attention.size())
    assert DURATION_MS <= 300


def test_a_click_on_a_chip_selects_the_token_in_all_panes(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
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


def test_a_click_selects_the_right_token_of_a_long_text(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.prompt.set_text("A dog and a long tail")
    qtbot.waitUntil(lambda: shown(pane)[-4:] == tuple("tail"))
    click(qtbot, pane.map, place(pane).token_row("tokens", 11))
    assert window.state.token == 20


def test_a_click_on_attention_or_mlp_chooses_its_layer(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    window.state.select_head(0, 1)
    click(qtbot, pane.map, place(pane).cells[1].mlp)
    assert (window.state.layer, window.state.head) == (1, 1)
    assert window.workspace.layout_now() == ["map"]
    click(qtbot, pane.map, place(pane).cells[0].attention)
    assert (window.state.layer, window.state.head) == (0, 1)
    assert window.workspace.layout_now() == ["attention"]


def test_every_part_is_reached_and_opened_by_keyboard(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    shown_map = pane.map
    shown_map.setFocus()
    for _ in range(3):
        qtbot.keyClick(shown_map, Qt.Key.Key_Right)
    assert shown_map.part == Part("attention", 0)
    qtbot.keyClick(shown_map, Qt.Key.Key_Down)
    qtbot.keyClick(shown_map, Qt.Key.Key_Right)
    assert shown_map.part == Part("mlp", 1)
    assert "MLP" in shown_map.accessibleDescription()
    qtbot.keyClick(shown_map, Qt.Key.Key_Right)
    assert shown_map.part == Part("norm")
    selected: list[int | None] = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Escape):
        qtbot.keyClick(shown_map, key)
        selected.append(window.state.token)
    assert selected == [6, 5, None]
    for _ in range(20):
        qtbot.keyClick(shown_map, Qt.Key.Key_Right)
    assert shown_map.part == Part("draw")
    qtbot.keyClick(shown_map, Qt.Key.Key_Return)
    assert window.workspace.layout_now() == ["generation"]


def test_every_part_has_a_description(pane: MapPane) -> None:
    shown_map = pane.map
    described = {part: shown_map.describe(part) for part in place(pane).parts}
    assert len(set(described.values())) == len(described)
    assert not any("widget." in words or "{" in words for words in described.values())
    assert described[Part("mlp", 1)] == "Layer 2, MLP: of 128 neurons the strongest is number 9, at -2.50"
    assert shown_map.describe(Part("ids"), 0) == "Each token has a number: T is 84"
    assert described[Part("draw")] == "The random number 0.42 selects a"


def test_the_tooltip_has_the_exact_value(pane: MapPane, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda pos, text, widget: shown.append(text))
    shown_rows = place(pane)
    for point in (shown_rows.candidate_row(1, 3).center(), shown_rows.token_row("tokens", 4).center(), QPointF(-9, -9)):
        pane.map.event(_hover(point))
    assert [plain(words) for words in shown] == [
        "b   ID 98   model 30.00 %, after settings 40.00 %", "The text is split into tokens: c is one of them", "",
    ]  # fmt: skip


def _hover(point: QPointF) -> QHelpEvent:
    return QHelpEvent(QEvent.Type.ToolTip, point.toPoint(), point.toPoint())


# --- The loop -------------------------------------------------------------------------------------


def test_a_step_visits_every_station_and_adds_a_token(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    visited: list[str] = []
    pane._stepping.timeout.connect(lambda: visited.append(pane._lit))
    click(qtbot, pane.step_button)
    assert pane._lit == "text"
    assert not pane.step_button.isEnabled()
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cata"))
    assert visited == [*STATIONS[1:], "back"]
    assert pane._lit == ""
    assert pane.step_button.isEnabled()
    assert pane.state.text == "The cat"  # the shared text does not change
    assert engine.asked(TraceForward)[-1].chosen == (97,)
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The catab"))
    assert engine.asked(Generate)[-1].chosen == (97,)
    assert engine.asked(Generate)[-1].tokens == 1


def test_the_map_shows_the_token_that_was_drawn(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: written(pane) == "a")
    trace, generate = engine.asked(TraceForward)[0], engine.asked(Generate)[0]
    assert (trace.text, trace.chosen, trace.sampling, trace.seed) == (
        generate.prompt, generate.chosen, generate.sampling, generate.seed,
    )  # fmt: skip


def test_the_map_uses_the_settings_of_the_sampling_sliders(
    qtbot: QtBot, window: MainWindow, pane: MapPane, engine: FakeEngine
) -> None:
    generation: Any = window.workspace.pane("generation")
    controls = generation.writing.page.controls
    controls.sliders["temperature"].set_value(0.5)
    controls.seed.setValue(7)  # emits `changing` for both
    settings = controls.settings()
    assert settings.temperature == 0.5
    asked = engine.asked(PredictNext)[-1]
    assert (asked.prompt, asked.sampling, asked.seed) == ("The cat", settings, 7)
    engine.answers[PredictNext] = lambda request: [replace(candidates(1), sampling=request.sampling)]
    controls.seed.setValue(8)
    qtbot.waitUntil(lambda: pane.trace is not None and pane.trace.candidates.drawn == 1)
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: written(pane) == "a")
    assert (engine.asked(Generate)[-1].sampling, engine.asked(Generate)[-1].seed) == (settings, 8)
    assert (engine.asked(TraceForward)[-1].sampling, engine.asked(TraceForward)[-1].seed) == (settings, 8)


def test_settings_changed_while_the_map_is_hidden_are_used_when_it_is_shown(
    qtbot: QtBot, window: MainWindow, pane: MapPane, engine: FakeEngine
) -> None:
    window.show_pane("tokens")
    asked = len(engine.requests)
    window.state.set_sampling(SamplingSettings(temperature=0.3), 1)
    assert len(engine.requests) == asked
    window.show_pane("map")
    assert engine.asked(PredictNext)[-1].sampling == SamplingSettings(temperature=0.3)


def test_the_settings_of_the_last_session_are_used_before_the_sliders_are_made(tmp_path: Path, qtbot: QtBot) -> None:
    kept = {"temperature": 0.35, "top_k": 5, "seed": 3, "top_p": "wrong", "min_p": 99}
    settings = Settings(language="en", welcomed=True, panes={"generation": {"sampling": kept}})
    window = MainWindow(FakeEngine(), settings, tmp_path / "settings.json")  # type: ignore[arg-type]
    qtbot.addWidget(window)
    assert window.state.sampling == SamplingSettings(temperature=0.35, top_k=5, min_p=0.5)
    assert window.state.seed == 3
    window.close()


def test_playing_continues_where_it_was_paused(qtbot: QtBot, pane: MapPane) -> None:
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


def test_playing_ends_when_the_context_is_full(qtbot: QtBot, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: not pane._playing and pane._lit == "", timeout=15_000)
    assert len(pane.state.text + written(pane)) == 16
    assert pane.caption.text() == "The context is full: 16 tokens"
    click(qtbot, pane.step_button)  # a single step continues: the window over the text moves
    qtbot.waitUntil(lambda: len(pane.written) == 10)


def test_the_start_button_removes_the_written_tokens(qtbot: QtBot, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: len(pane.written) == 1 and pane._lit in STATIONS)
    click(qtbot, pane.home_button)
    assert (pane.written, pane._lit, pane._playing) == ([], "", False)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cat"))
    assert not pane.home_button.isEnabled()


def test_a_generated_token_is_selected_only_in_the_map(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: shown(pane) == tuple("The cata"))
    click(qtbot, pane.map, place(pane).token_row("tokens", 7))
    assert window.state.token is None
    assert pane.map.view is not None
    assert pane.map.view.token == 7
    click(qtbot, pane.map, place(pane).token_row("tokens", 1))
    assert window.state.token == pane.map.view.token == 1


def test_a_new_text_ends_the_loop(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    qtbot.waitUntil(lambda: len(pane.written) == 1)
    window.prompt.set_text("A dog")
    qtbot.waitUntil(lambda: shown(pane) == tuple("A dog"))
    assert (pane.written, pane._playing) == ([], False)


def test_a_hidden_map_stops_playing(qtbot: QtBot, window: MainWindow, pane: MapPane) -> None:
    click(qtbot, pane.play_button)
    window.show_pane("tokens")
    assert not pane._playing
    assert not pane._stepping.isActive()


def test_a_failure_is_shown_and_ends_the_loop(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
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
    found = plan_for(*size, zoom, 12, layers)
    boxes = [box.adjusted(0, -found.caption, 0, 0) for box in found.boxes.values()]
    cards = [cell.card for cell in found.cells]
    for group in (boxes, cards):
        assert not any(a.intersects(b) for i, a in enumerate(group) for b in group[:i])
    if size != SIZES[-1]:
        whole = QRectF(-1, -1, size[0] + 2, size[1] + 2)
        assert all(whole.contains(box) for box in boxes)
        assert all(found.boxes["layers"].contains(card) for card in cards)
    assert {"tokens", "layers", "probabilities"} <= set(found.stations)


def test_a_narrow_tall_tile_has_three_rows() -> None:
    assert len(plan_for(730, 700, 1.0, 12, 4).rows) == 3
    assert len(plan_for(1480, 770, 1.0, 12, 4).rows) == 1


def test_the_walk_skips_stations_that_are_not_shown(qtbot: QtBot, pane: MapPane) -> None:
    pane.map.setFixedSize(545, 170)
    visited: list[str] = []
    pane._stepping.timeout.connect(lambda: visited.append(pane._lit))
    click(qtbot, pane.step_button)
    qtbot.waitUntil(lambda: written(pane) == "a" and pane._lit == "")
    assert visited == ["vectors", "layers", "probabilities", "back"]


def test_an_untrained_model_is_painted(qtbot: QtBot, pane: MapPane, engine: FakeEngine) -> None:
    [trace] = forward_trace(TraceForward("The cat"))
    assert isinstance(trace, ForwardTrace)
    for values in (trace.mlp, trace.final, trace.norms, trace.histogram):
        values[:] = 0
    pane._traced(trace)
    assert not pane.map.grab().isNull()
