"""The row at the top: the prompt, and beside it the menus and the theme button."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from gui import i18n
from gui.i18n import t
from gui.theme import GAP_M, icon
from gui.themed import Themed
from gui.window.actions import Actions
from gui.window.opening import Opening
from gui.window.prompt import Prompt

OPEN = (
    "models",
    "open_text",
    "open_folder",
    "open_model",
    "open_gguf",
    "hub",
    "sample",
    "world",
    "builtin",
    "smollm2",
    "weights",
    "save_model",
)
TILES = (
    *("tiles_1", "tiles_2", "tiles_4", "enlarge", "sentences"),
    *("zoom_in", "zoom_out", "controls_in", "controls_out", "zoom_reset"),
    *("full_screen", "find", "keys"),
)


class TopRow(Themed, QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.prompt, self.recent_menu = Prompt(), QMenu(self)
        self.open, self.examples, self.language, self.tiles = (_menu_button() for _ in range(4))
        self.theme_button = QToolButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_M)
        row.addWidget(self.prompt, 1)
        for button in (self.open, self.examples, self.language, self.tiles, self.theme_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.restyle()
        self.retranslate()

    def fill(self, actions: Actions, opening: Opening, examples: QMenu, choose_language: Callable[[str], None]) -> None:
        """Fill the menus."""
        self.examples.setMenu(examples)
        menu = self.open.menu()
        menu.addActions([actions.by_name[name] for name in OPEN])
        menu.addMenu(self.recent_menu)
        menu.aboutToShow.connect(lambda: opening.fill_recent(self.recent_menu))
        for code, name in i18n.LANGUAGES.items():
            self.language.menu().addAction(name).triggered.connect(lambda _=False, code=code: choose_language(code))
        self.tiles.menu().addActions([actions.by_name[name] for name in TILES])
        self.theme_button.clicked.connect(actions.by_name["theme"].trigger)

    def restyle(self) -> None:
        self.theme_button.setIcon(icon("theme", self.theme))
        self.tiles.setIcon(icon("tiles", self.theme))

    def retranslate(self) -> None:
        self.prompt.setPlaceholderText(t("window.prompt"))
        for widget, key in (
            (self.prompt, "prompt"),
            (self.examples, "examples"),
            (self.theme_button, "theme"),
            (self.tiles, "tiles"),
            (self.language, "language"),
        ):
            widget.setAccessibleName(t(f"window.{key}"))
            widget.setToolTip(t(f"window.{key}"))
        self.open.setText(t("window.open"))
        self.examples.setText(t("window.examples"))
        self.language.setText(i18n.LANGUAGES[i18n.language()])
        self.recent_menu.setTitle(t("window.recent"))


def _menu_button() -> QToolButton:
    button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QMenu(button))
    button.setProperty("menu", True)  # shows an arrow
    return button
