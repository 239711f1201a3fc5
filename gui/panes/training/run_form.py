"""The form for a run's settings: a preset, or each setting by hand."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from engine.messages.training import Layout, TrainingSettings
from gui.i18n import t
from gui.layout import label, row, stack
from gui.theme import GAP_L, GAP_M
from gui.themed import Themed

NUMBERS = {  # name: smallest and largest value; the engine rejects impossible combinations
    "vocabulary": (300, 100_000),
    "layers": (1, 48),
    "heads": (1, 32),
    "width": (8, 4096),
    "context": (8, 4096),
    "batch": (1, 1024),
    "seed": (0, 2_000_000_000),
}
LAYOUTS: tuple[Layout, ...] = ("nakami", "llama", "qwen3")
EDGES = 28  # pixels at zoom 1 around the label of a preset's button


class RunForm(Themed, QWidget):
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets: dict[str, TrainingSettings] = {}
        self.buttons: dict[str, QPushButton] = {}
        self._edges = EDGES
        self._group = QButtonGroup(self)
        self._row = row(spacing=GAP_M)
        self.more, self.own = QToolButton(), QWidget()
        self.more.setCheckable(True)
        self.more.toggled.connect(self.own.setVisible)
        self._build_own()
        stack(self, self._row, self.more, self.own, spacing=GAP_M)
        self.own.hide()
        self.restyle()
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
        fields: dict[str, QWidget] = {"tokenizer": self.tokenizer, **self.numbers}
        fields |= {"length": self.length, "unit": self.unit, "rate": self.rate, "layout": self.layout_choice}
        for index, (name, field) in enumerate(fields.items()):
            self.labels[name] = label("muted")
            self.labels[name].setBuddy(field)
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
                button = QPushButton()
                button.setCheckable(True)
                button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
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
        self.rate.setSpecialValueText(t("pane.training.choice.automatic"))
        self._show_possible()

    def _name_presets(self) -> None:
        """Label each preset with its name and the shape of its model, in two lines, or in three where needed."""
        if not self.buttons:
            return
        room = (self.width() - (len(self.buttons) - 1) * GAP_M) // len(self.buttons) - self._edges
        shapes = {
            name: {
                part: t(f"pane.training.preset_{part}", number=getattr(settings, part)) for part in ("layers", "width")
            }
            for name, settings in self.presets.items()
        }
        in_one = {name: t("pane.training.preset_shape", **shape) for name, shape in shapes.items()}
        fits = all(self.fontMetrics().horizontalAdvance(line) <= room for line in in_one.values())
        for name, button in self.buttons.items():
            shape = in_one[name] if fits else "\n".join(shapes[name].values())
            button.setText(f"{t(f'pane.training.preset.{name}')}\n{shape}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._name_presets()

    def restyle(self) -> None:
        self._edges = self.theme.px(EDGES)
        for button in self.buttons.values():
            button.setMinimumHeight(self.theme.px(60))
