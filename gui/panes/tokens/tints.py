"""The tints of neighbouring tokens, the same in the text, in the rulers and in the tree of merges."""

from PySide6.QtGui import QColor

from gui.theme import Theme

ORDER = (5, 4, 2, 3, 0, 1)  # of the series' colours, so that neighbours differ
STRENGTH = 0.30  # of a colour; the rest is the surface's


def tint(theme: Theme, index: int) -> QColor:
    """Return the background of the token with this index in its text."""
    color, surface = theme.series_color(ORDER[index % len(ORDER)]), theme.color("surface")

    def mixed(part: int, of_surface: int) -> int:
        return round(STRENGTH * part + (1 - STRENGTH) * of_surface)

    return QColor(
        mixed(color.red(), surface.red()), mixed(color.green(), surface.green()), mixed(color.blue(), surface.blue())
    )
