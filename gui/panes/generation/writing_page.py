"""What the Generation pane shows: the text, its sliders and buttons, and the candidates for the next token."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.messages.generation import STAGES, Candidates
from gui.i18n import t
from gui.panes.generation.candidate_bars import CandidateBars
from gui.panes.generation.sampling_controls import SamplingControls
from gui.theme import GAP_L, GAP_M, GAP_S, icon
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText, Span
from gui.widgets.legend import Entry, Legend

COLUMNS = (0.0, 1.0, 2.0)  # temperatures of the side-by-side view
COLORS = ("probability", "entropy")  # what the colour of a token can say
BUSY_ROOM, TALL_ROOM = 640, 460  # pixels at zoom 1: below this the page folds
KEY_ROOM = 300  # below this nothing says what the colours mean
LEAST_ROOM, LOW_ROOM = 500, 180  # and below this it is a text with its buttons


class WritingPage(Themed, QWidget):
    column_wanted = Signal(int)  # that continuation is to become the text

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controls, self.bars = SamplingControls(), CandidateBars()
        self.bars_title, self.stage_words, self.live_words = QLabel(), QLabel(), QLabel()
        for label in (self.bars_title, self.stage_words, self.live_words):
            label.setProperty("role", "muted")
        self.stage_words.setWordWrap(True)
        self.text_key, self.bars_key = Legend(), Legend()
        self.live = QCheckBox(checked=True)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.setSpacing(GAP_M)
        right.setSpacing(GAP_S)
        left.addLayout(self._build_texts(), 1)
        left.addWidget(self.text_key)
        live_row = QHBoxLayout()
        live_row.addWidget(self.live)
        live_row.addWidget(self.live_words, 1)
        left.addLayout(live_row)
        left.addWidget(self.controls)
        left.addLayout(self._build_buttons())
        right.addWidget(self.bars_title)
        right.addWidget(self.bars_key)
        right.addWidget(self.bars, 1)
        right.addWidget(self.stage_words)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GAP_L)
        whole.addLayout(left, 5)
        whole.addLayout(right, 4)
        self.restyle()
        self.retranslate()

    def _build_texts(self) -> QStackedLayout:
        """One text, or several side by side."""
        self.text, self.texts = ColouredText(), QStackedLayout()
        self.columns, self.column_titles = [ColouredText() for _ in COLUMNS], [QPushButton() for _ in COLUMNS]
        side_by_side = QWidget()
        row = QHBoxLayout(side_by_side)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP_M)
        for index, (column, title) in enumerate(zip(self.columns, self.column_titles, strict=True)):
            holder = QVBoxLayout()
            title.clicked.connect(lambda _=False, index=index: self.column_wanted.emit(index))
            holder.addWidget(title)
            holder.addWidget(column, 1)
            row.addLayout(holder, 1)
        self.texts.addWidget(self.text)
        self.texts.addWidget(side_by_side)
        for page in (self.text, side_by_side):
            page.setMinimumHeight(1)  # in a low tile it scrolls, and the buttons stay whole
        return self.texts

    def _build_buttons(self) -> QVBoxLayout:
        self.play_button, self.step_button, self.back_button = QPushButton(), QPushButton(), QPushButton()
        self.play_button.setProperty("primary", True)
        self.branch_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
        self.branch_menu = QMenu(self.branch_button)
        self.branch_button.setMenu(self.branch_menu)
        self.side_button, self.copy_button, self.clear_button = QPushButton(), QPushButton(), QPushButton()
        self.side_button.setCheckable(True)
        self.length = QSpinBox(minimum=1, maximum=5000, value=100)
        self.color = QComboBox()
        self.color.addItems(COLORS)
        self.color.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.color.currentIndexChanged.connect(self._show_keys)
        self.more = QWidget()
        first, second = QHBoxLayout(), QHBoxLayout(self.more)
        second.setContentsMargins(0, 0, 0, 0)
        for widget in (self.play_button, self.step_button, self.back_button, self.branch_button, self.side_button):
            first.addWidget(widget)
        first.addStretch(1)
        for field in (self.color, self.length, self.copy_button, self.clear_button):
            second.addWidget(field)
        second.addStretch(1)
        rows = QVBoxLayout()
        rows.setSpacing(GAP_M)
        rows.addLayout(first)
        rows.addWidget(self.more)
        return rows

    # --- Showing it ------------------------------------------------------------------------------

    def set_text(self, spans: list[Span], ahead: list[Span]) -> None:
        """`ahead`: what follows on the way that was gone before; the mark stands in front of it."""
        self.text.set_spans([*spans, *ahead], len(spans) - 1 or None)

    def set_columns(self, texts: list[list[Span]]) -> None:
        for column, spans in zip(self.columns, texts, strict=False):
            column.set_spans(spans)

    def set_candidates(self, candidates: Candidates) -> None:
        self.bars.set_candidates(candidates)
        kept = dict(zip(STAGES, candidates.kept, strict=True))
        parts = [
            t(f"pane.generation.candidates.kept.{stage}", count=f"{kept[stage]:,}")
            for stage in ("model", "top_k", "top_p", "min_p")
        ]
        self.stage_words.setText(" → ".join(parts))

    def set_writing(self, playing: bool, can_go_back: bool, branches: int) -> None:
        self.play_button.setText(t("pane.generation.pause" if playing else "pane.generation.play"))
        self.back_button.setEnabled(can_go_back)
        self.step_button.setEnabled(not playing)
        self.branch_button.setText(t("pane.generation.branches", count=branches))

    def _show_keys(self) -> None:
        """What the colours under the text and those of the bars mean."""
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

    def fold(self, room: QSize) -> None:
        """To what there is room for in a pane of this size."""
        small = room.height() < self.theme.px(TALL_ROOM)
        self.controls.set_compact(small)
        self.more.setVisible(not small)
        self.stage_words.setVisible(not small)
        self.live.setVisible(not small)
        self.side_button.setVisible(room.width() >= self.theme.px(BUSY_ROOM))
        self.controls.setVisible(room.height() >= self.theme.px(LOW_ROOM))
        wide, tall = room.width() >= self.theme.px(LEAST_ROOM), room.height() >= self.theme.px(KEY_ROOM)
        for widget in (self.bars_title, self.bars, self.branch_button):
            widget.setVisible(wide)
        self.text_key.setVisible(tall)
        self.bars_key.setVisible(wide and tall)

    def retranslate(self) -> None:
        for widget, key in (
            (self.step_button, "step"),
            (self.back_button, "back"),
            (self.side_button, "side"),
            (self.copy_button, "copy"),
            (self.clear_button, "clear"),
            (self.live, "live"),
            (self.bars_title, "next"),
        ):
            widget.setText(t(f"pane.generation.{key}"))
        for index, value in enumerate(COLORS):
            self.color.setItemText(index, t(f"pane.generation.by_{value}"))
        self.color.setAccessibleName(t("pane.generation.color"))
        self.length.setAccessibleName(t("pane.generation.length"))
        self.length.setToolTip(t("pane.generation.length"))
        self.bars.setAccessibleName(t("pane.generation.next"))
        for title, temperature in zip(self.column_titles, COLUMNS, strict=True):
            title.setText(t("pane.generation.column", temperature=temperature))
        self._show_keys()

    def restyle(self) -> None:
        self._show_keys()
        self.play_button.setIcon(icon("play", self.theme, "on_accent", 16))
