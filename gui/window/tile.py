"""The frame around a pane: title, quiet words beside it, and what can be done with every pane."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from gui import saving
from gui.i18n import t
from gui.pane import Pane
from gui.theme import GAP_L, GAP_M, GAP_S, icon
from gui.themed import Themed


class Tile(Themed, QFrame):
    pane_chosen = Signal(str)  # from the title's menu
    enlarge_wanted = Signal()
    detach_wanted = Signal()
    touched = Signal()  # this tile is the current one now

    def __init__(self, choices: Callable[[], list[tuple[str, str]]]) -> None:
        super().__init__()
        self.setObjectName("card")
        # All tiles are alike: what a pane would like to have takes no room from its neighbours.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.pane: Pane | None = None
        self._choices = choices
        self.title = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.title.setProperty("flat", True)
        self.title_menu = QMenu(self.title)
        self.title_menu.aboutToShow.connect(self._fill_titles)
        self.title.setMenu(self.title_menu)
        self.words = QLabel()
        self.words.setProperty("role", "muted")
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.save_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save_menu = QMenu(self.save_button)
        self.save_button.setMenu(self.save_menu)
        self.enlarge = QToolButton()
        self.enlarge.clicked.connect(self.enlarge_wanted)
        self._make_actions()
        header = QHBoxLayout()
        header.setContentsMargins(GAP_M, GAP_S, GAP_S, 0)
        header.addWidget(self.title)
        header.addWidget(self.words, 1)
        for button in (self.save_button, self.enlarge):
            button.setProperty("flat", True)
            header.addWidget(button)
        self.holder = QVBoxLayout()
        self.holder.setContentsMargins(GAP_L, GAP_S, GAP_L, GAP_L)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(header)
        self._column.addLayout(self.holder, 1)
        self.restyle()
        self.retranslate()

    def _make_actions(self) -> None:
        self.copy_picture = self._action(self._copy_picture)
        self.save_png = self._action(lambda: self._save("png", saving.save_png))
        self.save_svg = self._action(lambda: self._save("svg", saving.save_svg))
        self.copy_table = self._action(self._copy_table)
        self.save_csv = self._action(self._save_table)
        self.detach = self._action(self.detach_wanted.emit)
        self.save_menu.addActions([self.copy_picture, self.save_png, self.save_svg])
        self.save_menu.addSeparator()
        self.save_menu.addActions([self.copy_table, self.save_csv])
        self.save_menu.addSeparator()
        self.save_menu.addAction(self.detach)
        self.save_menu.aboutToShow.connect(self._enable_table)

    def _action(self, act: Callable[[], None]) -> QAction:
        action = QAction(self)
        action.triggered.connect(lambda: act())
        return action

    def hasHeightForWidth(self) -> bool:
        return False  # the same: long words in one tile make no row of tiles taller

    def set_pane(self, pane: Pane) -> None:
        self.take_pane()
        self.pane = pane
        self.holder.addWidget(pane)
        pane.subtitle_changed.connect(self._show_words)
        pane.show()
        self.retranslate()

    def take_pane(self) -> Pane | None:
        """Empty the tile and return its pane, which is kept."""
        pane, self.pane = self.pane, None
        if pane is not None:
            pane.subtitle_changed.disconnect(self._show_words)
            self.holder.removeWidget(pane)
            pane.hide()
            pane.setParent(pane.hidden_parent)
        return pane

    def set_current(self, current: bool) -> None:
        if self.property("current") != current:
            self.setProperty("current", current)
            self.style().unpolish(self)
            self.style().polish(self)

    def restyle(self) -> None:
        self.title.setFont(self.theme.font(15, bold=True))
        self.title.setStyleSheet(f"font-size: {self.theme.px(15)}px; font-weight: 600;")
        self.save_button.setIcon(icon("save", self.theme))
        self.enlarge.setIcon(icon("enlarge", self.theme))

    def retranslate(self) -> None:
        if self.pane is not None:
            self.title.setText(t(f"pane.{self.pane.id}.title"))
        self.title.setToolTip(t("tile.choose"))
        self.title.setAccessibleName(t("tile.choose"))
        for button, key in ((self.save_button, "tile.save"), (self.enlarge, "tile.enlarge")):
            button.setToolTip(t(key))
            button.setAccessibleName(t(key))
        for action in ("copy_picture", "save_png", "save_svg", "copy_table", "save_csv", "detach"):
            getattr(self, action).setText(t(f"tile.{action}"))
        self._show_words()

    def _show_words(self) -> None:
        words = self.pane.subtitle() if self.pane else ""
        elided = self.words.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.words.width())
        if elided != self.words.text():
            self.words.setText(elided)
            self.words.setToolTip(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._column.activate()
        self._show_words()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.touched.emit()
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.position().y() < self.holder.geometry().top():
            self.enlarge_wanted.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._show_words()

    # --- The menus -------------------------------------------------------------------------------

    def _fill_titles(self) -> None:
        self.title_menu.clear()
        for pane_id, name in self._choices():
            action = self.title_menu.addAction(name)
            action.triggered.connect(lambda _=False, chosen=pane_id: self.pane_chosen.emit(chosen))

    def _enable_table(self) -> None:
        there = self.pane is not None and self.pane.table() is not None
        self.copy_table.setEnabled(there)
        self.save_csv.setEnabled(there)

    def _copy_picture(self) -> None:
        if self.pane is not None:
            QApplication.clipboard().setPixmap(saving.picture(self.pane))

    def _copy_table(self) -> None:
        table = self.pane.table() if self.pane else None
        if table is not None:
            QApplication.clipboard().setText(saving.as_text(table, "\t"))

    def _save_table(self) -> None:
        table = self.pane.table() if self.pane else None
        if table is not None:
            self._save("csv", lambda _, path: saving.save_csv(table, path))

    def _save(self, kind: str, write: Callable[[Pane, Path], None]) -> None:
        pane = self.pane
        if pane is None:
            return
        suggestion = str(Path.home() / f"nakami-{pane.id}.{kind}")
        name, _ = QFileDialog.getSaveFileName(self, t("tile.save"), suggestion, f"{kind.upper()} (*.{kind})")
        if not name:
            return
        path = Path(name) if name.lower().endswith(f".{kind}") else Path(f"{name}.{kind}")
        try:
            write(pane, path)
        except OSError as error:
            pane.messages.show_key("error.not_written", "bad", file=str(path), reason=error.strerror or str(error))
        else:
            pane.messages.show_key("notice.saved", file=str(path))
