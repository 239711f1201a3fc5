"""Fine-tuning: a model that can only continue texts learns to answer, and to answer as people like it."""

from collections.abc import Mapping
from typing import ClassVar

from gui.panes.tuning.choices import Choices
from gui.panes.tuning.examples import Examples
from gui.panes.tuning.improve import Improving
from gui.panes.tuning.way import WayView
from gui.part import Part, PartsPane


class TuningPane(PartsPane):
    id = "tuning"
    computes = ("MeasureWay", "HackChoices")
    PARTS: ClassVar[Mapping[str, type[Part]]] = {
        "examples": Examples,
        "choices": Choices,
        "improve": Improving,
        "way": WayView,
    }
