"""The page of the Generation pane: the stage, a line of controls below it, and more controls on demand."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QPushButton, QSpinBox, QWidget

from gui.i18n import t
from gui.layout import column, label, row
from gui.panes.generation.stage import Stage
from gui.part import Page
from gui.text import tip
from gui.theme import GAP_M, GAP_S, icon
from gui.themed import Themed
from gui.widgets.sampling_controls import SamplingControls

COLORS = ("probability", "entropy")  # quantities that a token's colour can show
WIDEST_SLIDER = 320  # pixels at zoom 1


class WritingPage(Themed, Page):
    column_wanted = Signal(int)  # make this continuation the text
    column_chosen = Signal(int)  # show its candidates

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage, self.controls = Stage(), SamplingControls(columns=3)
        self.shown = self.stage
        self.text, self.columns, self.bars, self.tree = (
            self.stage.text,
            self.stage.columns,
            self.stage.bars,
            self.stage.tree,
        )
        self.live = QCheckBox()
        self.live.setChecked(True)
        self.bar, self.more = QWidget(), QWidget()
        self.bar.setLayout(self._build_line())
        self.more.setLayout(column(self.controls, self._build_more(), spacing=GAP_M))
        self.tools = QWidget()
        self.tools.setLayout(column(self.bar, self.more, spacing=GAP_M))
        whole = column(self.stage, self.tools, spacing=GAP_M)
        whole.setStretchFactor(self.stage, 1)
        self.setLayout(whole)
        self.more.hide()
        self.more_button.toggled.connect(self.more.setVisible)
        self._connect_columns()
        self.restyle()
        self.retranslate()

    def _connect_columns(self) -> None:
        for index, (title, take) in enumerate(zip(self.stage.column_titles, self.stage.take_buttons, strict=True)):
            title.clicked.connect(lambda _=False, index=index: self.column_chosen.emit(index))
            take.clicked.connect(lambda _=False, index=index: self.column_wanted.emit(index))

    def _build_line(self) -> QHBoxLayout:
        """Build the controls that are always there: write, step, back, the temperature, and more."""
        self.play_button, self.step_button, self.back_button = QPushButton(), QPushButton(), QPushButton()
        self.play_button.setProperty("primary", True)
        self.more_button, self.minus = QPushButton(), QPushButton()
        self.more_button.setCheckable(True)
        self.minus.setCheckable(True)
        self.minus.hide()
        buttons = (self.play_button, self.step_button, self.back_button)
        line = row(*buttons, self.controls.sliders["temperature"], self.minus, self.more_button, 1, spacing=GAP_M)
        line.setStretch(len(buttons), 2)
        return line

    def _build_more(self) -> QHBoxLayout:
        self.side_button, self.tree_button = QPushButton(), QPushButton()
        self.copy_button, self.clear_button = QPushButton(), QPushButton()
        self.side_button.setCheckable(True)
        self.tree_button.setCheckable(True)
        self.length_label, self.length, self.color = label(), QSpinBox(), QComboBox()
        self.length_label.setBuddy(self.length)
        self.length.setRange(1, 5000)
        self.length.setValue(100)
        self.color.addItems(COLORS)
        self.color.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.color.currentIndexChanged.connect(self._show_key)
        first = (self.side_button, self.tree_button, self.color, self.length_label, self.length)
        # DejaVu Sans is wide: in a small tile there is no space for larger gaps.
        return row(*first, self.live, 1, self.copy_button, self.clear_button, spacing=GAP_S)

    # --- Showing it ------------------------------------------------------------------------------

    def set_writing(self, playing: bool, can_go_back: bool) -> None:
        self.play_button.setText(t("pane.generation.pause" if playing else "pane.generation.play"))
        self.play_button.setIcon(icon("pause" if playing else "play", self.theme, "on_accent", 16))
        self.back_button.setEnabled(can_go_back)
        self.step_button.setEnabled(not playing)

    def _show_key(self) -> None:
        self.stage.show_key(COLORS[max(0, self.color.currentIndex())])

    def show_view(self, index: int) -> None:
        """Show one of the text, several texts side by side, and the tree."""
        self.stage.views.setCurrentIndex(index)

    def adapt_layout(self, room: QSize) -> None:
        """Give the slider the width that it needs."""
        self.controls.sliders["temperature"].setMaximumWidth(self.theme.px(WIDEST_SLIDER))

    def retranslate(self) -> None:
        for widget, key in (
            (self.step_button, "step"),
            (self.back_button, "back"),
            (self.more_button, "more"),
            (self.minus, "minus_switch"),
            (self.side_button, "side"),
            (self.tree_button, "tree_button"),
            (self.copy_button, "copy"),
            (self.clear_button, "clear"),
            (self.live, "live"),
            (self.length_label, "length"),
        ):
            widget.setText(t(f"pane.generation.{key}"))
        for index, value in enumerate(COLORS):
            self.color.setItemText(index, t(f"pane.generation.by_{value}"))
        self.minus.setToolTip(t("pane.generation.minus_tip"))
        self.tree_button.setToolTip(t("pane.generation.tree.keys"))
        self.color.setAccessibleName(t("pane.generation.color"))
        self.color.setToolTip(tip(t("pane.generation.color")))
        self.length.setAccessibleName(t("pane.generation.length"))
        self._show_key()

    def restyle(self) -> None:
        self._show_key()
        self.play_button.setIcon(icon("play", self.theme, "on_accent", 16))
