"""The page of fine-tuning on examples: before a run its pairs, and during and after it what it has learned."""

from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QStackedWidget, QWidget

from gui.i18n import duration, number, t
from gui.layout import column, label, row, stack
from gui.panes.tuning.examples_answers import AnswerRows
from gui.panes.tuning.examples_columns import ColumnChoice
from gui.panes.tuning.examples_curves import CurvePlot
from gui.panes.tuning.examples_lora import LoraPicture
from gui.panes.tuning.examples_settings import DEFAULT, SECONDS, SettingsForm
from gui.panes.tuning.examples_table import PairTable
from gui.part import Page
from gui.theme import GAP_L, GAP_M, HUGE, LARGE, NORMAL
from gui.themed import Themed
from gui.widgets.coloured_text import ColouredText
from gui.widgets.labelled_slider import LabelledSlider

BEFORE, DURING = range(2)
BUTTONS = ("open", "add", "remove", "opened", "again", "compare", "back", "keep")
SCALES = tuple(tenth / 10 for tenth in range(16))  # of a low-rank adaptation
PICTURES = ("table", "example", "lora", "curves", "answers")


class ExamplesPage(Themed, Page):
    def __init__(self) -> None:
        super().__init__()
        self.columns = ColumnChoice()
        self.table, self.example, self.lora = PairTable(), ColouredText(HUGE), LoraPicture()
        self.example.smaller = (24, LARGE, 17, NORMAL)
        self.curves, self.answers = CurvePlot(), AnswerRows()
        self.example_title, self.checked = label("muted"), label("muted", wraps=True)
        self.pages = self.shown = QStackedWidget()
        self.pages.addWidget(self._build_before())
        self.pages.addWidget(self._build_during())
        self.tools, self.tools_before, self.tools_during = QWidget(), QWidget(), QWidget()
        self._build_tools_before()
        self._build_tools_during()
        stack(self.tools, self.tools_before, self.tools_during)
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)
        self.retranslate()

    def _build_before(self) -> QWidget:
        made = QWidget()
        self.side = QWidget()
        right = stack(self.side, self.example_title, self.example, self.lora, spacing=GAP_M)
        right.setStretch(1, 1)
        right.setStretch(2, 1)
        left = column(self.columns, self.table, self.checked, spacing=GAP_M)
        left.setStretch(1, 1)
        across = row(left, self.side, spacing=GAP_L)
        across.setStretch(0, 3)
        across.setStretch(1, 2)
        made.setLayout(across)
        return made

    def _build_during(self) -> QWidget:
        made = QWidget()
        across = row(self.curves, self.answers, spacing=GAP_L)
        across.setStretch(0, 1)
        across.setStretch(1, 1)
        made.setLayout(across)
        return made

    def _build_tools_before(self) -> None:
        self.sets, self.open, self.add, self.remove = QComboBox(), QPushButton(), QPushButton(), QPushButton()
        self.sets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.sets.setMinimumContentsLength(16)
        self.opened, self.start, self.settings = QPushButton(), QPushButton(), SettingsForm()
        self.back = QPushButton()  # to the last run
        self.opened.setCheckable(True)
        self.start.setProperty("primary", True)
        self.seconds = LabelledSlider(SECONDS, duration)
        self.seconds.set_value(DEFAULT.seconds or SECONDS[0])
        self.settings.hide()
        self.opened.toggled.connect(self.settings.setVisible)
        pairs = (self.sets, self.open, self.add, self.remove)
        first = row(*pairs, self.opened, self.seconds, self.back, self.start, spacing=GAP_M)
        first.setStretch(0, 1)
        first.setStretch(5, 1)
        stack(self.tools_before, first, self.settings, spacing=GAP_M)

    def _build_tools_during(self) -> None:
        self.state: QLabel = label()
        self.pause, self.stop, self.again, self.compare = QPushButton(), QPushButton(), QPushButton(), QPushButton()
        buttons = (self.pause, self.stop, self.compare, self.again)
        self.moments, self.scale = LabelledSlider((0,), number), LabelledSlider(SCALES, lambda s: number(s, 1))
        self.keep, self.after = QPushButton(), QWidget()
        sliders = row(self.moments, self.scale, self.keep, spacing=GAP_L)
        sliders.setStretch(0, 1)
        sliders.setStretch(1, 1)
        self.after.setLayout(sliders)
        stack(self.tools_during, self.after, row(self.state, 1, *buttons, spacing=GAP_M), spacing=GAP_M)

    def show_run(self, shown: bool) -> None:
        """Show the run, or the pairs."""
        self.pages.setCurrentIndex(DURING if shown else BEFORE)
        self.tools_before.setVisible(not shown)
        self.tools_during.setVisible(shown)

    @property
    def shows_run(self) -> bool:
        return self.pages.currentIndex() == DURING

    def retranslate(self) -> None:
        for name in BUTTONS:
            button: QPushButton = getattr(self, name)
            button.setText(t(f"pane.tuning.examples.{name}"))
            button.setToolTip(t(f"pane.tuning.examples.{name}_tip"))
        self.start.setText(t("pane.tuning.start"))
        self.stop.setText(t("pane.tuning.stop"))
        self.stop.setToolTip(t("pane.tuning.examples.stop_tip"))
        self.seconds.set_label(t("pane.tuning.examples.time"), t("pane.tuning.examples.time_tip"))
        self.moments.set_label(t("pane.tuning.examples.moment"), t("pane.tuning.examples.moment_tip"))
        self.scale.set_label(t("pane.tuning.examples.scale"), t("pane.tuning.examples.scale_tip"))
        self.sets.setAccessibleName(t("pane.tuning.examples.sets"))
        for name in PICTURES:
            widget: QWidget = getattr(self, name)
            widget.setAccessibleName(t(f"pane.tuning.examples.{name}_name"))
        self.example_title.setText(t("pane.tuning.examples.example_name"))
        self.table.rows.headerDataChanged.emit(self.table.horizontalHeader().orientation(), 0, 1)
        self.table.viewport().update()
