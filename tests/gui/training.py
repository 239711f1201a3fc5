"""Helpers for tests of the Training pane."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.messages.training import (
    RunSummary,
    Train,
)
from gui.panes.training.pane import TrainingPane
from gui.window.main_window import MainWindow
from tests.gui.fakes import FakeEngine, model, points, started


@pytest.fixture
def pane(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> TrainingPane:
    window.opening.open_paths([str(tmp_path)])
    qtbot.waitUntil(lambda: window.state.corpus is not None)
    window.workspace.set_layout(1, ["training"])
    found = window.workspace.pane("training")
    assert isinstance(found, TrainingPane)
    found.runs.models = tmp_path / "models"
    qtbot.waitUntil(lambda: bool(found.start_page.form.buttons))
    return found


def click(qtbot: QtBot, button: QWidget) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def figures(pane: TrainingPane) -> dict[str, str]:
    return dict(pane.run_page.figures.figures)


def begin(qtbot: QtBot, pane: TrainingPane, engine: FakeEngine) -> None:
    click(qtbot, pane.start_page.start_button)
    qtbot.waitUntil(lambda: bool(engine.asked(Train)))
    engine.send(Train, started())
    engine.send(Train, model(training=True))
    engine.send(Train, points())


def summary(folder: str, finished: bool = True) -> RunSummary:
    return RunSummary(folder, "story.txt", 98_765, 40, 75.0, 2.5, finished)
