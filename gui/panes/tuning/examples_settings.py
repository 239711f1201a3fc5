"""The settings of a run on examples, and the questions that it asks again and again."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit, QWidget

from engine.messages.tuning import TuningSettings
from gui.i18n import number, t
from gui.layout import label, row, stack
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed
from gui.widgets.labelled_slider import LabelledSlider
from gui.widgets.segmented_control import SegmentedControl

WEIGHTS = ("full", "lora", "random")
RANKS = (1, 2, 4, 8, 16, 32, 64)
REPLAYS = (0, 1, 2, 4, 8, 16, 32)
SECONDS = (3, 5, 8, 12, 20, 30, 60, 120, 300, 600)
QUESTIONS = 3
DEFAULT = TuningSettings(steps=None, seconds=12.0)


class SettingsForm(Themed, QWidget):
    """Which weights are trained, how fast, and how much old text is replayed; below, the questions and the name."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.weights = SegmentedControl(WEIGHTS)
        self.rank = LabelledSlider(RANKS, number)
        self.replay = LabelledSlider(REPLAYS, number)
        self.rate, self.rate_label = QDoubleSpinBox(), label()
        self.rate.setDecimals(4)
        self.rate.setRange(0.0, 1.0)
        self.rate.setSingleStep(0.005)
        self.rate_label.setBuddy(self.rate)
        self.name, self.name_label = QLineEdit(), label()
        self.name_label.setBuddy(self.name)
        self.questions, self.questions_label = [QLineEdit() for _ in range(QUESTIONS)], label()
        self._own_questions = False  # typed by the user, and not taken from the pairs
        first = row(self.weights, self.rank, self.replay, self.rate_label, self.rate, spacing=GAP_L)
        first.setStretch(1, 1)
        first.setStretch(2, 1)
        second = row(self.questions_label, *self.questions, self.name_label, self.name, spacing=GAP_M)
        for place in range(1, QUESTIONS + 1):
            second.setStretch(place, 2)
        second.setStretch(QUESTIONS + 2, 1)
        stack(self, first, second, spacing=GAP_M)
        self.weights.changed.connect(self._changed)
        for slider in (self.rank, self.replay):
            slider.changing.connect(self._changed)
        self.rate.valueChanged.connect(self._changed)
        for field in self.questions:
            field.textEdited.connect(self._asked_otherwise)
        self.restore({})
        self.retranslate()

    def settings(self, seconds: float) -> TuningSettings:
        return replace(
            DEFAULT,
            seconds=seconds,
            lora=self.lora(),
            random=self.weights.current == "random",
            replay=self.replay.value,
            learning_rate=self.rate.value() or None,
        )

    def lora(self) -> int:
        """Return the rank of the low-rank adaptation, 0 for all weights."""
        return int(self.rank.value) if self.weights.current == "lora" else 0

    def asked(self) -> tuple[str, ...]:
        return tuple(words for field in self.questions if (words := field.text().strip()))

    def suggest(self, questions: tuple[str, ...]) -> None:
        """Ask these questions, unless the user has typed others."""
        if not self._own_questions:
            for field, words in zip(self.questions, (*questions, *[""] * QUESTIONS), strict=False):
                field.setText(words)
                field.setCursorPosition(0)

    def _asked_otherwise(self) -> None:
        self._own_questions = bool(self.asked())

    def _changed(self) -> None:
        self.rank.setEnabled(self.lora() > 0)
        self.replay.setEnabled(self.weights.current != "random")  # which have nothing to forget
        self.changed.emit()

    # --- Keeping ---------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        kept = {"questions": list(self.asked())} if self._own_questions else {}
        numbers = {"rank": self.rank.value, "replay": self.replay.value, "rate": self.rate.value()}
        return {"weights": self.weights.current, "name": self.name.text(), **numbers, **kept}

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; missing and wrong values take their defaults."""
        self.weights.choose(saved["weights"] if saved.get("weights") in WEIGHTS else WEIGHTS[0])
        for name, slider, default in (("rank", self.rank, 8), ("replay", self.replay, DEFAULT.replay)):
            slider.set_value(saved[name] if isinstance(saved.get(name), int | float) else default)
        rate = saved.get("rate")
        self.rate.setValue(rate if isinstance(rate, int | float) else 0.0)
        self.name.setText(saved["name"] if isinstance(saved.get("name"), str) else "")
        questions = saved.get("questions")
        if isinstance(questions, list) and all(isinstance(words, str) for words in questions):
            self.suggest(tuple(questions[:QUESTIONS]))
            self._asked_otherwise()
        self._changed()

    def retranslate(self) -> None:
        names = {name: t(f"pane.tuning.examples.weights.{name}") for name in WEIGHTS}
        self.weights.set_labels(names, t("pane.tuning.examples.weights_name"))
        self.rank.set_label(t("pane.tuning.examples.rank"), t("pane.tuning.examples.rank_tip"))
        self.replay.set_label(t("pane.tuning.examples.replay"), t("pane.tuning.examples.replay_tip"))
        self.rate_label.setText(t("pane.tuning.examples.rate"))
        self.rate.setSpecialValueText(t("pane.training.choice.automatic"))
        self.questions_label.setText(t("pane.tuning.examples.questions"))
        for place, field in enumerate(self.questions, start=1):
            field.setAccessibleName(t("pane.tuning.examples.question", place=place))
        self.name_label.setText(t("pane.tuning.examples.name"))
        self.name.setPlaceholderText(t("pane.tuning.examples.name_default"))
