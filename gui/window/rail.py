"""The rail at the left: a button for each pane."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.i18n import t
from gui.layout import label
from gui.panes import KEYS
from gui.text import tip
from gui.theme import GAP_L, GAP_M, GAP_S, LARGE, SMALL, icon
from gui.themed import Themed


class Rail(Themed, QWidget):
    chosen = Signal(str)

    def __init__(self, panes: Sequence[str]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.mark = label()
        self.mark.setText("中身")
        self.mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GAP_S, GAP_L, GAP_S, GAP_L)
        layout.setSpacing(GAP_M)
        layout.addWidget(self.mark)
        layout.addSpacing(GAP_M)
        for pane_id in panes:
            layout.addWidget(self._button(pane_id))
        layout.addStretch(1)
        self.restyle()
        self.retranslate()

    def _button(self, pane_id: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
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
            button.setIconSize(QSize(self.theme.px(20), self.theme.px(20)))
            button.setStyleSheet(f"font-size: {self.theme.px(SMALL - 1)}px;")
        self._adapt_layout()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._adapt_layout()

    def _adapt_layout(self) -> None:
        """Show the icons with names, or without where there is no room; the tooltips always contain the names."""
        under, alone = Qt.ToolButtonStyle.ToolButtonTextUnderIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self.buttons.values():
            button.setToolButtonStyle(under)
        named = sum(button.sizeHint().height() + GAP_M for button in self.buttons.values())
        fits = named + self.mark.sizeHint().height() + 2 * GAP_L <= self.height()
        for button in self.buttons.values():
            button.setToolButtonStyle(under if fits else alone)
        self.mark.setVisible(fits)  # at a zoom of 2, eight icons take a window of 720 pixels
        self.setFixedWidth(self.theme.px(84 if fits else 56))

    def retranslate(self) -> None:
        for pane_id, button in self.buttons.items():
            key = f"  ({KEYS[pane_id]})" if pane_id in KEYS else ""
            button.setText(t(f"pane.{pane_id}.title").replace(" (", "\n("))  # on two lines
            button.setToolTip(tip(f"{t(f'pane.{pane_id}.title')}: {t(f'pane.{pane_id}.tip')}{key}"))
