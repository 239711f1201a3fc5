"""The page before a run: text, settings, estimated cost, earlier runs, and buttons to start or continue one."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QWidget,
)

from engine.messages.training import RunSummary, TrainingEstimate, TrainingSettings
from gui.i18n import duration, number, t
from gui.layout import column, label, row, set_property, stack
from gui.panes.training.run_form import RunForm, written_by
from gui.panes.training.sentence import FEWEST_STEPS
from gui.text import shown_name
from gui.theme import GAP_L, GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.card import Card, Excerpt
from gui.widgets.encoding_button import EncodingButton

ROOM_FOR_HEADLINE = 240  # pixels at zoom 1 of the content: the height with a large headline above the cards
MOST_RUNS = 3  # cards of earlier runs
SMALL_WIDTH, SMALL_HEADS, LONG_SECONDS = 64, 4, 120.0  # what a run with too few steps is changed to


class FewSteps(Themed, QFrame):
    """A warning of a run with too few steps, with buttons that change its settings."""

    wanted = Signal(object)  # TrainingSettings

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.words = label("warning", wraps=True)
        self.smaller, self.longer = QPushButton(), QPushButton()
        self._estimate: TrainingEstimate | None = None
        self.smaller.clicked.connect(lambda: self._change(smaller))
        self.longer.clicked.connect(lambda: self._change(longer))
        margins = (GAP_M, GAP_M, GAP_M, GAP_M)
        self.setLayout(row(self.words, self.smaller, self.longer, spacing=GAP_M, margins=margins))
        self.layout().setStretch(0, 1)  # type: ignore[union-attr]
        self.retranslate()

    def set_estimate(self, estimate: TrainingEstimate | None) -> None:
        """Show the warning if the estimate has too few steps, and the remedies that would change it."""
        self._estimate = estimate
        self.setVisible(estimate is not None and estimate.steps < FEWEST_STEPS)
        if estimate is not None:
            self.words.setText(t("pane.training.few_steps", steps=number(estimate.steps)))
            self.smaller.setVisible(smaller(estimate.settings) != estimate.settings)
            self.longer.setVisible(longer(estimate.settings) != estimate.settings)

    def _change(self, remedy: Callable[[TrainingSettings], TrainingSettings]) -> None:
        if self._estimate is not None:
            self.wanted.emit(remedy(self._estimate.settings))

    def retranslate(self) -> None:
        self.smaller.setText(t("pane.training.smaller", width=SMALL_WIDTH))
        self.longer.setText(t("pane.training.longer"))
        self.set_estimate(self._estimate)


def smaller(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings of a narrower model, which takes more steps in the same time."""
    if settings.width <= SMALL_WIDTH:
        return settings
    return replace(settings, width=SMALL_WIDTH, heads=min(settings.heads, SMALL_HEADS))


def longer(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings of a run of two minutes at least."""
    if settings.steps is None and (settings.seconds or 0.0) >= LONG_SECONDS:
        return settings
    return replace(settings, steps=None, seconds=LONG_SECONDS)


class StartPage(Themed, QWidget):
    """The page before a run. The pane sets which buttons are shown, see `show_buttons`."""

    start_wanted = Signal()
    continue_wanted = Signal()
    open_wanted = Signal()
    sample_wanted = Signal()
    back_wanted = Signal()
    run_wanted = Signal(str)  # open the model of the run in this folder
    cancel_wanted = Signal()  # while a run is being prepared

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline, self.about, self.estimate = (
            label("content-large", True),
            label("content", True),
            label("muted", True),
        )
        self.encoding, self.form = EncodingButton(), RunForm()
        self.preparing, self.bar = label(), QProgressBar()
        self.bar.setTextVisible(False)
        self.few_steps, self.runs_title, self.runs = FewSteps(), label("muted"), QWidget()
        self.few_steps.wanted.connect(self.form.change)
        self.sample_card, self.open_card, self.texts, self.excerpt = Card(), Card(), QWidget(), Excerpt()
        texts = row(self.sample_card, self.open_card, spacing=GAP_M)
        for place, part in enumerate((3, 2)):
            texts.setStretch(place, part)
        self.texts.setLayout(texts)
        self.sample_card.clicked.connect(self.sample_wanted)
        self.open_card.clicked.connect(self.open_wanted)
        self.sample_begins = ""  # the first words of the built-in text
        self.cards = [Card() for _ in range(MOST_RUNS)]
        self.summaries: list[RunSummary] = []  # of the cards
        self.runs.setLayout(row(*self.cards, spacing=GAP_M))
        for place, card in enumerate(self.cards):
            card.clicked.connect(lambda _=False, place=place: self.run_wanted.emit(self.summaries[place].folder))
        about = row(self.about, self.encoding, spacing=GAP_M)
        about.setStretch(0, 1)
        below = (self.few_steps, self.estimate, self.preparing, self.bar)
        content = (self.headline, about, self.texts, self.form, *below, self.excerpt, self.runs_title, self.runs)
        inside = QWidget()
        inside_column = column(*content, spacing=GAP_M, margins=(0, GAP_S, GAP_M, 0))
        for wide in (self.texts, self.form, self.excerpt, self.runs):
            inside_column.setStretchFactor(wide, 1)
        inside.setLayout(inside_column)
        self.above = QScrollArea()
        self.above.setWidgetResizable(True)
        self.above.setWidget(inside)
        self.above.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.above.setMinimumSize(1, 1)
        # The buttons are outside the scroll area.
        stack(self, self.above, self._build_buttons(), spacing=GAP_L).setStretch(0, 1)
        self.set_preparing("", None)
        self.set_runs([], False)
        self.restyle()
        self.retranslate()

    def _build_buttons(self) -> QBoxLayout:
        self.start_button, self.continue_button, self.cancel_button = QPushButton(), QPushButton(), QPushButton()
        self.open_button, self.back_button = QPushButton(), QPushButton()
        self.start_button.setProperty("primary", True)
        self.buttons = {
            self.start_button: self.start_wanted,
            self.cancel_button: self.cancel_wanted,
            self.continue_button: self.continue_wanted,
            self.open_button: self.open_wanted,
            self.back_button: self.back_wanted,
        }
        self.row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.setSpacing(GAP_M)
        for button, signal in self.buttons.items():
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def set_runs(self, runs: list[RunSummary], shown: bool) -> None:
        """Show the newest of these runs, or none if not `shown`: then the text is the subject of the page."""
        self.summaries = runs[:MOST_RUNS] if shown else []
        for card, run in zip_longest(self.cards, self.summaries):
            card.setVisible(run is not None)
            if run is not None:
                loss = "–" if math.isnan(run.validation_loss) else number(run.validation_loss, 2)
                time = t("pane.training.card.length", steps=number(run.steps), time=duration(run.seconds))
                facts = (time, t("pane.training.card.loss", loss=loss))
                card.show_words(shown_name(Path(run.folder).name), facts, *written_by(run))
        for widget in (self.runs_title, self.runs):
            widget.setVisible(bool(self.summaries))

    def show_form(self, shown: bool) -> None:
        """Show the settings of a run and, until some run has written anything, the text; or cards to open a text."""
        self.form.setVisible(shown)
        self.about.setVisible(shown)
        self.texts.setVisible(not shown)
        self.excerpt.setVisible(shown and not self.form.written_any)
        self._show_headline()

    def _show_headline(self) -> None:
        """Show the headline large above the cards, where it leaves enough room for them."""
        large = self.form.isHidden() and self.height() >= self.content.px(ROOM_FOR_HEADLINE)
        set_property(self.headline, "role", "content-huge" if large else "content-large")

    def show_sample(self, begins: str) -> None:
        """Show on its card how the built-in text begins."""
        self.sample_begins = begins
        words = (t("pane.training.sample_words"),)
        self.sample_card.show_words(t("action.sample"), words, t("pane.training.begins") if begins else "", begins)
        kinds = t("pane.training.any_text"), t("pane.training.kinds")
        self.open_card.show_words(t("action.open_text"), (), *kinds)

    def show_buttons(self, shown: set[QPushButton]) -> None:
        # Show before hiding: a hidden button passes its focus to a visible one, or out of the tile if there is none.
        for button in sorted(self.buttons, key=lambda button: button not in shown):
            button.setVisible(button in shown)
        self._arrange()

    def _arrange(self) -> None:
        """Arrange the buttons side by side, or below each other where their labels need it."""
        shown = [button for button in self.buttons if not button.isHidden()]
        needed = sum(button.sizeHint().width() + GAP_M for button in shown)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        narrow = needed > self.width() + GAP_M
        self.row.setDirection(down if narrow else across)
        tall = sum(button.sizeHint().height() + GAP_M for button in shown)
        self.above.setVisible(not narrow or self.height() > 2 * tall)  # less than a line would not be legible

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
        self._show_headline()

    def set_preparing(self, words: str, fraction: float | None) -> None:
        """Show the preparation of a run and its progress, 0..1 or None if unknown; `words` = "" hides both."""
        self.preparing.setVisible(bool(words))
        self.bar.setVisible(bool(words))
        self.preparing.setText(words)
        self.bar.setRange(0, 1000 if fraction is not None else 0)  # (0, 0) shows a busy indicator
        self.bar.setValue(round(1000 * (fraction or 0.0)))

    def retranslate(self) -> None:
        self.start_button.setText(t("pane.training.start"))
        self.continue_button.setText(t("pane.training.continue"))
        self.cancel_button.setText(t("pane.training.cancel"))
        self.back_button.setText(t("pane.training.back"))
        self.open_button.setText(t("action.open_text"))
        self.show_sample(self.sample_begins)
        self.bar.setAccessibleName(t("pane.training.progress"))
        self.runs_title.setText(t("pane.training.runs_so_far"))
        for card in self.cards:
            card.setAccessibleDescription(t("pane.training.open_run"))
        self._arrange()

    def restyle(self) -> None:
        self._arrange()
        self._show_headline()
