"""A window with a fake engine, closed after every test; nothing is left behind."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from gui import i18n
from gui.main_window import MainWindow
from gui.settings import Settings
from tests.gui.fakes import FakeEngine
from tests.gui.hands import Hover, plain


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    i18n.set_language("en")
    left = [t for t in threading.enumerate() if t not in before and t.is_alive() and not t.daemon]
    assert left == []


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def window(qtbot: QtBot, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setattr("gui.opening.world_path", lambda: tmp_path / "world.txt")
    shown = MainWindow(engine, Settings(language="en", welcomed=True), tmp_path / "settings.json")  # type: ignore[arg-type]
    shown.resize(1400, 900)
    qtbot.addWidget(shown)
    shown.show()
    shown.begin([])
    yield shown
    shown.close()


@pytest.fixture
def hover(monkeypatch: pytest.MonkeyPatch) -> Hover:
    """What a tooltip says at a place."""
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda pos, text, widget: told.append(text))

    def at(widget: QWidget, place: QPoint) -> str:
        QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place)))
        return plain(told[-1]) if told else ""

    return at
