"""Changing the open model from the window: the engine makes the change, every pane follows, and it can be undone."""

from functools import partial

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.messages.envelope import Ended
from engine.messages.generation import PredictNext
from engine.messages.models import ChangeModel, Intervention, MeanAblated, Scaled
from gui.changes import change_words
from gui.i18n import set_language
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model

OFF, HALF = Scaled(2, 0), Scaled(1, None, 0.5)


@pytest.fixture
def changed(window: MainWindow, engine: FakeEngine, qtbot: QtBot) -> MainWindow:
    """Return a window that shows Generation, and whose model has one head turned off."""
    window.state.set_model(model())
    window.state.set_text("the cat")
    window.workspace.set_layout(1, ["generation"])
    window.workspace.show()
    window.show_pane("generation")
    qtbot.waitUntil(lambda: bool(engine.asked(PredictNext)))
    engine.requests.clear()
    window.state.wish_interventions((OFF,))
    qtbot.waitUntil(lambda: window.state.interventions == (OFF,))
    return window


def test_panes_follow_a_change_of_the_model(changed: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    assert engine.asked(ChangeModel) == [ChangeModel((OFF,))]
    qtbot.waitUntil(lambda: bool(engine.asked(PredictNext)))


def test_the_status_line_names_the_changes_and_takes_them_back(changed: MainWindow, qtbot: QtBot) -> None:
    button = changed.status.changes
    assert button.text() == "1 change in the model: take back"
    assert "Layer 3, head 1: off" in button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: changed.state.interventions == ())
    assert not button.isVisible()


def test_changes_can_be_undone_and_made_again(changed: MainWindow, qtbot: QtBot) -> None:
    changed.changing._wished_at = 0.0  # as if the next change came later
    changed.state.wish_interventions((OFF, HALF))
    qtbot.waitUntil(lambda: changed.state.interventions == (OFF, HALF))
    for act, expected in (("undo", (OFF,)), ("undo", ()), ("undo", ()), ("redo", (OFF,)), ("redo", (OFF, HALF))):
        changed.actions_table.by_name[f"{act}_change"].trigger()
        qtbot.waitUntil(partial(_has, changed, expected))


def _has(window: MainWindow, interventions: tuple[Intervention, ...]) -> bool:
    return window.state.interventions == interventions


def test_a_dragged_fader_is_undone_at_once(changed: MainWindow, qtbot: QtBot) -> None:
    for factor in (0.9, 0.6, 0.2):
        changed.state.wish_interventions((Scaled(1, None, factor),))
        qtbot.waitUntil(partial(_has, changed, (Scaled(1, None, factor),)))
    changed.changing.undo()
    qtbot.waitUntil(lambda: changed.state.interventions == ())


def test_another_model_is_opened_unchanged_and_the_same_one_changed_again(
    changed: MainWindow, engine: FakeEngine, qtbot: QtBot
) -> None:
    engine.requests.clear()
    changed.state.set_model(None)
    changed.state.set_model(model())
    assert engine.asked(ChangeModel) == [ChangeModel((OFF,))]
    changed.state.set_model(model(folder="another"))
    assert changed.state.interventions == ()
    assert not changed.status.changes.isVisible()
    changed.changing.undo()  # there is nothing left to undo
    assert len(engine.asked(ChangeModel)) == 1


@pytest.mark.parametrize(
    ("change", "en", "ja"),
    [
        (OFF, "Layer 3, head 1: off", "第 3 層・ヘッド 1：オフ"),
        (HALF, "Layer 2, MLP: × 0.50", "第 2 層・MLP：× 0.50"),
        (MeanAblated(0, 1, "text"), "Layer 1, head 2: its mean", "第 1 層・ヘッド 2：平均値に置き換え"),
    ],
)
def test_a_change_has_words(change: Intervention, en: str, ja: str) -> None:
    for language, words in (("en", en), ("ja", ja)):
        set_language(language)
        assert change_words(change) == words


def test_a_wish_that_is_taken_back_on_its_way_is_not_made(changed: MainWindow, qtbot: QtBot) -> None:
    changed.state.wish_interventions((OFF, HALF))
    changed.state.wish_interventions((OFF,))  # before the engine has answered
    qtbot.wait(50)
    assert changed.state.interventions == (OFF,)


def test_after_a_refused_change_views_show_what_there_is(changed: MainWindow, engine: FakeEngine, qtbot: QtBot) -> None:
    engine.answers[ChangeModel] = lambda _: [Ended(0, "failed", "error.no_model")]
    with qtbot.waitSignal(changed.state.interventions_changed):
        changed.state.wish_interventions((HALF,))
    assert changed.state.interventions == (OFF,)
