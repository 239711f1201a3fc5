"""The page of the mixing desk: the faders, what they do to the model's answers, and which parts matter most."""

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QProgressBar, QPushButton, QStackedLayout, QWidget

from gui.i18n import t
from gui.layout import column, label, row, stack
from gui.panes.inside.fader_grid import FaderGrid
from gui.panes.inside.pair_bars import PairBars
from gui.part import Page
from gui.text import tip
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL
from gui.widgets.bar_list import BarList
from gui.widgets.coloured_text import ColouredText
from gui.widgets.segmented_control import SegmentedControl

KINDS = ("previous", "first", "same", "induction")  # in the order of HeadScores
GROUPS = ("selected", "layer_heads", "layer", "heads", "mlps", "others", *KINDS)
SIDES, INSTEAD = ("effect", "rank"), ("zero", "mean")


class DeskPage(Page):
    def __init__(self) -> None:
        super().__init__()
        self.grid, self.candidates, self.meters = FaderGrid(), PairBars(), PairBars()
        self.ranking = BarList(share=0.38, most=1.0, size_of_type=NORMAL)
        self.before, self.after = ColouredText(NORMAL), ColouredText(NORMAL)
        self.titles = {name: label("content", wraps=True) for name in ("candidates", "meters", "before", "after")}
        self.side_choice, self.instead = SegmentedControl(SIDES), SegmentedControl(INSTEAD)
        self.meter, self.rank, self.progress, self.left = QComboBox(), QPushButton(), QProgressBar(), label("muted")
        self.unchanged = label("muted", wraps=True)  # says that the ranking leaves the changes out
        self.unchanged.hide()
        self.group, self.off, self.on, self.all_on = QComboBox(), QPushButton(), QPushButton(), QPushButton()
        for name in GROUPS:
            self.group.addItem("", name)
        for choice in (self.group, self.meter):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.shown, self.side, self.tools = QWidget(), QWidget(), QWidget()
        self._lay_out()
        self.show_progress(None, "")

    def _lay_out(self) -> None:
        effect, rank, titles = QWidget(), QWidget(), self.titles
        self.texts = QWidget()
        stack(self.texts, titles["before"], self.before, titles["after"], self.after, spacing=GAP_S)
        parts = (titles["candidates"], self.candidates, titles["meters"], self.meters, self.texts)
        # The last item takes the room of the texts where they are hidden.
        stack(effect, *parts, 0, spacing=GAP_S).setStretchFactor(self.texts, 1)
        choice = row(self.meter, self.rank, 1, spacing=GAP_M)
        going = row(self.progress, self.left, spacing=GAP_M)
        stack(rank, choice, self.unchanged, going, self.ranking, 1, spacing=GAP_M)
        self.sides = QStackedLayout()
        self.sides.addWidget(effect)
        self.sides.addWidget(rank)
        self.side_choice.changed.connect(lambda name: self.sides.setCurrentIndex(SIDES.index(name)))
        whole = column(row(self.side_choice, 1), self.sides, spacing=GAP_M)
        whole.setStretchFactor(self.sides, 1)
        self.side.setLayout(whole)
        across = row(self.grid, self.side, spacing=GAP_L)
        across.setStretch(0, 1)
        across.setStretch(1, 1)
        self.shown.setLayout(across)
        buttons = (self.group, self.off, self.on, self.instead, self.all_on)
        self.tools.setLayout(row(*buttons, 1, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)

    def set_meters(self, names: Sequence[str]) -> None:
        """Offer the next token and these meters for the ranking."""
        offered = ["", *names]
        if [self.meter.itemData(i) for i in range(self.meter.count())] != offered:
            self.meter.clear()
            for name in offered:
                self.meter.addItem(t(f"pane.inside.desk.by_{name or 'answer'}"), name)

    def show_progress(self, done: float | None, left: str) -> None:
        """Show how far the ranking is, or None for no ranking in progress."""
        for widget in (self.progress, self.left):
            widget.setVisible(done is not None)
        self.progress.setValue(round(100 * (done or 0.0)))
        self.left.setText(left)
        self.rank.setText(t("pane.inside.desk.cancel" if done is not None else "pane.inside.desk.rank"))

    def name_groups(self, layer: int, part: str) -> None:
        """Name the groups, of which some depend on the selected part."""
        for index, name in enumerate(GROUPS):
            self.group.setItemText(index, t(f"pane.inside.desk.group.{name}", layer=layer + 1, part=part))

    def retranslate(self) -> None:
        """Set all text in the program's language."""
        for name, title in self.titles.items():
            title.setText(t(f"pane.inside.desk.{name}"))
        for name, button in (("turn_off", self.off), ("turn_on", self.on), ("all_on", self.all_on)):
            button.setText(t(f"pane.inside.desk.{name}"))
        self.rank.setToolTip(tip(t("pane.inside.desk.rank_tip")))
        self.unchanged.setText(t("pane.inside.desk.ranks_unchanged"))
        sides = {name: t(f"pane.inside.desk.side.{name}") for name in SIDES}
        self.side_choice.set_labels(sides, t("pane.inside.desk.sides"))
        instead = {name: t(f"pane.inside.desk.instead.{name}") for name in INSTEAD}
        self.instead.set_labels(instead, t("pane.inside.desk.insteads"))
        for index in range(self.meter.count()):
            self.meter.setItemText(index, t(f"pane.inside.desk.by_{self.meter.itemData(index) or 'answer'}"))
        named = {"group": self.group, "meter": self.meter, "grid": self.grid, "ranking": self.ranking}
        for name, widget in (named | {"candidates": self.candidates, "meters": self.meters}).items():
            widget.setAccessibleName(t(f"pane.inside.desk.{name}_name"))
