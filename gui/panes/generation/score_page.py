"""The page of a scored text: the text in colours, the curve below it, and what was expected at one place."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from gui.i18n import t
from gui.layout import column, label, row, stack
from gui.panes.generation.score_curve import ScoreCurve
from gui.panes.generation.stage_text import StageText
from gui.panes.generation.units import UNITS
from gui.part import Page
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.legend import Entry, Legend
from gui.widgets.segmented_control import SegmentedControl

# Pixels at zoom 1: least width or height of the page at which these are shown.
LEAST_ROOM, LONG_ROOM = 500, 300  # the candidates; the curve, and everything in words


class ScorePage(Themed, Page):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary, self.title = label("content", wraps=True), label("content-large", wraps=True)
        self.token_words = label("content", wraps=True)
        self.text, self.curve, self.bars = StageText(), ScoreCurve(), CandidateBars(draws=False)
        self.key, self.unit = Legend(), SegmentedControl(tuple(UNITS))
        self.stop_button, self.end_button = QPushButton(), QPushButton()
        self.word_label, self.word, self.word_words = label(), QLineEdit(), label("content")
        self.word_label.setBuddy(self.word)
        self.word.setClearButtonEnabled(True)
        self.text.setMinimumHeight(1)  # in a low tile the text scrolls
        self.shown, self.right, self.tools = QWidget(), QWidget(), QWidget()
        asked = (self.word_label, self.word, self.word_words)
        self.tools.setLayout(row(self.unit, self.stop_button, *asked, 1, self.end_button, spacing=GAP_M))
        left = column(self.summary, self.text, self.key, self.curve, spacing=GAP_M)
        left.setStretchFactor(self.text, 2)
        left.setStretchFactor(self.curve, 3)
        self.right.setLayout(column(self.title, self.token_words, self.bars, spacing=GAP_M))
        halves = row(left, self.right, spacing=GAP_L)
        halves.setStretch(0, 5)
        halves.setStretch(1, 4)
        self.shown.setLayout(halves)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.retranslate()

    def show_key(self, low: str, high: str) -> None:
        """Show the legend; `low` and `high` are the ends of the colour scale in words."""
        line = self.theme.series_color(1).name()
        scale = Entry(t(f"pane.generation.score.key.{self.unit.current}", low=low, high=high), scale=True)
        self.key.set_entries([scale, Entry(t("pane.generation.score.key.line"), line)])

    def adapt_layout(self, room: QSize) -> None:
        """Show the widgets for which a pane of this size has room."""
        self.right.setVisible(room.width() >= self.theme.px(LEAST_ROOM))
        for widget in (self.summary, self.curve, self.key, self.token_words):
            widget.setVisible(room.height() >= self.theme.px(LONG_ROOM))

    def retranslate(self) -> None:
        labels = {unit: t(f"pane.generation.unit.{unit}") for unit in UNITS}
        self.unit.set_labels(labels, t("pane.generation.score.units"))
        self.stop_button.setText(t("pane.generation.score.stop"))
        self.end_button.setText(t("pane.generation.score.end"))
        self.word_label.setText(t("pane.generation.score.word"))
        self.word.setPlaceholderText(t("pane.generation.score.word_hint"))
        self.text.setAccessibleName(t("pane.generation.score.text"))
        self.curve.setAccessibleName(t("pane.generation.score.curve"))
        self.bars.setAccessibleName(t("pane.generation.score.expected"))
