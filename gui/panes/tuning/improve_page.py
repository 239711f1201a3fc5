"""The page of improvement: what is measured, the answers before and now, the formula, and the controls of a run."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QMenu, QPushButton, QWidget

from gui.i18n import number, t
from gui.layout import column, label, row, stack
from gui.panes.tuning.examples_answers import AnswerRows
from gui.panes.tuning.improve_plot import ImprovePlot
from gui.panes.tuning.improve_sentence import INFINITE, beta_words
from gui.panes.tuning.improve_shown import METHODS
from gui.part import Page
from gui.theme import GAP_L, GAP_M
from gui.widgets.labelled_slider import LabelledSlider
from gui.widgets.segmented_control import SegmentedControl

BETAS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10 * INFINITE)
LEASHES = {0.0: "none", 0.05: "long", 0.2: "usual", 5.0: "short"}  # the highest β of each; above it, nothing moves
SECONDS = (0, 5, 10, 20, 30, 60, 120)  # 0: as many steps as the recipe has
LIMITS = (1.0, 2.0, 5.0, 10.0, 0.0)  # nats a text; 0: none
BUTTONS = ("start", "stop", "pause", "back", "compare", "hack")


def leash_words(beta: float) -> str:
    """Return how tight the leash is, with its β."""
    name = next((name for most, name in LEASHES.items() if beta <= most), "tight")
    return t(f"pane.tuning.improve.leash.{name}", beta=beta_words(beta))


class ImprovePage(Page):
    def __init__(self) -> None:
        super().__init__()
        self.plot, self.answers, self.formula = ImprovePlot(), AnswerRows(), label("content-large", wraps=True)
        self.formula.setTextFormat(Qt.TextFormat.RichText)
        self.shown, self.side = QWidget(), QWidget()
        stack(self.side, self.answers, self.formula, spacing=GAP_M).setStretch(0, 1)
        across = row(self.plot, self.side, spacing=GAP_L)
        across.setStretch(0, 1)
        across.setStretch(1, 1)
        self.shown.setLayout(across)
        self.method, self.leash = SegmentedControl(METHODS), LabelledSlider(BETAS, leash_words)
        self.time, self.limit, self.labels = QComboBox(), QComboBox(), {name: label() for name in ("time", "limit")}
        for seconds in SECONDS:
            self.time.addItem("", seconds)
        for limit in LIMITS:
            self.limit.addItem("", limit)
        self.limit.setCurrentIndex(LIMITS.index(2.0))
        self.leash.set_value(0.1)
        self.start, self.stop, self.pause, self.compare = QPushButton(), QPushButton(), QPushButton(), QPushButton()
        self.back, self.hack, self.menu = QPushButton(), QPushButton(), QMenu(self)
        self.hack.setMenu(self.menu)
        self.start.setProperty("primary", True)
        self.labels["time"].setBuddy(self.time)
        self.labels["limit"].setBuddy(self.limit)
        self.settings, self.tools = QWidget(), QWidget()
        first = row(
            self.method, self.leash, self.labels["limit"], self.limit, self.labels["time"], self.time, spacing=GAP_M
        )
        first.setStretch(1, 1)
        self.settings.setLayout(first)
        second = row(self.start, self.stop, self.pause, self.back, self.compare, 1, self.hack, spacing=GAP_M)
        self.tools.setLayout(column(self.settings, second, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)

    def retranslate(self) -> None:
        for name in BUTTONS:
            button: QPushButton = getattr(self, name)
            button.setText(t(f"pane.tuning.improve.{name}"))
            button.setToolTip(t(f"pane.tuning.improve.tip.{name}"))
        names: dict[str, str] = {name: t(f"pane.tuning.improve.method.{name}") for name in METHODS}
        self.method.set_labels(names, t("pane.tuning.improve.name.method"))
        self.leash.set_label(t("pane.tuning.improve.name.leash"), t("pane.tuning.improve.tip.leash"))
        for name, box in (("time", self.time), ("limit", self.limit)):
            self.labels[name].setText(t(f"pane.tuning.improve.name.{name}"))
            box.setAccessibleName(t(f"pane.tuning.improve.name.{name}"))
            box.setToolTip(t(f"pane.tuning.improve.tip.{name}"))
        for index, seconds in enumerate(SECONDS):
            words = t("pane.tuning.improve.seconds", seconds=seconds) if seconds else t("pane.tuning.improve.recipe")
            self.time.setItemText(index, words)
        for index, limit in enumerate(LIMITS):
            words = t("pane.tuning.improve.nats", nats=number(limit, 0)) if limit else t("pane.tuning.improve.no_limit")
            self.limit.setItemText(index, words)
        self.plot.setAccessibleName(t("pane.tuning.improve.name.plot"))
        self.answers.setAccessibleName(t("pane.tuning.improve.name.answers"))
