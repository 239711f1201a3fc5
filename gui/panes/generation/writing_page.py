"""The page of the Generation pane: the text, sliders and buttons, and the candidates for the next token."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QMenu,
    QPushButton,
    QSpinBox,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.messages.generation import STAGES, Candidates
from gui.i18n import number, t
from gui.layout import column, label, row
from gui.panes.generation.tree_view import TreeView
from gui.text import tip
from gui.theme import GAP_L, GAP_M, GAP_S, icon
from gui.themed import Themed
from gui.widgets.candidate_bars import CandidateBars
from gui.widgets.coloured_text import ColouredText, Span
from gui.widgets.legend import Entry, Legend
from gui.widgets.sampling_controls import SamplingControls

COLUMNS = (0.0, 1.0, 2.0)  # temperatures of the side-by-side view
COLORS = ("probability", "entropy")  # quantities that a token's colour can show
# Pixels at zoom 1: least width or height of the page at which these are shown.
BUSY_ROOM, TALL_ROOM = 640, 460  # "side by side"; rare controls
KEY_ROOM = 300  # the legends
LEAST_ROOM, LOW_ROOM = 500, 180  # the candidates; the sliders


class WritingPage(Themed, QWidget):
    column_wanted = Signal(int)  # make this continuation the text

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controls, self.bars = SamplingControls(), CandidateBars()
        self.bars_title, self.stage_words, self.live_words = label("muted"), label("muted", wraps=True), label("muted")
        self.text_key, self.bars_key = Legend(), Legend()
        self._room = QSize(TALL_ROOM, TALL_ROOM)
        self.live = QCheckBox()
        self.live.setChecked(True)
        live_row = row(self.live, self.live_words, 1, spacing=GAP_M)
        texts, buttons = self._build_texts(), self._build_buttons()
        left = column(texts, self.text_key, live_row, self.controls, buttons, spacing=GAP_M)
        left.setStretchFactor(texts, 1)
        right = column(self.bars_title, self.bars_key, self.bars, self.stage_words, spacing=GAP_S)
        right.setStretchFactor(self.bars, 1)
        whole = row(left, right, spacing=GAP_L)
        whole.setStretch(0, 5)
        whole.setStretch(1, 4)
        self.setLayout(whole)
        self.restyle()
        self.retranslate()

    def _build_texts(self) -> QStackedLayout:
        """Build the page with one text, and the page with several side by side."""
        self.text, self.texts = ColouredText(), QStackedLayout()
        self.columns, self.column_titles = [ColouredText() for _ in COLUMNS], [QPushButton() for _ in COLUMNS]
        side_by_side = QWidget()
        for index, title in enumerate(self.column_titles):
            title.clicked.connect(lambda _=False, index=index: self.column_wanted.emit(index))
        pairs = zip(self.column_titles, self.columns, strict=True)
        side_by_side.setLayout(row(*(column(title, text, spacing=GAP_S) for title, text in pairs), spacing=GAP_M))
        self.tree = TreeView()
        for page in (self.text, side_by_side, self.tree):
            self.texts.addWidget(page)
            page.setMinimumHeight(1)  # in a low tile the text scrolls, and the buttons keep their height
        return self.texts

    def _build_buttons(self) -> QVBoxLayout:
        self.play_button, self.step_button, self.back_button = QPushButton(), QPushButton(), QPushButton()
        self.play_button.setProperty("primary", True)
        self.branch_button = QToolButton()
        self.branch_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.branch_menu = QMenu(self.branch_button)
        self.branch_button.setMenu(self.branch_menu)
        self.side_button, self.copy_button, self.clear_button = QPushButton(), QPushButton(), QPushButton()
        self.tree_button = QPushButton()
        self.side_button.setCheckable(True)
        self.tree_button.setCheckable(True)
        self.length = QSpinBox()
        self.length.setRange(1, 5000)
        self.length.setValue(100)
        self.color = QComboBox()
        self.color.addItems(COLORS)
        self.color.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.color.currentIndexChanged.connect(self._show_keys)
        self.more = QWidget()
        self.more.setLayout(row(self.color, self.length, self.copy_button, self.clear_button, 1, spacing=GAP_S))
        first = (
            self.play_button,
            self.step_button,
            self.back_button,
            self.branch_button,
            self.side_button,
            self.tree_button,
        )
        # DejaVu Sans is wide: in a small tile there is no space for larger gaps.
        return column(row(*first, 1, spacing=GAP_S), self.more, spacing=GAP_M)

    # --- Showing it ------------------------------------------------------------------------------

    def set_text(self, spans: list[Span], ahead: list[Span]) -> None:
        """Show the text; `ahead` are the tokens after the current one on the branch visited last."""
        self.text.set_spans([*spans, *ahead], len(spans) - 1 or None)

    def set_columns(self, texts: list[list[Span]]) -> None:
        for shown, spans in zip(self.columns, texts, strict=False):
            shown.set_spans(spans)

    def set_candidates(self, candidates: Candidates) -> None:
        self.bars.set_candidates(candidates)
        kept = dict(zip(STAGES, candidates.kept, strict=True))
        parts = [
            t(f"pane.generation.candidates.kept.{stage}", count=number(kept[stage]))
            for stage in ("model", "top_k", "top_p", "min_p")
        ]
        self.stage_words.setText(" → ".join(parts))

    def set_writing(self, playing: bool, can_go_back: bool, branches: int) -> None:
        self.play_button.setText(t("pane.generation.pause" if playing else "pane.generation.play"))
        self.back_button.setEnabled(can_go_back)
        self.step_button.setEnabled(not playing)
        self.branch_button.setText(t("pane.generation.branches", count=branches))

    def _show_keys(self) -> None:
        """Show the legends of the colours under the text and of the bars."""
        value = COLORS[max(0, self.color.currentIndex())]
        under = Entry(t(f"pane.generation.key.{value}"), scale=True)
        self.text_key.set_entries([under, Entry(t("pane.generation.key.prompt"))])
        model, left = (self.theme.series_color(index).name() for index in (0, 4))
        entries = [
            Entry(t("pane.generation.candidates.key.model"), bar=model),
            Entry(t("pane.generation.candidates.key.left"), left),
            Entry(t("pane.generation.candidates.key.cut"), bar=self.theme.cut),
        ]
        self.bars_key.set_entries(entries)

    def show_view(self, index: int) -> None:
        """Show one of the text, several texts side by side, and the tree, which takes the room of the sliders."""
        self.texts.setCurrentIndex(index)
        self.adapt_layout(self._room)

    def adapt_layout(self, room: QSize) -> None:
        """Show the widgets for which a pane of this size has room."""
        self._room, tree = room, self.texts.currentWidget() is self.tree
        small = room.height() < self.theme.px(TALL_ROOM) or tree
        self.controls.set_compact(small)
        self.more.setVisible(not small)
        self.stage_words.setVisible(not small)
        self.live.setVisible(not small)
        for button in (self.side_button, self.tree_button):
            button.setVisible(room.width() >= self.theme.px(BUSY_ROOM))
        self.controls.setVisible(room.height() >= self.theme.px(LOW_ROOM) and not tree)
        wide, tall = room.width() >= self.theme.px(LEAST_ROOM), room.height() >= self.theme.px(KEY_ROOM)
        for widget in (self.bars_title, self.bars, self.branch_button):
            widget.setVisible(wide)
        self.text_key.setVisible(tall and not tree)
        self.bars_key.setVisible(wide and tall)

    def retranslate(self) -> None:
        for widget, key in (
            (self.step_button, "step"),
            (self.back_button, "back"),
            (self.side_button, "side"),
            (self.tree_button, "tree_button"),
            (self.copy_button, "copy"),
            (self.clear_button, "clear"),
            (self.live, "live"),
            (self.bars_title, "next"),
        ):
            widget.setText(t(f"pane.generation.{key}"))
        for index, value in enumerate(COLORS):
            self.color.setItemText(index, t(f"pane.generation.by_{value}"))
        self.tree_button.setToolTip(t("pane.generation.tree.keys"))
        self.tree.page.setAccessibleName(t("pane.generation.tree.name"))
        self.color.setAccessibleName(t("pane.generation.color"))
        self.color.setToolTip(tip(t("pane.generation.color")))
        self.length.setAccessibleName(t("pane.generation.length"))
        self.length.setToolTip(t("pane.generation.length"))
        self.bars.setAccessibleName(t("pane.generation.next"))
        for title, temperature in zip(self.column_titles, COLUMNS, strict=True):
            title.setText(t("pane.generation.column", temperature=temperature))
        self._show_keys()

    def restyle(self) -> None:
        self._show_keys()
        self.play_button.setIcon(icon("play", self.theme, "on_accent", 16))
