"""The frame around a pane: its title and subtitle, and the actions that every pane has."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui import saving
from gui.dialogs import documents, pictures
from gui.i18n import t
from gui.layout import label, set_property, stack
from gui.pane import Pane
from gui.samples import name_of
from gui.saving import Caption
from gui.text import shown_name, tip
from gui.theme import GAP_L, GAP_M, GAP_S, icon
from gui.themed import Themed

# A smaller tile shows the picture alone: pixels at zoom 1 of the controls, and of the content.
ROOM_FOR_CONTROLS, ROOM_FOR_CONTENT = (620, 380), (620, 300)


class Tile(Themed, QFrame):
    pane_chosen = Signal(str)  # from the title's menu
    enlarge_wanted = Signal()
    detach_wanted = Signal()
    touched = Signal()  # the mouse was pressed in it

    def __init__(self, choices: Callable[[], list[tuple[str, str]]]) -> None:
        super().__init__()
        self.setObjectName("card")
        # All tiles have the same size, whatever their panes would prefer.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.pane: Pane | None = None
        self._choices = choices
        self.title = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.title.setProperty("flat", True)
        self.title.setProperty("menu", True)
        self.title_menu = QMenu(self.title)
        self.title_menu.aboutToShow.connect(self._fill_titles)
        self.title.setMenu(self.title_menu)
        self.subtitle = label("muted")
        self.subtitle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.sentence = label("sentence", wraps=True)
        self.sentence.setContentsMargins(GAP_L, 0, GAP_L, 0)
        self.save_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save_menu = QMenu(self.save_button)
        self.save_button.setMenu(self.save_menu)
        self.enlarge = QToolButton()
        self.enlarge.clicked.connect(self.enlarge_wanted)
        self._make_actions()
        header = QHBoxLayout()
        header.setContentsMargins(GAP_M, GAP_S, GAP_S, 0)
        header.setSpacing(GAP_M)
        header.addWidget(self.title)
        header.addWidget(self.subtitle, 1)
        for button in (self.save_button, self.enlarge):
            button.setProperty("flat", True)
            header.addWidget(button)
        self.holder = QVBoxLayout()
        self.holder.setContentsMargins(GAP_L, GAP_S, GAP_L, GAP_L)
        self._column = stack(self, header, self.sentence, self.holder)
        self._column.setStretchFactor(self.holder, 1)
        self.restyle()
        self.retranslate()

    def _make_actions(self) -> None:
        self.copy_picture = self._action(self._copy_picture)
        self.save_png = self._action(lambda: self._save_picture("png", saving.save_png))
        self.save_svg = self._action(lambda: self._save_picture("svg", saving.save_svg))
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
        return False  # otherwise long texts in one tile would make its row of tiles taller

    def set_pane(self, pane: Pane) -> None:
        self.take_pane()
        self.pane = pane
        self.holder.addWidget(pane)
        pane.subtitle_changed.connect(self._show_words)
        pane.veil.dimmed.connect(self._dim_words)
        pane.state.sentences_changed.connect(self._show_words)
        self._adapt_layout()
        pane.show()
        self._dim_words(pane.veil.isVisible())
        self.retranslate()

    def take_pane(self) -> Pane | None:
        """Take the pane out of the tile and return it, hidden."""
        pane, self.pane = self.pane, None
        if pane is not None:
            pane.subtitle_changed.disconnect(self._show_words)
            pane.veil.dimmed.disconnect(self._dim_words)
            pane.state.sentences_changed.disconnect(self._show_words)
            self.holder.removeWidget(pane)
            pane.hide()
            pane.setParent(pane.hidden_parent)
        return pane

    def set_current(self, current: bool) -> None:
        set_property(self, "current", current)

    def restyle(self) -> None:
        self.title.setFont(self.theme.font(15, bold=True))
        self.title.setStyleSheet(f"font-size: {self.theme.px(15)}px; font-weight: 600;")
        self.save_button.setIcon(icon("save", self.theme))
        self.enlarge.setIcon(icon("enlarge", self.theme))
        self._adapt_layout()
        self._show_words()

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

    def _adapt_layout(self) -> None:
        if self.pane is not None:
            wide, high = (
                max(self.theme.px(controls), self.content.px(content))
                for controls, content in zip(ROOM_FOR_CONTROLS, ROOM_FOR_CONTENT, strict=True)
            )
            self.pane.set_compact(self.width() < wide or self.height() < high)

    def _show_words(self) -> None:
        self._show_subtitle()
        self._show_sentence()

    def _dim_words(self, dimmed: bool) -> None:
        """Dim the words about values that are out of date, as the veil dims the values."""
        self.subtitle.setDisabled(dimmed)
        self.sentence.setDisabled(dimmed)

    def _show_sentence(self) -> None:
        if self.pane is not None:
            words = self._words()
            self.sentence.setText(words)
            self.sentence.setVisible(bool(words) and not self.pane.compact)

    def _words(self) -> str:
        """Return the sentence of the scene or else of the pane, or "" while sentences are hidden."""
        pane = self.pane
        if pane is None or not pane.state.sentences:
            return ""
        look = pane.state.look
        return look.words() if look is not None and look.pane == pane.id else pane.sentence()

    def _caption(self) -> Caption:
        """Return the words of a saved picture: what it shows, of which model and text."""
        pane = self.pane
        if pane is None:
            return Caption()
        model, text = pane.state.model, pane.state.text
        source = ["Nakami", *([name_of(model)] if model is not None else [])]
        source += [t("tile.quoted", text=shown_name(text))] if text else []
        title = " · ".join(words for words in (t(f"pane.{pane.id}.title"), pane.subtitle()) if words)
        return Caption(title, self._words(), " · ".join(source))

    def _show_subtitle(self) -> None:
        words = self.pane.subtitle() if self.pane else ""
        elided = self.subtitle.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, self.subtitle.width())
        if elided != self.subtitle.text():
            self.subtitle.setText(elided)
            self.subtitle.setToolTip(tip(words))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._adapt_layout()
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
            self._show_subtitle()

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
            QApplication.clipboard().setPixmap(saving.picture(self.pane.picture(), self._caption()))

    def _copy_table(self) -> None:
        table = self.pane.table() if self.pane else None
        if table is not None:
            QApplication.clipboard().setText(saving.as_text(table, "\t"))

    def _save_table(self) -> None:
        table = self.pane.table() if self.pane else None
        if table is not None:
            self._save("csv", documents(), lambda path: saving.save_csv(table, path))

    def _save_picture(self, kind: str, save: Callable[[QWidget, Path, Caption], None]) -> None:
        pane = self.pane
        if pane is not None:
            self._save(kind, pictures(), lambda path: save(pane.picture(), path, self._caption()))

    def _save(self, kind: str, folder: str, write: Callable[[Path], None]) -> None:
        """Ask for a path, in the folder of the last time or else in this one, and write the file."""
        pane = self.pane
        if pane is None:
            return
        last = pane.settings.saved_to
        suggestion = str(Path(last if Path(last).is_dir() and last else folder) / f"nakami-{pane.id}.{kind}")
        name, _ = QFileDialog.getSaveFileName(self, t("tile.save"), suggestion, f"{kind.upper()} (*.{kind})")
        if not name:
            return
        path = Path(name) if name.lower().endswith(f".{kind}") else Path(f"{name}.{kind}")
        try:
            write(path)
        except OSError as error:
            pane.messages.show_key("error.not_written", "bad", file=str(path), reason=error.strerror or str(error))
        else:
            pane.settings.saved_to = str(path.parent)
            pane.messages.show_key("notice.saved", file=str(path))
