"""A window with a fake engine, and a check that no thread, process or timer outlives a test."""

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QAbstractAnimation, QEvent, QPoint, QTimer
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from gui import i18n, theme
from gui.settings import Settings
from gui.window.main_window import MainWindow
from tests.gui import fakes
from tests.gui.fakes import FakeEngine
from tests.gui.hands import Hover, look, plain
from tests.gui.searching import ask


@pytest.fixture(autouse=True)
def _nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Check that no thread, process, repeating timer or endless animation outlives a test.

    The application is created first, because Qt aborts when something is painted without one.
    """
    before = set(threading.enumerate())
    yield
    qapp.sendPostedEvents(
        None, QEvent.Type.DeferredDelete.value
    )  # so that closed windows do not follow the changes below
    i18n.set_language("en")
    if theme.current() != theme.LIGHT:
        look(theme.LIGHT)
    left = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    assert left == []  # including daemons, as all threads of the window are
    assert multiprocessing.active_children() == []
    owners = [qapp, *qapp.topLevelWidgets()]
    timers = [timer for owner in owners for timer in owner.findChildren(QTimer)]
    assert [timer for timer in timers if timer.isActive() and not timer.isSingleShot()] == []
    animations = [animation for owner in owners for animation in owner.findChildren(QAbstractAnimation)]
    endless = [animation for animation in animations if animation.loopCount() < 0]  # Qt fades a clear button once
    assert [animation for animation in endless if animation.state() == QAbstractAnimation.State.Running] == []


@pytest.fixture(autouse=True)
def _japanese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report a Japanese font on every machine, so that no window warns of a missing one."""
    monkeypatch.setattr("gui.window.main_window.has_japanese_font", lambda: True)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def window(qtbot: QtBot, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    for module in ("gui.window.opening", "gui.panes.training.pane"):
        monkeypatch.setattr(f"{module}.world_path", lambda: tmp_path / "world.txt")
    shown = MainWindow(engine, Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    shown.resize(1400, 900)
    qtbot.addWidget(shown)
    shown.show()
    shown.begin([])
    yield shown
    shown.close()


@pytest.fixture
def hover(monkeypatch: pytest.MonkeyPatch) -> Hover:
    """Return a function that moves the mouse to a place and returns the tooltip shown there."""
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda pos, text, widget: shown.append(text))

    def at(widget: QWidget, place: QPoint) -> str:
        QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place)))
        return plain(shown[-1]) if shown else ""

    return at


@pytest.fixture
def search_pane(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Any:
    """Open the Search pane with a collection, and no question yet."""
    pane: Any = window.workspace.pane("search")
    pane.collection.home = tmp_path / "documents"
    pane.collection.place.mkdir(parents=True)
    window.state.set_model(fakes.model())
    window.show_pane("search")
    window.workspace.set_layout(1, ["search"])
    qtbot.waitUntil(lambda: pane.collection.info is not None and bool(pane.page.documents.documents.shown))
    return pane


@pytest.fixture
def asked(search_pane: Any, qtbot: QtBot) -> Any:
    """Open the Search pane with an answered question."""
    return ask(search_pane, qtbot)
