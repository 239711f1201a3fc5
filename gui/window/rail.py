"""The rail at the left: a button for each pane, in the groups of a lecture."""

import math
from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.i18n import t
from gui.layout import label
from gui.panes import KEYS, PaneInfo
from gui.text import tip
from gui.theme import GAP_M, GAP_S, LARGE, SMALL, icon
from gui.themed import Themed

SHORT = ("search", "tuning")  # panes whose name needs two lines
ICON = 20  # pixels at zoom 1
LEAST_ICON = 12  # pixels at every zoom
# From the most to the least room: whether the groups have names, the button's style, and the rail's width at zoom 1.
FORMS = (
    (True, Qt.ToolButtonStyle.ToolButtonTextUnderIcon, 84),
    (False, Qt.ToolButtonStyle.ToolButtonTextUnderIcon, 84),
    (False, Qt.ToolButtonStyle.ToolButtonTextBesideIcon, 124),
    (False, Qt.ToolButtonStyle.ToolButtonIconOnly, 56),
)


class Rail(Themed, QWidget):
    chosen = Signal(str)

    def __init__(self, panes: Sequence[PaneInfo]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.mark = label()
        self.mark.setText("中身")
        self.mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        self.names: dict[str, QLabel] = {}  # of the groups
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(GAP_S, GAP_M, GAP_S, GAP_S)
        self._column.setSpacing(GAP_S)
        self._column.addWidget(self.mark)
        for group, members in groupby(panes, lambda info: info.group):
            self._column.addSpacing(GAP_M)
            if group:
                self.names[group] = label("group")
                self.names[group].setAlignment(Qt.AlignmentFlag.AlignCenter)
                self._column.addWidget(self.names[group])
            for info in members:
                self._column.addWidget(self._button(info.id))
        self._column.addStretch(1)
        self.restyle()
        self.retranslate()

    def _button(self, pane_id: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.chosen.emit(pane_id))
        self._group.addButton(button)
        self.buttons[pane_id] = button
        return button

    def set_current(self, pane_id: str) -> None:
        self.buttons[pane_id].setChecked(True)

    def restyle(self) -> None:
        self.mark.setStyleSheet(f"font-size: {self.theme.px(LARGE + 2)}px; font-weight: 700;")
        for pane_id, button in self.buttons.items():
            button.setIcon(icon(pane_id, self.theme))
        for words in (*self.buttons.values(), *self.names.values()):
            words.setStyleSheet(f"font-size: {self.theme.px(SMALL - 1)}px;")
        self._adapt_layout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().height() != event.oldSize().height():
            self._adapt_layout()

    def _adapt_layout(self) -> None:
        """Take the first of FORMS that fits, or smaller icons; the tooltips always contain the names."""
        self._set_icons(self.theme.px(ICON))
        for named, style, width in FORMS:
            for name in self.names.values():
                name.setVisible(named)
            for button in self.buttons.values():
                button.setToolButtonStyle(style)
            self.mark.setVisible(style == Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            self._column.invalidate()
            over = self._column.minimumSize().height() - self.height()
            if over <= 0:
                break
        else:
            self._set_icons(max(LEAST_ICON, self.theme.px(ICON) - math.ceil(over / len(self.buttons))))
        self._column.invalidate()  # Qt keeps the places from before the names of the groups were hidden
        self.setFixedWidth(self.theme.px(width))

    def _set_icons(self, size: int) -> None:
        for button in self.buttons.values():
            button.setIconSize(QSize(size, size))

    def retranslate(self) -> None:
        for group, name in self.names.items():
            name.setText(t(f"rail.{group}"))
        for pane_id, button in self.buttons.items():
            key = f"  ({KEYS[pane_id]})" if pane_id in KEYS else ""
            button.setText(t(f"rail.short.{pane_id}" if pane_id in SHORT else f"pane.{pane_id}.title"))
            button.setToolTip(tip(f"{t(f'pane.{pane_id}.title')}: {t(f'pane.{pane_id}.tip')}{key}"))
