"""A button with a menu of the embedders, in which the one in use is checked."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from gui.i18n import t
from gui.themed import Themed

KINDS = ("lsa", "minilm", "model", "word2vec", "encoder")


class EmbedderButton(Themed, QToolButton):
    chosen = Signal(str)  # one of KINDS

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.used, self.model = "", False
        menu = QMenu(self)
        self.choices = {kind: menu.addAction("") for kind in KINDS}
        for kind, action in self.choices.items():
            action.setCheckable(True)
            action.triggered.connect(lambda _, kind=kind: self._choose(kind))
        self.setMenu(menu)
        self.retranslate()

    def set_used(self, kind: str, model: bool) -> None:
        """Check the embedder in use, "" while there are no vectors. `model`: whether a model is open."""
        self.used, self.model = kind, model
        for name, action in self.choices.items():
            action.setChecked(name == kind)
        self.choices["model"].setEnabled(model)
        self.retranslate()

    def _choose(self, kind: str) -> None:
        self.set_used(self.used, self.model)  # the menu has checked the choice, but the embedder has not changed yet
        self.chosen.emit(kind)

    def retranslate(self) -> None:
        self.setText(t("pane.search.embedder_button.button"))
        self.setToolTip(t("pane.search.embedder_button.tip"))
        self.setAccessibleName(t("pane.search.embedder_button.tip"))
        for kind, action in self.choices.items():
            action.setText(t(f"pane.search.embedder_button.{kind}"))
        if not self.model:
            self.choices["model"].setText(t("pane.search.embedder_button.no_model"))
