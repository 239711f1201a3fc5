"""The Generation pane: a model writes, scores a text, or is compared with another."""

from typing import Any

from PySide6.QtWidgets import QStackedLayout, QWidget

from gui.i18n import number, t
from gui.layout import column, row
from gui.pane import Pane, Table
from gui.panes.generation.comparing import Comparing
from gui.panes.generation.part import Part
from gui.panes.generation.scoring import Scoring
from gui.panes.generation.writing import Writing
from gui.theme import GAP_M
from gui.widgets.segmented_control import SegmentedControl

PARTS = ("write", "score", "compare")


class GenerationPane(Pane):
    id = "generation"
    computes = ("PredictNext", "live")

    def build(self) -> None:
        self.writing, self.scoring, self.comparing = Writing(self), Scoring(self), Comparing(self)
        self.parts: dict[str, Part] = dict(zip(PARTS, (self.writing, self.scoring, self.comparing), strict=True))
        self.mode, self.modes = SegmentedControl(PARTS), QStackedLayout()
        for part in self.parts.values():
            self.modes.addWidget(part.page)
        self.empty, filled = self.empty_page(), QWidget()
        whole = column(row(self.mode, 1), self.modes, spacing=GAP_M)
        whole.setStretchFactor(self.modes, 1)
        filled.setLayout(whole)
        self.pages = QStackedLayout(self.body)
        self.pages.addWidget(self.empty)
        self.pages.addWidget(filled)
        self.add_controls(self.mode, *(part.page.tools for part in self.parts.values()))
        self.mode.changed.connect(self._mode_changed)
        self.follow(self.state.text_changed, self.state.model_changed)
        self.follow_live(lambda: self.part.show_live(), lambda: self.part.follows_live())

    @property
    def part(self) -> Part:
        """The part that is shown."""
        return self.parts[self.mode.current]

    def _mode_changed(self) -> None:
        self.modes.setCurrentWidget(self.part.page)
        self.adapt_layout()
        self.subtitle_changed.emit()
        if self.state.model is not None and self.isVisible():
            self.part.refresh()

    def refresh(self) -> None:
        there = self.state.model is not None
        self.pages.setCurrentIndex(int(there))
        self.explain_empty(self.empty)
        self.subtitle_changed.emit()
        if there:
            self.part.refresh()

    def on_shown(self) -> None:
        self.part.on_shown()

    def adapt_layout(self) -> None:
        self.part.adapt_layout(self.size())

    def act(self, wanted: dict[str, Any]) -> None:
        """Show the part `mode`, by default writing; see Writing.act for the rest."""
        self.mode.choose(wanted["mode"] if wanted.get("mode") in PARTS else "write")
        if self.part is self.writing:
            self.writing.act(wanted)

    def subtitle(self) -> str:
        if self.state.model is None:
            return ""
        found = self.writing.moment.candidates if self.part is self.writing else None
        if found is not None and 1 < found.kept[-1] < found.kept[0]:
            left, whole = number(found.kept[-1]), number(found.kept[0])
            return t("pane.generation.subtitle.left", left=left, whole=whole)
        return t(f"pane.generation.subtitle.{self.mode.current}")

    def sentence(self) -> str:
        return self.part.sentence() if self.state.model is not None else ""

    def picture(self) -> QWidget:
        return self.part.page.shown if self.state.model is not None else self.body

    def table(self) -> Table | None:
        return self.part.table()

    def save(self) -> dict[str, Any]:
        parts = {name: part.save() for name, part in self.parts.items()}
        return {**parts.pop("write"), **parts, "mode": self.mode.current}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            kept = saved if part is self.writing else saved.get(name)
            if isinstance(kept, dict):
                part.restore(kept)
        self.mode.choose(saved["mode"] if saved.get("mode") in PARTS else "write")

    def retranslate(self) -> None:
        self.mode.set_labels({name: t(f"pane.generation.mode.{name}") for name in PARTS}, t("pane.generation.modes"))
        self.explain_empty(self.empty)
        for part in self.parts.values():
            part.retranslate()
        self.subtitle_changed.emit()
