"""Comparing: one text as the open model and the one pinned as A read or continue it."""

import math
from functools import partial

import numpy as np
from PySide6.QtCore import QSize

from engine.messages.comparing import Compare, Comparison, Pin, Pinned, Unpin
from engine.messages.generation import GREEDY, Candidates, Generate, GeneratedToken, GeneratedTokens
from engine.messages.models import ModelInfo
from engine.messages.scoring import Expect, Expected, ScoredTokens
from engine.messages.status import Progress
from gui.i18n import number, percent, t
from gui.pane import Pane, Table
from gui.panes.generation import sentence
from gui.panes.generation.compare_page import SIDES, ComparePage
from gui.panes.generation.comparison import largest, measures, parts_of
from gui.panes.generation.scoring import LONGEST_TEXT
from gui.panes.generation.units import LN2, share
from gui.part import Part
from gui.samples import name_of
from gui.text import marked, size_words, tip
from gui.widgets.coloured_text import Span

WRITTEN = 40  # tokens that each model writes
LEAST_CHANGE = 0.0005  # of a probability; smaller ones are not listed
FULL_BITS = {"divergence": 4.0, "surprisal": 16.0}  # end of the colour scale of the curve


class Comparing(Part):
    page: ComparePage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page = ComparePage()
        self.found: Comparison | None = None
        self.text = ""  # that was compared: the shared text, or with what the open model wrote
        self.written: dict[str, list[GeneratedToken]] = {side: [] for side in SIDES}
        self.place: int | None = None  # the selected token of the open model
        self._expected: dict[str, Candidates] = {}
        page = self.page
        for pin in (page.pin_button.clicked, page.empty.pressed):
            pin.connect(lambda: self.ask(Pin(), self._pinned))
        page.unpin_button.clicked.connect(lambda: self.ask(Unpin(), self._pinned, slot="Pin"))
        page.write_button.clicked.connect(self.write)
        page.texts["now"].clicked.connect(self._select)
        page.texts["a"].clicked.connect(self._select_other)
        page.curve.chosen.connect(lambda index: self._select(self._parts()[index][0].start))
        self.state.pinned_changed.connect(self._refresh_if_seen)

    # --- Pinning and asking ----------------------------------------------------------------------

    def _pinned(self, answer: Pinned | Progress) -> None:
        if isinstance(answer, Pinned):
            self.state.set_pinned(answer)

    def _refresh_if_seen(self) -> None:
        self.found = None
        if self.page.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Compare the shared text."""
        for side in SIDES:
            self.drop(f"write {side}")
        self.written = {side: [] for side in SIDES}
        self._compare(self.state.text[:LONGEST_TEXT])

    def show_live(self) -> None:
        self._compare(self.text)

    def _compare(self, text: str) -> None:
        self.text, self.found, self.place, self._expected = text, None, None, {}
        if self.state.pinned is not None and text:
            self.ask(Compare(text), self._compared, ended=lambda _: self._show())
        else:
            self.drop("Compare")
        self._show()

    def _compared(self, answer: Comparison | Progress) -> None:
        if isinstance(answer, Comparison):
            self.found = answer
            self._show()
            self._expect()
        elif answer.fraction is not None:
            self.page.summary.setText(t("pane.generation.score.running", percent=percent(answer.fraction)))

    def write(self) -> None:
        """Let both models continue the shared text, each time with the likeliest token; then compare."""
        self.written = {side: [] for side in SIDES}
        for side in SIDES:
            request = Generate(self.state.text, (), None, WRITTEN, GREEDY, candidates=0, pinned=side == "a")
            self.ask(request, partial(self._wrote, side), slot=f"write {side}", ended=lambda _: self._both_wrote())

    def _wrote(self, side: str, answer: GeneratedTokens) -> None:
        self.written[side] += answer.tokens

    def _both_wrote(self) -> None:
        if not any(self.pane.asking(f"write {side}") for side in SIDES):
            self._compare(self.state.text + "".join(token.text for token in self.written["now"]))

    def _select(self, index: int) -> None:
        self.place = index
        self._show()
        self._expect()

    def _select_other(self, index: int) -> None:
        """Select the open model's token where A has its token `index`."""
        for now, other in self._parts():
            if other.start <= index < other.stop and not self.written["a"]:
                self._select(now.start)

    def _expect(self) -> None:
        """Ask both models for their candidates at the selected place, by default after the text."""
        found, self._expected = self.found, {}
        if found is None or self.place == 0:  # nothing predicts the first token
            for bars in self.page.bars.values():
                bars.set_candidates(None)
            self.page.place_words.clear()
            return
        place = len(found.now.ids) if self.place is None else self.place
        before = "".join(found.now.texts[:place])
        same = found.divergences is not None
        for side in SIDES:
            text = self.text if same or side == "now" else before
            request = Expect(text, place if same or side == "now" else len(text), pinned=side == "a")
            self.ask(request, partial(self._expects, side), slot=f"expect {side}")

    def _expects(self, side: str, answer: Expected) -> None:
        self._expected[side] = answer.candidates
        if len(self._expected) == len(SIDES):
            for name, bars in self.page.bars.items():
                bars.set_candidates(self._expected[name])
            self._show_place()

    # --- Showing it ------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show()

    def _parts(self) -> list[tuple[slice, slice]]:
        return parts_of(self.found) if self.found is not None else []

    def _show(self) -> None:
        page, pinned = self.page, self.state.pinned
        page.unpin_button.setEnabled(pinned is not None)
        page.write_button.setEnabled(pinned is not None and bool(self.state.text))
        names = {"now": self.state.model, "a": pinned.info if pinned else None}
        for side, model in names.items():
            name = self._name(side, model)
            page.titles[side].setText(name)
            page.names[side].setText(t("pane.generation.compare.expects", name=name))
        page.titles["a"].setToolTip(tip(self._memory()))
        found = self.found
        is_waiting = found is None and not self.pane.asking("Compare")
        page.show_advice(_advice(pinned is not None) if is_waiting else "", pinned is None)
        if found is None:
            for side in SIDES:
                page.texts[side].set_spans([])
                page.bars[side].set_candidates(None)
            page.curve.set_scores(np.zeros(0), np.zeros(0), (), ())
            page.key.set_entries([])
            page.place_words.clear()
            page.summary.clear()
            self.pane.subtitle_changed.emit()
            return
        page.texts["now"].set_spans(self._spans(found.now), self.place)
        written = [Span(self.state.text, None), *map(self._written_span, self.written["a"])]
        page.texts["a"].set_spans(written if self.written["a"] else self._spans(found.pinned))
        self._show_curve(found)
        page.summary.setText(self._summary(found))
        self._show_place()
        self.pane.subtitle_changed.emit()

    def _memory(self) -> str:
        """Return how much memory A takes besides the open model."""
        pinned, model = self.state.pinned, self.state.model
        if pinned is None or pinned.info is None:
            return ""
        if model is not None and model.folder == pinned.info.folder and not pinned.memory:
            return t("pane.generation.compare.shared")
        return t("pane.generation.compare.memory", memory=size_words(pinned.info.bytes))

    def _name(self, side: str, model: ModelInfo | None) -> str:
        if model is None:
            return t("pane.generation.compare.none")
        pinned = self.state.pinned
        changed = len(pinned.interventions) if side == "a" and pinned is not None else 0
        name = t("pane.generation.compare.changed", name=name_of(model), count=changed) if changed else name_of(model)
        return t(f"pane.generation.compare.side_{side}", name=name)

    def _spans(self, side: ScoredTokens) -> list[Span]:
        most = self._most_bits()
        return [
            Span(text, min(1.0, bits / most) if rank else None, _words(piece, bits, rank))
            for text, piece, bits, rank in zip(
                side.texts, side.pieces, (side.surprisals / LN2).tolist(), side.ranks.tolist(), strict=True
            )
        ]

    def _written_span(self, token: GeneratedToken) -> Span:
        bits = -math.log2(max(token.probability, 1e-300))
        return Span(
            token.text, min(1.0, bits / self._most_bits()), f"{marked(token.piece)}   {share(token.probability)}"
        )

    def _most_bits(self) -> float:
        return float(np.log2(max(2, self.state.model.vocabulary if self.state.model else 2)))

    def _show_curve(self, found: Comparison) -> None:
        kind = "divergence" if found.divergences is not None else "surprisal"
        first, second = measures(found)
        parts = self._parts()
        pieces = ["".join(found.now.texts[one]) or found.now.pieces[one.start] for one, _ in parts]
        words = [
            t(f"pane.generation.compare.at_{kind}", piece=marked(piece), first=number(a, 2), second=number(b, 2))
            for piece, a, b in zip(pieces, first.tolist(), second.tolist(), strict=True)
        ]
        curve = self.page.curve
        curve.set_unit("bits", FULL_BITS[kind], t(f"pane.generation.compare.axis.{kind}"))
        curve.set_scores(first, second, pieces, words)
        chosen = (
            i for i, (one, _) in enumerate(parts) if self.place is not None and one.start <= self.place < one.stop
        )
        curve.set_current(next(chosen, None))
        self.page.show_key(kind)

    def _summary(self, found: Comparison) -> str:
        """Return how the difference of the two models is measured, and how large it is."""
        first, _ = measures(found)
        if not np.isfinite(first).any():
            return t("pane.generation.score.too_short")
        if found.divergences is None:
            return t("pane.generation.compare.other")
        place = largest(found)
        if place is None:
            return t("pane.generation.compare.equal")
        piece = marked("".join(found.now.texts[parts_of(found)[place][0]]))
        mean, most = number(float(np.nanmean(first)), 3), number(float(first[place]), 2)
        return t("pane.generation.compare.same", mean=mean, most=most, piece=piece)

    def sentence(self) -> str:
        return sentence.of_comparison(self.found) if self.found is not None else ""

    def _show_place(self) -> None:
        """Show where the probabilities of the candidates differ most, with arrows."""
        if self.found is None or len(self._expected) < 2:
            return
        tokens = self.found.now.pieces
        where = t("pane.generation.score.after") if self.place is None else ""
        where = where or t("pane.generation.score.instead", piece=marked(tokens[self.place or 0]))
        now, other = ({piece: float(p) for piece, p in zip(c.pieces, c.probabilities[0], strict=True)}
                      for c in (self._expected["now"], self._expected["a"]))  # fmt: skip
        both = sorted(now.keys() & other.keys(), key=lambda piece: -abs(now[piece] - other[piece]))[:3]
        changes = (
            f"{marked(piece)} {share(other[piece])} {'↑' if now[piece] > other[piece] else '↓'} {share(now[piece])}"
            for piece in both
            if abs(now[piece] - other[piece]) >= LEAST_CHANGE
        )
        self.page.place_words.setText("\n".join((where, *changes)))

    def adapt_layout(self, room: QSize) -> None:
        self.page.adapt_layout(room)

    def table(self) -> Table | None:
        if self.found is None:
            return None
        names = ("kl_bits", "js_bits") if self.found.divergences is not None else ("now_bits", "a_bits")
        first, second = measures(self.found)
        rows: list[tuple[object, ...]] = [
            (index, "".join(self.found.now.texts[one]), a, b)
            for index, ((one, _), a, b) in enumerate(zip(self._parts(), first, second, strict=True))
        ]
        return Table(("position", "text", *names), rows)

    def retranslate(self) -> None:
        self._show()


def _words(piece: str, bits: float, rank: int) -> str:
    if not rank:
        return t("pane.generation.score.first", piece=marked(piece))
    words = {"percent": share(2.0**-bits), "bits": number(bits, 2), "rank": number(rank)}
    return t("pane.generation.compare.token", piece=marked(piece), **words)


def _advice(pinned: bool) -> str:
    """Return what to do where there is nothing to compare."""
    return t("pane.generation.compare.nothing") if pinned else t("pane.generation.compare.no_pin")
