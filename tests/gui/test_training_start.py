"""The page of the Training pane before a run: it is filled by what there is."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.messages.training import ListRuns, RunSummary, TrainingSample
from gui.panes.training.start_page import StartPage
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine


def start_page(window: MainWindow) -> StartPage:
    window.workspace.set_layout(1, ["training"])
    page = window.workspace.pane("training").start_page  # type: ignore[attr-defined]
    assert isinstance(page, StartPage)
    return page


def test_without_a_text_two_cards_fill_the_page(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "world.txt").write_text("熊は山に住んでいます。\nThe rabbit is in the garden.\n", encoding="utf-8")
    engine.answers[ListRuns] = lambda _: []
    page = start_page(window)
    window.workspace.pane("training").refresh()
    assert page.sample_card.written == "The rabbit is in the garden."  # what is in the window's language
    qtbot.waitUntil(lambda: page.texts.height() > 0.7 * page.height())
    assert "folder" in page.open_card.written
    page.open_wanted.disconnect()  # it opens a dialog
    with qtbot.waitSignal(page.open_wanted):
        qtbot.mouseClick(page.open_card, Qt.MouseButton.LeftButton)


def test_the_text_is_shown_until_a_run_has_written_anything(
    qtbot: QtBot, window: MainWindow, engine: FakeEngine, tmp_path: Path
) -> None:
    engine.answers[ListRuns] = lambda _: []
    window.opening.open_paths([str(tmp_path)])
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    page = start_page(window)
    qtbot.waitUntil(page.excerpt.isVisible)
    assert page.excerpt.text == "The cat sat. The dog."
    run = RunSummary("/models/a", "story.txt", 9, 400, 31.0, 2.0, True)
    engine.answers[ListRuns] = lambda _: [replace(run, sample=TrainingSample(400, "The", " cat sat"))]
    window.workspace.pane("training").refresh()
    qtbot.waitUntil(lambda: not page.excerpt.isVisible())
