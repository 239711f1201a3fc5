"""Helpers for widget tests: find painted areas, and send mouse and keyboard events."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QTableView, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui import themed
from gui.theme import LIGHT, Theme
from gui.widgets.card import Card
from gui.widgets.segmented_control import SegmentedControl

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NO_KEY, CONTROL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
Hover = Callable[[QWidget, QPoint], str]
LARGE_TYPE = replace(LIGHT, zoom=2.0, content_zoom=2.0)


def show(qtbot: QtBot, widget: Any, width: int = 600, height: int = 400) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def pixels(widget: QWidget) -> np.ndarray:
    """Return what is on the screen, 0xRRGGBB: [height, width]."""
    shown = widget.grab()
    image = QImage(shown.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)  # on a transparent background a pale tint would have its full colour
    painter = QPainter(image)
    painter.drawPixmap(0, 0, shown)
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return rows[:, : image.width()] & 0xFFFFFF


def painted(widget: QWidget, color: QColor) -> np.ndarray:
    """Return where exactly this colour is: [height, width] of bool."""
    return pixels(widget) == (color.rgb() & 0xFFFFFF)


def area_of(mask: np.ndarray) -> QRect:
    """Return the box of the painted area, without thin lines that stick out of it."""
    assert mask.any(), "nothing is painted in this colour"
    top, bottom = _bulk(mask.sum(1))
    left, right = _bulk(mask[top : bottom + 1].sum(0))
    return QRect(QPoint(left, top), QPoint(right, bottom))


def _bulk(counts: np.ndarray) -> tuple[int, int]:
    inside = np.flatnonzero(counts >= counts.max() * 0.6)
    return int(inside[0]), int(inside[-1])


def where(widget: QWidget, color: QColor) -> QPoint:
    return area_of(painted(widget, color)).center()


def click(widget: QWidget, at: QPoint, button: Qt.MouseButton = LEFT) -> None:
    drag(widget, at, button=button)


def point(widget: QWidget, at: QPoint) -> None:
    """Move the mouse to a point, with no button pressed."""
    none, kind = Qt.MouseButton.NoButton, QEvent.Type.MouseMove
    QApplication.sendEvent(widget, QMouseEvent(kind, QPointF(at), widget.mapToGlobal(QPointF(at)), none, none, NO_KEY))


def drag(widget: QWidget, *way: QPoint, keys: Any = NO_KEY, button: Qt.MouseButton = LEFT) -> None:
    """Press at the first point, move over the others, release. QTest's own mouse moves hold no button."""
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(way) - 1), QEvent.Type.MouseButtonRelease]
    for kind, at in zip(kinds, (*way, way[-1]), strict=True):
        moving = kind == QEvent.Type.MouseMove
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        which = Qt.MouseButton.NoButton if moving else button
        there = widget.mapToGlobal(QPointF(at))
        QApplication.sendEvent(widget, QMouseEvent(kind, QPointF(at), there, which, held, keys))


def turn_wheel(widget: QWidget, at: QPoint, clicks: int) -> None:
    for _ in range(abs(clicks)):
        delta = QPoint(0, 120 if clicks > 0 else -120)
        there = widget.mapToGlobal(QPointF(at))
        phase, none = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton
        QApplication.sendEvent(widget, QWheelEvent(QPointF(at), there, QPoint(), delta, none, NO_KEY, phase, False))


def press(widget: QWidget, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(widget, key)


def plain(words: str) -> str:
    """Return words with ordinary spaces in place of the no-break ones before %."""
    return words.replace("\xa0", " ")


def recorded(signal: Any) -> list[Any]:
    """Return a list that collects what a signal emits from now on."""
    emitted: list[Any] = []
    signal.connect(lambda *values: emitted.append(values if len(values) > 1 else values[0] if values else None))
    return emitted


def cut_buttons(window: QWidget) -> list[str]:
    """Return the labels of visible buttons that are cut, or that reach out of their parent."""
    cut = []
    for button in (b for b in window.findChildren(QAbstractButton) if b.isVisible() and b.text()):
        if isinstance(button, QToolButton) and not button.icon().isNull():
            continue  # it shows an icon
        if isinstance(button, Card):  # it leaves out the lines for which there is no room
            first = [words for _, words, *_ in button.lines()][:1]
            cut += [] if not button.title or first == [button.title] else [button.title]
            continue
        words = button.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, button.text())
        parent = button.parentWidget()
        assert parent is not None
        holder = parent.rect()
        if words.width() > button.width() or words.height() > button.height() or not holder.contains(button.geometry()):
            cut.append(button.text())
    return cut


# --- Tables ----------------------------------------------------------------------------------------


def cell(view: QTableView, row: int, column: int = 0) -> QPoint:
    place: QRect = view.visualRect(view.model().index(row, column, QModelIndex()))
    return place.center()


def click_row(view: QTableView, row: int, column: int = 0, keys: Any = NO_KEY) -> None:
    QTest.mouseClick(view.viewport(), LEFT, keys, cell(view, row, column))


def open_row(view: QTableView, row: int, column: int = 0) -> None:
    """Double-click a row with real events."""
    click_row(view, row, column)
    QTest.mouseDClick(view.viewport(), LEFT, NO_KEY, cell(view, row, column))


def sort_by(view: QTableView, column: int) -> None:
    """Click the header of a column."""
    header = view.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), LEFT, NO_KEY, at)


def column_of(view: QTableView, column: int) -> list[str]:
    model = view.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def in_a_window(qtbot: QtBot, widget: QWidget) -> QWidget:
    """Put a widget into a window with another one that Tab can go to."""
    window, after = QWidget(), SegmentedControl(["after"])
    column = QVBoxLayout(window)
    column.addWidget(widget)
    column.addWidget(after)
    column.addStretch(1)
    widget.kept = window  # type: ignore[attr-defined]  # otherwise Python deletes the window with its widgets
    show(qtbot, window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return after.button("after")


def look(theme: Theme) -> None:
    """Give the whole program this theme."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    themed.apply(app, theme)
