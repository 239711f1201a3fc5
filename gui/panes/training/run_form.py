"""The form for a run's settings: a preset, or each setting by hand."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QSpinBox,
    QToolButton,
    QWidget,
)

from engine.messages.training import Layout, RunSummary, TrainingEstimate, TrainingSettings
from gui.i18n import duration, number, t
from gui.layout import UNLIMITED, label, row, stack
from gui.text import shown_name
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.card import Card

NUMBERS = {  # name: smallest and largest value; the engine rejects impossible combinations
    "vocabulary": (300, 100_000),
    "layers": (1, 48),
    "heads": (1, 32),
    "width": (8, 4096),
    "context": (8, 4096),
    "batch": (1, 1024),
    "seed": (0, 2_000_000_000),
}
TALLEST = 300  # pixels at zoom 1: the height of cards without a text
LAYOUTS: tuple[Layout, ...] = ("nakami", "llama", "qwen3")


class RunForm(Themed, QWidget):
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets: dict[str, TrainingSettings] = {}
        self.buttons: dict[str, Card] = {}
        self.estimates: dict[TrainingSettings, TrainingEstimate] = {}
        self.runs: list[RunSummary] = []  # the newest first
        self._group = QButtonGroup(self)
        self._row = row(spacing=GAP_M)
        self.more, self.own = QToolButton(), QWidget()
        self.more.setCheckable(True)
        self.more.toggled.connect(self.own.setVisible)
        self._build_own()
        stack(self, self._row, self.more, self.own, spacing=GAP_M).setStretch(0, 1)
        self.own.hide()
        self.retranslate()

    def _build_own(self) -> None:
        grid = QGridLayout(self.own)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GAP_L)
        self.labels: dict[str, QLabel] = {}
        self.tokenizer = QComboBox()
        self.tokenizer.addItems(["bpe", "char"])
        self.layout_choice, self.layout_words = QComboBox(), label("muted", True)
        self.layout_choice.addItems(list(LAYOUTS))
        self.numbers = {name: QSpinBox() for name in NUMBERS}
        for name, limits in NUMBERS.items():
            self.numbers[name].setRange(*limits)
        self.length, self.rate = QDoubleSpinBox(), QDoubleSpinBox()
        self.length.setDecimals(0)
        self.length.setRange(1, 10_000_000)
        self.rate.setDecimals(4)
        self.rate.setRange(0.0, 1.0)
        self.rate.setSingleStep(0.005)
        self.unit = QComboBox()
        self.unit.addItems(["seconds", "steps"])
        length = QWidget()
        length.setLayout(row(self.length, self.unit, spacing=GAP_M))
        fields: dict[str, QWidget] = {"tokenizer": self.tokenizer, **self.numbers}
        fields |= {"length": length, "rate": self.rate, "layout": self.layout_choice}
        for index, (name, field) in enumerate(fields.items()):
            self.labels[name] = label("muted")
            self.labels[name].setBuddy(self.length if field is length else field)
            grid.addWidget(self.labels[name], 2 * (index // 3), index % 3)
            grid.addWidget(field, 2 * (index // 3) + 1, index % 3)
        grid.addWidget(self.layout_words, 2 * ((len(fields) + 2) // 3), 0, 1, 3)
        for box in self.numbers.values():
            box.valueChanged.connect(self._touched)
        for amount in (self.length, self.rate):
            amount.valueChanged.connect(self._touched)
        for choice in (self.tokenizer, self.unit, self.layout_choice):
            choice.currentIndexChanged.connect(self._touched)

    def set_presets(self, presets: dict[str, TrainingSettings], chosen: str) -> None:
        self.presets = presets
        for name in presets:
            if name not in self.buttons:
                button = Card()
                button.setCheckable(True)
                button.clicked.connect(lambda _=False, name=name: self.choose(name))
                self._group.addButton(button)
                self._row.addWidget(button, 1)
                self.buttons[name] = button
        self.choose(chosen if chosen in presets else next(iter(presets)))
        self.retranslate()

    def choose(self, name: str) -> None:
        self.buttons[name].setChecked(True)
        self.set_settings(self.presets[name])

    def set_own(self, settings: TrainingSettings) -> None:
        """Choose settings that belong to no preset, and show the form."""
        self.more.setChecked(True)
        self.change(settings)

    def change(self, settings: TrainingSettings) -> None:
        """Choose any settings."""
        self.set_settings(settings)
        self._touched()

    @property
    def chosen(self) -> str:
        """The name of the preset that has these settings, or ""."""
        return next((n for n, b in self.buttons.items() if b.isChecked() and self.settings() == self.presets[n]), "")

    def settings(self) -> TrainingSettings:
        by_steps = self.unit.currentIndex() == 1
        return TrainingSettings(
            tokenizer="char" if self.tokenizer.currentIndex() else "bpe",
            **{name: box.value() for name, box in self.numbers.items()},
            steps=int(self.length.value()) if by_steps else None,
            seconds=None if by_steps else self.length.value(),
            learning_rate=self.rate.value() or None,
            layout=LAYOUTS[self.layout_choice.currentIndex()],
        )

    def set_settings(self, settings: TrainingSettings) -> None:
        choices = (self.tokenizer, self.unit, self.layout_choice)
        boxes: tuple[QWidget, ...] = (*self.numbers.values(), self.length, self.rate, *choices)
        blocked = [widget.blockSignals(True) for widget in boxes]
        for name, box in self.numbers.items():
            box.setValue(getattr(settings, name))
        self.tokenizer.setCurrentIndex(int(settings.tokenizer == "char"))
        self.unit.setCurrentIndex(int(settings.steps is not None))
        self.layout_choice.setCurrentIndex(LAYOUTS.index(settings.layout))
        self.length.setValue(settings.steps if settings.steps is not None else settings.seconds or 30)
        self.rate.setValue(settings.learning_rate or 0.0)
        for widget, was in zip(boxes, blocked, strict=True):
            widget.blockSignals(was)
        self._show_possible()
        self.changed.emit()

    def _touched(self) -> None:
        matching = next((n for n, s in self.presets.items() if s == self.settings()), None)
        self._group.setExclusive(False)
        for name, button in self.buttons.items():
            button.setChecked(name == matching)
        self._group.setExclusive(True)
        self._show_possible()
        self.changed.emit()

    def _show_possible(self) -> None:
        self.numbers["vocabulary"].setEnabled(self.tokenizer.currentIndex() == 0)
        self.layout_words.setText(t(f"pane.training.layout.{LAYOUTS[self.layout_choice.currentIndex()]}"))

    def restyle(self) -> None:
        self._name_presets()

    def retranslate(self) -> None:
        self._name_presets()
        self.more.setText(t("pane.training.own"))
        self.more.setToolTip(t("pane.training.own_tip"))
        for name, caption in self.labels.items():
            caption.setText(t(f"pane.training.setting.{name}"))
            caption.buddy().setToolTip(t(f"pane.training.tip_{name}"))
        for box, keys in (
            (self.tokenizer, ("bpe", "char")),
            (self.unit, ("seconds", "steps")),
            (self.layout_choice, LAYOUTS),
        ):
            for index, key in enumerate(keys):
                box.setItemText(index, t(f"pane.training.choice.{key}"))
        self.unit.setAccessibleName(t("pane.training.tip_unit"))
        self.unit.setToolTip(t("pane.training.tip_unit"))
        self.rate.setSpecialValueText(t("pane.training.choice.automatic"))
        self._show_possible()

    def set_estimates(self, estimates: dict[TrainingSettings, TrainingEstimate]) -> None:
        """Show on the card of each preset what was measured for it."""
        self.estimates = estimates
        self._name_presets()

    def set_runs(self, runs: list[RunSummary]) -> None:
        """Show on each card what the newest run of its length has written."""
        self.runs = runs
        self._name_presets()

    def _name_presets(self) -> None:
        for name, card in self.buttons.items():
            settings = self.presets[name]
            facts = [shape_of(settings)]
            estimate = self.estimates.get(settings)
            if estimate is not None:
                tokens = estimate.steps * settings.batch * settings.context
                facts.append(t("pane.training.card.steps", steps=number(estimate.steps)))
                speed = number(estimate.tokens_per_second)
                facts.append(t("pane.training.card.tokens", tokens=number(tokens), speed=speed))
            run = next((run for run in self.runs if run.sample and _is_about_as_long(run, settings)), None)
            caption, written = (t("pane.training.card.none"), "") if run is None else written_by(run)
            card.show_words(t(f"pane.training.preset.{name}"), facts, caption, written)
        for card in self.buttons.values():  # without a text, taller cards would be empty
            card.setMaximumHeight(UNLIMITED if self.written_any else card.theme.px(TALLEST))

    @property
    def written_any(self) -> bool:
        """True if a card shows text that an earlier run wrote."""
        return any(card.written for card in self.buttons.values())


def _is_about_as_long(run: RunSummary, settings: TrainingSettings) -> bool:
    """Return whether a run took at least half, and at most twice, the time of these settings."""
    seconds = settings.seconds or 0.0
    return seconds / 2 <= run.seconds <= 2 * seconds


def shape_of(settings: TrainingSettings) -> str:
    """Return number and width of the layers in words."""
    parts = ("layers", "width")
    words = {part: t(f"pane.training.preset_{part}", number=getattr(settings, part)) for part in parts}
    return t("pane.training.preset_shape", **words)


def written_by(run: RunSummary) -> tuple[str, str]:
    """Return the words "… wrote after … steps" and what a run wrote last; both are "" if it wrote nothing."""
    sample = run.sample
    if sample is None:
        return "", ""
    name = shown_name(Path(run.folder).name)
    words = t("pane.training.card.wrote", name=name, step=number(sample.step), time=duration(run.seconds))
    return words, sample.prompt + sample.text
