"""Patching: activations of one prompt are put into another, one at a time, and may be kept as a change."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QGridLayout, QLineEdit, QPushButton, QWidget

from engine.messages.models import Patched, PatchPart
from engine.messages.patching import PatchedNext, PatchEffects, PatchPair, PatchTexts, TryPatches
from engine.sentences import sentences
from gui.changes import patch_words
from gui.i18n import language, percent, t
from gui.layout import column, label, row, stack, timer
from gui.pane import Pane, Table
from gui.panes.inside.pair_bars import Pair, PairBars
from gui.panes.inside.patch_grid import PatchGrid
from gui.panes.inside.patch_picture import PatchPicture
from gui.panes.inside.patch_sentence import sentence
from gui.part import Page, Part
from gui.samples import BUILTIN
from gui.text import marked, word
from gui.theme import GAP_L, GAP_M
from gui.widgets.segmented_control import SegmentedControl

TYPING_MS = 500
PARTS: tuple[PatchPart, ...] = get_args(PatchPart)
EXAMPLE = ("pane.inside.patch.example.source", "pane.inside.patch.example.text")
ENTRIES = ("source", "source_answer", "text", "text_answer")
LEAST_SHARE = 0.005  # probability from which a candidate is worth a row
ROOM_FOR_SIDE = 760  # pixels at zoom 1 of the pane's width


@dataclass(frozen=True)
class Trial:
    """The next tokens with the kept patches and one more, and which these are."""

    tried: Patched
    kept: tuple[Patched, ...]
    found: PatchedNext


class PatchPage(Page):
    """Both prompts with the grid, beside it the next tokens and the kept patches, and below it the prompts' fields."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.bars = PatchPicture(), PairBars()
        self.trial_title, self.kept_title = label("content", wraps=True), label("content", wraps=True)
        self.kept = label("content", wraps=True)
        self.shown, self.side, self.tools = QWidget(), QWidget(), QWidget()
        self.part, self.keep, self.take_back = SegmentedControl(PARTS), QPushButton(), QPushButton()
        self.everywhere = QPushButton()
        self.entries = {name: QLineEdit() for name in ENTRIES}
        self.labels = {name: label() for name in ENTRIES}
        for name, entry in self.entries.items():
            self.labels[name].setBuddy(entry)
            entry.setMinimumWidth(60)
        beside = (self.trial_title, self.bars, row(self.keep, 1), self.kept_title, self.kept)
        self.side.setLayout(column(*beside, row(self.take_back, self.everywhere, 1, spacing=GAP_M), 1, spacing=GAP_M))
        across = row(self.picture, self.side, spacing=GAP_L)
        across.setStretch(0, 5)
        across.setStretch(1, 2)
        self.shown.setLayout(across)
        fields = QGridLayout()
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(GAP_M)
        for place, name in enumerate(ENTRIES):
            fields.addWidget(self.labels[name], place // 2, place % 2 * 2)
            fields.addWidget(self.entries[name], place // 2, place % 2 * 2 + 1)
        fields.setColumnStretch(1, 4)
        fields.setColumnStretch(3, 1)
        self.tools.setLayout(column(fields, row(self.part, 1), spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Patching(Part):
    page: PatchPage
    long_work = ("PatchTexts",)

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page = PatchPage()
        self.grid: PatchGrid | None = None
        self.trial: Trial | None = None
        self._key: object = None  # what the grid that was asked for depends on
        self._complete = False  # whether all answers for this key have arrived
        self._cell: tuple[int, int] | None = None  # the cell that the user has chosen
        self._place = -1  # the token whose heads are patched
        self._typing = timer(self, TYPING_MS, self.refresh, single_shot=True)
        page = self.page
        for entry in page.entries.values():
            entry.textEdited.connect(lambda _: self._typing.start())
            entry.returnPressed.connect(self.refresh)
        page.part.changed.connect(lambda _: self._part_changed())
        page.picture.chosen.connect(self._cell_chosen)
        page.picture.place_chosen.connect(self._place_chosen)
        page.picture.applied.connect(lambda row, column: self._keep())
        page.keep.clicked.connect(self._keep)
        page.take_back.clicked.connect(lambda: self._wish(()))
        page.everywhere.clicked.connect(lambda: self.state.set_text(self._prompts()[1]))
        self.state.interventions_changed.connect(self._changed)

    # --- Asking ----------------------------------------------------------------------------------

    def _prompts(self) -> tuple[str, str]:
        """Return the prompts as typed, or the examples for the language, which a model of others may not know."""
        typed = [self.page.entries[name].text() for name in ("source", "text")]
        if all(typed):
            return typed[0], typed[1]
        known = self.state.model is not None and Path(self.state.model.folder) == BUILTIN
        words = sentences(language() if known else "en")
        source, text = (words[key] for key in EXAMPLE)
        return source, text

    def refresh(self) -> None:
        """Ask for the grid, unless it is there or on its way."""
        self._typing.stop()
        source, text = self._prompts()
        answers = [self.page.entries[name].text().strip() for name in ("source_answer", "text_answer")]
        part = next(part for part in PARTS if part == self.page.part.current)
        request = PatchTexts(source, text, (answers[0], answers[1]), part, self._place)
        key = (request, self.state.weights_version, self._others())
        if key != self._key or not (self._complete or self.pane.asking("PatchTexts")):
            self._key, self._complete = key, False
            self.drop("TryPatches")
            self.ask(request, lambda answer: self._arrived(request, answer), ended=lambda end: self._ended(end.outcome))
        self._draw()

    def show_live(self) -> None:
        self.refresh()

    def _others(self) -> tuple[object, ...]:
        return tuple(one for one in self.state.interventions if not isinstance(one, Patched))

    def _kept(self) -> tuple[Patched, ...]:
        return tuple(one for one in self.state.interventions if isinstance(one, Patched))

    def _arrived(self, request: PatchTexts, answer: PatchPair | PatchEffects) -> None:
        if isinstance(answer, PatchPair):
            same = self.grid is not None and self.grid.request == request
            self.grid, self.trial = PatchGrid.begun(request, answer), None
            self._cell = self._cell if same else None
            self.pane.settle("PatchTexts")  # the rows are shown as they arrive
        elif self.grid is not None:
            self.grid = self.grid.with_effects(answer)
        self._draw()
        if self.grid is not None and self.grid.is_complete:
            self._try()

    def _ended(self, outcome: str) -> None:
        self._complete = outcome == "done"

    def _try(self) -> None:
        """Ask what the selected patch would do, together with those that are kept."""
        cell = self._current()
        if self.grid is None or cell is None:
            return
        request, tried = self.grid.request, self.grid.patch(*cell)
        kept = tuple(one for one in self._kept() if one != tried)
        self.ask(TryPatches(request.text, (*kept, tried)), lambda found: self._tried(Trial(tried, kept, found)))

    def _tried(self, trial: Trial) -> None:
        self.trial = trial
        self._draw()

    # --- Selecting and changing ------------------------------------------------------------------

    def _current(self) -> tuple[int, int] | None:
        """Return the selected cell: the user's, or the one with the largest effect."""
        grid = self.grid
        if grid is None or not grid.effects.size:
            return None
        if self._cell is not None and self._cell[0] < len(grid.effects) and self._cell[1] < grid.effects.shape[1]:
            return self._cell
        return grid.strongest() if grid.is_complete else (len(grid.effects) - 1, grid.effects.shape[1] - 1)

    def _cell_chosen(self, row: int, column: int) -> None:
        self._cell = row, column
        self._draw()
        self._try()

    def _place_chosen(self, place: int) -> None:
        cell = self._current()
        if self.page.part.current == "z":
            self._place = place
            self.refresh()
        elif cell is not None:
            self._cell_chosen(cell[0], place)

    def _part_changed(self) -> None:
        self._cell = None
        if self.state.model is not None:
            self.refresh()

    def _keep(self) -> None:
        """Make the selected patch a change of the open model."""
        cell = self._current()
        if self.grid is not None and cell is not None:
            patch = self.grid.patch(*cell)
            self._wish((*(one for one in self._kept() if one != patch), patch))

    def _wish(self, patches: tuple[Patched, ...]) -> None:
        """Replace the patches in the model, and keep all other changes."""
        others = tuple(one for one in self.state.interventions if not isinstance(one, Patched))
        self.state.wish_interventions((*others, *patches))

    def _changed(self) -> None:
        if self.page.isVisible():
            self.refresh()
            self._try()

    # --- Showing ---------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self.refresh()
        self._try()

    def _draw(self) -> None:
        if not self.page.isVisible():
            return
        page, cell, kept = self.page, self._current(), self._kept()
        page.picture.set_data(self.grid, *(cell or (0, 0)))
        self._draw_trial()
        page.keep.setEnabled(cell is not None and self.grid is not None and self.grid.patch(*cell) not in kept)
        page.kept_title.setText(t("pane.inside.patch.kept", count=len(kept)) if kept else t("pane.inside.patch.how"))
        page.kept.setText("\n".join(map(patch_words, kept)))
        page.kept.setVisible(bool(kept))
        page.take_back.setVisible(bool(kept))
        page.everywhere.setVisible(bool(kept) and self.state.text != self._prompts()[1])
        source, text = self._prompts()
        answers = self.grid.pair.answers if self.grid is not None else ("", "")
        hints = source.strip(), word(answers[0]), text.strip(), word(answers[1])
        for name, hint in zip(ENTRIES, hints, strict=True):
            page.entries[name].setPlaceholderText(hint)
        self.pane.subtitle_changed.emit()

    def _draw_trial(self) -> None:
        page, trial = self.page, self.trial
        if trial is None:
            page.trial_title.setText(t("pane.inside.patch.choose"))
            page.bars.set_pairs([])
            return
        key = "with_kept" if trial.kept else "with"
        page.trial_title.setText(t(f"pane.inside.patch.{key}", patch=patch_words(trial.tried), count=len(trial.kept)))
        found = trial.found
        page.bars.set_pairs(
            [
                Pair(marked(piece), float(before), float(after), f"{percent(float(before))} → {percent(float(after))}")
                for piece, before, after in zip(found.pieces, found.before, found.after, strict=True)
                if max(before, after) >= LEAST_SHARE
            ]
        )

    def sentence(self) -> str:
        return sentence(self.grid)

    def subtitle(self) -> str:
        return t("pane.inside.patch.subtitle")

    def adapt_layout(self, room: QSize) -> None:
        self.page.side.setVisible(room.width() >= self.pane.theme.px(ROOM_FOR_SIDE))

    # --- What every part has ---------------------------------------------------------------------

    def act(self, wanted: dict[str, Any]) -> None:
        """Select the cell `cell`: a layer and a column, counted from 0."""
        cell = wanted.get("cell")
        self._cell = (int(cell[0]), int(cell[1])) if isinstance(cell, list) and len(cell) == 2 else None
        self._draw()

    def table(self) -> Table | None:
        grid = self.grid
        if grid is None or not grid.effects.size:
            return None
        heads = grid.request.part == "z"
        rows: list[tuple[object, ...]] = [
            (
                layer + 1,
                grid.place if heads else at,
                grid.pair.pieces[0][grid.place if heads else at],
                grid.pair.pieces[1][grid.place if heads else at],
                at + 1 if heads else "",
                "" if np.isnan(effect) else float(effect),
            )
            for (layer, at), effect in np.ndenumerate(grid.effects)
        ]
        return Table(("layer", "position", "source", "target", "head", "effect"), rows)

    def save(self) -> dict[str, Any]:
        return {"part": self.page.part.current, **{name: entry.text() for name, entry in self.page.entries.items()}}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, entry in self.page.entries.items():
            if isinstance(saved.get(name), str):
                entry.setText(saved[name])
        if saved.get("part") in PARTS:
            self.page.part.choose(saved["part"])

    def retranslate(self) -> None:
        page = self.page
        for name, entry in page.entries.items():
            page.labels[name].setText(t(f"pane.inside.patch.entry.{name}"))
            entry.setAccessibleName(t(f"pane.inside.patch.entry.{name}"))
        page.part.set_labels(
            {part: t(f"pane.inside.patch.part.{part}") for part in PARTS}, t("pane.inside.patch.parts")
        )
        page.keep.setText(t("pane.inside.patch.keep"))
        page.take_back.setText(t("pane.inside.patch.take_back"))
        page.everywhere.setText(t("pane.inside.patch.everywhere"))
        page.picture.setAccessibleName(t("pane.inside.patch.picture"))
        page.bars.setAccessibleName(t("pane.inside.patch.bars"))
        self._draw()
