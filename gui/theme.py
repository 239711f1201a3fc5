"""Named colours, sizes and the style sheet: the only file that contains colours."""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

ASSETS = Path(__file__).parent.parent / "assets"
SMALL, NORMAL, SENTENCE, LARGE, HUGE = 13, 15, 16, 20, 28  # type sizes in pixels at zoom 1
GAP_S, GAP_M, GAP_L, GAP_XL = 4, 8, 16, 24  # the distances between widgets, in pixels

# Japanese faces come first where a family covers both scripts, so that kanji take their Japanese forms.
FONT_FAMILIES = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Hiragino Sans",
    "Yu Gothic UI",
    "Meiryo",
    "Segoe UI",
    "Helvetica Neue",
    "DejaVu Sans",
)


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours, as "#rrggbb", and the zoom, by which all type and lengths are scaled.

    Controls and content (pictures, texts) have zooms of their own: `content` is the theme with that of the content.
    """

    name: str
    background: str
    surface: str
    sunken: str
    border: str
    grid: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    on_accent: str
    good: str
    warning: str
    bad: str
    cut: str
    faint: str  # disabled text, still legible from the back row
    series: tuple[str, ...]
    zoom: float = 1.0
    content_zoom: float = 1.0

    @property
    def content(self) -> "Theme":
        """The theme whose zoom is the content's."""
        return _of_content(self)

    def px(self, size: float) -> int:
        """Return a length given at zoom 1, in pixels at this zoom."""
        return max(1, round(size * self.zoom))

    def color(self, name: str) -> QColor:
        return QColor(getattr(self, name))

    def series_color(self, index: int) -> QColor:
        return QColor(self.series[index % len(self.series)])

    def font(self, size: int = NORMAL, bold: bool = False) -> QFont:
        font = QFont(QApplication.font())
        font.setPixelSize(self.px(size))
        font.setBold(bold)
        return font


@lru_cache(maxsize=4)
def _of_content(theme: Theme) -> Theme:
    return replace(theme, zoom=theme.content_zoom)


# The series are Okabe and Ito's colours (jfly.uni-koeln.de/color, 2008), safe for the colour-blind.
LIGHT = Theme(
    name="light",
    background="#f5f6f2",
    surface="#ffffff",
    sunken="#efefec",
    border="#dfe0da",
    grid="#e8e8e4",
    text="#15181c",
    muted="#62666d",
    accent="#2257a8",
    accent_soft="#e6edf8",
    on_accent="#ffffff",
    good="#00805f",
    warning="#a65b00",
    bad="#b3261e",
    cut="#d6d6d2",
    faint="#94979b",
    series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00", "#000000"),
)
DARK = Theme(
    name="dark",
    background="#14161b",
    surface="#1c1f26",
    sunken="#272a33",
    border="#2f333d",
    grid="#2a2e37",
    text="#eef0f3",
    muted="#a0a5ae",
    accent="#82aaff",
    accent_soft="#243350",
    on_accent="#10141c",
    good="#3cc79b",
    warning="#f0a94b",
    bad="#ff8a80",
    cut="#454a55",
    faint="#747a86",
    series=("#4aa8e0", "#ff8a3d", "#2fc79a", "#e39ac4", "#f2b632", "#8fd3f7", "#f0e442", "#ffffff"),
)
THEMES = {"light": LIGHT, "dark": DARK}

_current = LIGHT


def current() -> Theme:
    """Return the program's current theme."""
    return _current


def has_japanese_font() -> bool:
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.Japanese))


def apply(app: QApplication, theme: Theme) -> None:
    """Set font, palette and style sheet, and make this the current theme. See gui.themed.apply for widgets."""
    global _current
    _current = theme
    font = QFont()
    font.setFamilies(list(FONT_FAMILIES))
    font.setPixelSize(theme.px(SMALL))
    app.setFont(font)
    app.setPalette(_palette(theme))
    app.setStyleSheet(_style_sheet(theme))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for names, color in (
        ((role.Window, role.AlternateBase, role.ToolTipBase), theme.background),
        ((role.Base, role.Button), theme.surface),
        ((role.Text, role.WindowText, role.ButtonText, role.ToolTipText), theme.text),
        ((role.Highlight, role.Link), theme.accent),
        ((role.HighlightedText,), theme.on_accent),
        ((role.PlaceholderText,), theme.muted),
    ):
        for name in names:
            palette.setColor(name, QColor(color))
    for name in (role.Text, role.WindowText, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.faint))
    return palette


def _style_sheet(theme: Theme) -> str:
    names = {f.name: getattr(theme, f.name) for f in fields(theme) if isinstance(getattr(theme, f.name), str)}
    names["opposite"] = "light" if theme.name == "dark" else "dark"
    sizes = {"small": SMALL, "normal": NORMAL, "large": LARGE, "huge": HUGE}
    lengths = {f"px{n}": n for n in (2, 3, 4, 6, 8, 10, 12, 16, 18, 24, 32, 40)}
    pixels = {name: f"{theme.px(n)}px" for name, n in (sizes | lengths).items()}
    contents = {
        "sentence": SENTENCE,
        "content_small": SMALL,
        "content": NORMAL,
        "content_large": LARGE,
        "content_huge": HUGE,
    }
    pixels |= {name: f"{theme.content.px(n)}px" for name, n in contents.items()}
    icons = (ASSETS / "icons").as_posix()
    return Template((ASSETS / "style.qss").read_text("utf-8")).substitute(
        names, **pixels, icons=icons, families=", ".join(f'"{family}"' for family in FONT_FAMILIES)
    )


def icon(name: str, theme: Theme, color: str = "muted", size: int = 20) -> QIcon:
    """Return assets/icons/NAME.svg in one of the theme's colours, sharp on high-density screens too."""
    svg = (ASSETS / "icons" / f"{name}.svg").read_text("utf-8").replace("currentColor", getattr(theme, color))
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    ratio = 2.0  # twice the pixels looks sharp on ordinary and on high-density screens alike
    pixmap = QPixmap(QSize(theme.px(size), theme.px(size)) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return QIcon(pixmap)
