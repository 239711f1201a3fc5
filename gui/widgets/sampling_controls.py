"""The sliders of the sampling settings, with a seed and a button for a random one."""

import math
import random
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QSpinBox, QToolButton, QWidget

from engine.messages.generation import SamplingSettings
from gui.i18n import number, t
from gui.layout import label, row
from gui.theme import GAP_L, GAP_M, GAP_S, icon
from gui.themed import Themed
from gui.widgets.labelled_slider import LabelledSlider

TOP_K = [0, *range(1, 21), *range(25, 105, 5), *range(120, 220, 20)]


def _share(value: float) -> str:
    return number(value, 2)


def _or_off(value: float) -> str:
    return t("pane.generation.sampling.off") if value == 0 else f"{value:g}"


class SamplingControls(Themed, QWidget):
    """The sampling settings. `changing` is emitted while a slider is dragged, `changed` when it comes to rest."""

    changing = Signal()
    changed = Signal()

    def __init__(self, columns: int = 1, parent: QWidget | None = None) -> None:
        """Lay the sliders out in so many columns; with more than one, that of the temperature is left to the caller."""
        super().__init__(parent)
        self.sliders = {
            "temperature": LabelledSlider([i / 20 for i in range(41)], _share),
            "top_k": LabelledSlider(TOP_K, _or_off),
            "top_p": LabelledSlider([i / 100 for i in range(1, 101)], _share),
            "min_p": LabelledSlider([i / 200 for i in range(101)], _or_off),
            "repetition_penalty": LabelledSlider([1 + i / 50 for i in range(51)], _share),
        }
        self.seed_label, self.seed = label(), QSpinBox()
        self.seed.setRange(0, 999_999_999)
        self.seed.setValue(1)
        self.die = QToolButton()
        self.die.clicked.connect(lambda: self.seed.setValue(random.randrange(1_000_000)))
        for slider in self.sliders.values():
            slider.changing.connect(lambda _: self.changing.emit())
            slider.changed.connect(lambda _: self.changed.emit())
        self.seed_row = QWidget()
        self.seed_row.setLayout(row(self.seed_label, self.seed, self.die, spacing=GAP_M))
        self.seed.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inside = [*self.sliders.values(), self.seed_row][columns > 1 :]
        self._aligned = [slider.name for slider in self.sliders.values()][columns > 1 :]
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(GAP_L)
        grid.setVerticalSpacing(GAP_S)
        grid.setContentsMargins(0, 0, 0, 0)
        for index, widget in enumerate(inside):
            grid.addWidget(widget, index // columns, index % columns)
        self.seed.valueChanged.connect(lambda _: self.changing.emit())
        self.seed.valueChanged.connect(lambda _: self.changed.emit())
        self.set_settings(SamplingSettings())
        self.restyle()
        self.retranslate()

    def settings(self) -> SamplingSettings:
        value = {name: slider.value for name, slider in self.sliders.items()}
        return SamplingSettings(**{**value, "top_k": int(value["top_k"])})  # type: ignore[arg-type]

    def set_settings(self, settings: SamplingSettings) -> None:
        for name, slider in self.sliders.items():
            slider.set_value(getattr(settings, name))

    def set_compact(self, compact: bool) -> None:
        """Show temperature, top-k and top-p only, or all sliders and the seed."""
        for name in ("min_p", "repetition_penalty"):
            self.sliders[name].setVisible(not compact)
        self.seed_row.setVisible(not compact)

    def save(self) -> dict[str, Any]:
        return {name: slider.value for name, slider in self.sliders.items()} | {"seed": self.seed.value()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore what `save` returned; missing values take their defaults."""
        defaults = SamplingSettings()
        for name, slider in self.sliders.items():
            value = saved.get(name)
            slider.set_value(value if isinstance(value, (int, float)) else getattr(defaults, name))
        if isinstance(saved.get("seed"), int):
            self.seed.setValue(saved["seed"])

    def retranslate(self) -> None:
        for name, slider in self.sliders.items():
            slider.set_label(t(f"pane.generation.sampling.{name}"), t(f"pane.generation.sampling.tip_{name}"))
        self.seed_label.setText(t("pane.generation.sampling.seed"))
        self.die.setToolTip(t("pane.generation.sampling.die"))
        self.die.setAccessibleName(t("pane.generation.sampling.die"))
        captions = [*self._aligned, self.seed_label]
        widest = max(caption.fontMetrics().horizontalAdvance(caption.text()) for caption in captions)
        for caption in captions:
            caption.setMinimumWidth(widest)

    def restyle(self) -> None:
        self.die.setIcon(icon("die", self.theme))


RANGES = {
    "temperature": (0.0, 2.0), "top_k": (0, 200), "top_p": (0.01, 1.0), "min_p": (0.0, 0.5),
    "repetition_penalty": (1.0, 2.0),
}  # fmt: skip


def read_sampling(saved: object) -> tuple[SamplingSettings, int]:
    """Return the settings and the seed that `SamplingControls.save` returned, with defaults for wrong values."""
    kept = saved if isinstance(saved, dict) else {}
    values = {
        name: min(high, max(low, kept[name]))
        for name, (low, high) in RANGES.items()
        if isinstance(kept.get(name), int | float) and not math.isnan(kept[name])
    }
    values["top_k"] = int(values.get("top_k", SamplingSettings().top_k))
    seed = kept.get("seed")
    return SamplingSettings(**values), seed if isinstance(seed, int) else 1
