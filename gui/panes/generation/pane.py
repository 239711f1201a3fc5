"""The Generation pane: a model writes, scores a text, or is compared with another."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gui.i18n import number, t
from gui.panes.generation.comparing import Comparing
from gui.panes.generation.scoring import Scoring
from gui.panes.generation.writing import Writing
from gui.part import Part, PartsPane


class GenerationPane(PartsPane):
    id = "generation"
    computes = ("PredictNext", "live")
    PARTS: ClassVar[Mapping[str, type[Part]]] = {"write": Writing, "score": Scoring, "compare": Comparing}

    def build(self) -> None:
        super().build()
        self.writing, self.scoring = self.part_of(Writing), self.part_of(Scoring)
        self.comparing = self.part_of(Comparing)

    def subtitle(self) -> str:
        if self.state.model is None:
            return ""
        found = self.writing.moment.candidates if self.part is self.writing else None
        if found is not None and 1 < found.kept[-1] < found.kept[0]:
            left, whole = number(found.kept[-1]), number(found.kept[0])
            return t("pane.generation.subtitle.left", left=left, whole=whole)
        return t(f"pane.generation.subtitle.{self.mode.current}")

    def save(self) -> dict[str, Any]:
        """Return the settings of writing beside the names of the other parts, where scenes expect them."""
        saved = super().save()
        return {**saved.pop("write"), **saved}

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore({**saved, "write": saved})
