"""Theme, zoom and language of the program: set from the settings, and changed by the user."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from gui import i18n, theme, themed
from gui.settings import Settings

ZOOMS = (0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)
CONTROLS_GROWTH = 0.75  # the power of the window's size with which the controls grow


class Appearance(QObject):
    """Applies the settings' theme, zoom and language at once and after every change."""

    changed = Signal()  # the settings have changed

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._room = self._controls_room = 1.0  # by how much content and controls are enlarged in a large window
        i18n.set_language(settings.language or i18n.system_language())
        self.apply_theme()

    def apply_theme(self) -> None:
        """Apply the theme and zoom that are in the settings now."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        chosen = theme.THEMES.get(self._settings.theme, theme.LIGHT)
        zoom, content = self._settings.zoom * self._controls_room, self._settings.content_zoom * self._room
        themed.apply(app, replace(chosen, zoom=zoom, content_zoom=content))
        self.changed.emit()

    def set_room(self, width: int, height: int) -> None:
        """Scale content and controls to a window of this size, in pixels.

        Normal type of the content has 20 of 1,080 lines, but at least 15. Controls grow more slowly, from 1600 x 900.
        """
        content = max(1.0, min(width / 1920, height / 1080) * 20 / theme.NORMAL)
        controls = max(1.0, min(width / 1600, height / 900)) ** CONTROLS_GROWTH
        rooms = round(content * 20) / 20, round(controls * 20) / 20  # in steps, because each takes time
        if rooms != (self._room, self._controls_room):
            self._room, self._controls_room = rooms
            self.apply_theme()

    def toggle_theme(self) -> None:
        self._settings.theme = "light" if theme.current().name == "dark" else "dark"
        self.apply_theme()

    def change_zoom(self, direction: int, controls: bool = False) -> None:
        """Make what the panes show, or the controls, one step larger (1) or smaller (-1)."""
        now = self._settings.zoom if controls else self._settings.content_zoom
        near = min(range(len(ZOOMS)), key=lambda i: abs(ZOOMS[i] - now))
        chosen = ZOOMS[min(max(near + direction, 0), len(ZOOMS) - 1)]
        if controls:
            self._settings.zoom = chosen
        else:
            self._settings.content_zoom = chosen
        self.apply_theme()

    def reset_zoom(self) -> None:
        """Give content and controls their normal sizes."""
        self._settings.zoom = self._settings.content_zoom = 1.0
        self.apply_theme()

    def toggle_language(self) -> None:
        self.set_language("en" if i18n.language() == "ja" else "ja")

    def set_language(self, language: str) -> None:
        self._settings.language = language
        i18n.set_language(language)
        self.changed.emit()
