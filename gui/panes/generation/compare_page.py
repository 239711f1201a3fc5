"""The page of a comparison: two texts side by side, their divergence, and the candidates of both models."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton, QStackedLayout, QWidget

from gui.i18n import t
from gui.layout import column, label, row, stack
from gui.panes.generation.score_curve import ScoreCurve
from gui.panes.generation.stage_text import StageText
from gui.part import Page
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.empty_page import EmptyPage
from gui.widgets.legend import Entry, Legend

LEAST_ROOM, LONG_ROOM = 500, 300  # pixels at zoom 1: the candidates; the curve and the sentences
SIDES = ("now", "a")


class ComparePage(Themed, Page):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pin_button, self.unpin_button, self.write_button = QPushButton(), QPushButton(), QPushButton()
        self.summary, self.place_words = (label("content", wraps=True) for _ in range(2))
        self.titles = {side: label("content-large") for side in SIDES}
        self.texts = {side: StageText() for side in SIDES}
        self.names = {side: label("content") for side in SIDES}
        self.bars = {side: CandidateBars(draws=False) for side in SIDES}
        self.curve, self.key = ScoreCurve(), Legend()
        for text in self.texts.values():
            text.setMinimumHeight(1)
        columns = row(*(column(self.titles[s], self.texts[s], spacing=GAP_S) for s in SIDES), spacing=GAP_L)
        self.shown, self.right, self.tools = QWidget(), QWidget(), QWidget()
        self.tools.setLayout(row(self.pin_button, self.unpin_button, self.write_button, 1, spacing=GAP_M))
        left = column(self.summary, columns, self.key, self.curve, spacing=GAP_M)
        left.setStretchFactor(columns, 1)
        left.setStretchFactor(self.curve, 1)
        both = [column(self.names[side], self.bars[side], spacing=GAP_S) for side in SIDES]
        self.right.setLayout(column(self.place_words, *both, spacing=GAP_M))
        halves = row(left, self.right, spacing=GAP_L)
        halves.setStretch(0, 5)
        halves.setStretch(1, 3)
        self.empty, both_models = EmptyPage(), QWidget()
        both_models.setLayout(halves)
        self.pages = QStackedLayout(self.shown)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(both_models)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.retranslate()

    def show_advice(self, advice: str, can_pin: bool) -> None:
        """Show what to do first in place of the comparison, with a button that pins; without words show the latter."""
        pin = t("pane.generation.compare.pin") if can_pin else ""
        self.empty.set_words(t("pane.generation.compare.headline") if advice else "", advice, pin)
        self.pages.setCurrentIndex(0 if advice else 1)

    def show_key(self, kind: str) -> None:
        """Show the legend of the curve: "divergence", or "surprisal" where that is not defined."""
        scale = Entry(t(f"pane.generation.compare.key.{kind}.bars"), scale=True)
        line = Entry(t(f"pane.generation.compare.key.{kind}.line"), self.theme.series_color(1).name())
        self.key.set_entries([scale, line])

    def adapt_layout(self, room: QSize) -> None:
        """Show the widgets for which a pane of this size has room."""
        self.right.setVisible(room.width() >= self.theme.px(LEAST_ROOM))
        for widget in (self.curve, self.key, self.place_words):
            widget.setVisible(room.height() >= self.theme.px(LONG_ROOM))

    def retranslate(self) -> None:
        self.pin_button.setText(t("pane.generation.compare.pin"))
        self.pin_button.setToolTip(t("pane.generation.compare.pin_tip"))
        self.unpin_button.setText(t("pane.generation.compare.unpin"))
        self.write_button.setText(t("pane.generation.compare.write"))
        self.curve.setAccessibleName(t("pane.generation.compare.curve"))
