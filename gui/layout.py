"""Helpers for what every widget needs: layouts, labels, timers."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui.text import LONGEST_PHRASE, keep_phrases

Item = QWidget | QLayout | int
UNLIMITED = (1 << 24) - 1  # pixels: the largest size of a widget, Qt's QWIDGETSIZE_MAX, which PySide has no name for
LEAST_LINE = 5  # the least width of a wrapped label, in heights of its type
TEXT_FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox)


def column(*items: Item, spacing: int = 0, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QVBoxLayout:
    """Return a layout with the items below each other. See `fill`."""
    layout = QVBoxLayout()
    fill(layout, *items, spacing=spacing, margins=margins)
    return layout


def row(*items: Item, spacing: int = 0, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """Return a layout with the items side by side. See `fill`."""
    layout = QHBoxLayout()
    fill(layout, *items, spacing=spacing, margins=margins)
    return layout


def fill(layout: QBoxLayout, *items: Item, spacing: int = 0, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> None:
    """Add widgets and layouts to a layout; a number n is a stretch with that factor.

    `margins` are left, top, right and bottom, in pixels; `spacing` is the distance between two items.
    """
    layout.setContentsMargins(*margins)
    layout.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            layout.addStretch(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)


def stack(parent: QWidget, *items: Item, spacing: int = 0) -> QVBoxLayout:
    """Lay out `parent` as a column of the items, without margins."""
    layout = column(*items, spacing=spacing)
    parent.setLayout(layout)
    return layout


class WrappedLabel(QLabel):
    """A label of several lines, which break Japanese between phrases as far as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self.setWordWrap(True)

    def text(self) -> str:
        """Return the text as it was set, without the signs that keep phrases together."""
        return self._words

    def clear(self) -> None:
        self.setText("")

    def setText(self, text: str) -> None:
        self._words = text
        self.setAccessibleName(text)
        self._break_lines()

    def minimumSizeHint(self) -> QSize:
        """Return the least size, in which phrases may be broken."""
        least = super().minimumSizeHint()
        return QSize(min(least.width(), LEAST_LINE * self.fontMetrics().height()), least.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._break_lines()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._break_lines()

    def _break_lines(self) -> None:
        room = self.contentsRect().width() // max(1, self.fontMetrics().horizontalAdvance("\u3042"))
        super().setText(keep_phrases(self._words, min(LONGEST_PHRASE, room)))


def label(role: str = "", wraps: bool = False) -> QLabel:
    """Return an empty label of plain text; its role is a name in the style sheet such as "muted" or "headline"."""
    made = WrappedLabel() if wraps else QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)  # otherwise a name that looks like HTML is read as HTML
    made.setProperty("role", role)
    return made


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet uses, and apply the style sheet again."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def timer(parent: QObject, ms: int, slot: Callable[[], object] | None = None, single_shot: bool = False) -> QTimer:
    """Return a timer, not started, that calls `slot` every `ms` milliseconds, or once per start if `single_shot`."""
    made = QTimer(parent)
    made.setInterval(ms)
    made.setSingleShot(single_shot)
    if slot is not None:
        made.timeout.connect(slot)
    return made


def tab_stops(holder: QWidget) -> list[QWidget]:
    """Return the enabled widgets inside `holder` that Tab reaches, in its order, without text fields."""
    stops, widget = [], holder.nextInFocusChain()
    while widget is not None and widget is not holder:
        reached = holder.isAncestorOf(widget) and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if reached and not isinstance(widget, TEXT_FIELDS):
            stops.append(widget)
        widget = widget.nextInFocusChain()
    return stops
