"""Scoring: the shared text in the colours of its surprisal, and what the model expected at the selected place."""

from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QSize

from engine.messages.envelope import Ended
from engine.messages.generation import Candidates
from engine.messages.scoring import Expect, Expected, ScoredTokens, ScoreText
from engine.messages.status import Progress
from gui.i18n import number, percent, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.generation import sentence
from gui.panes.generation.score_page import ScorePage
from gui.panes.generation.scores import TextScores
from gui.panes.generation.units import UNITS, share
from gui.part import Part
from gui.text import marked
from gui.widgets.coloured_text import Span

SHOW_MS = 120  # between two redraws of a text that is being scored
WORD_MS = 250  # after the last key before a word is scored
LONGEST_TEXT = 20_000  # characters that are scored, as many as are tokenized for the other panes


class Scoring(Part):
    page: ScorePage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.page, self.scores = ScorePage(), TextScores("")
        self._folder = ""  # of the model that scored the text
        self._progress = 0.0
        self._show_timer = timer(self, SHOW_MS, self._show, single_shot=True)
        self._word_timer = timer(self, WORD_MS, self._expect, single_shot=True)
        page = self.page
        page.text.clicked.connect(self.state.select_token)
        page.curve.chosen.connect(self.state.select_token)
        page.end_button.clicked.connect(lambda: self.state.select_token(None))
        page.stop_button.clicked.connect(self.stop)
        page.unit.changed.connect(lambda _: self._show())
        page.word.textChanged.connect(lambda _: self._word_timer.start())
        page.word.returnPressed.connect(self._expect)
        self.state.selection_changed.connect(self._selected)

    # --- Asking ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Score the text, unless the same model has scored it."""
        text, model = self.state.text[:LONGEST_TEXT], self.state.model
        folder = model.folder if model else ""
        if text == self.scores.text and folder == self._folder and (self.scores.is_complete or self._is_asking):
            self._show()
            self._expect()
            return
        self._folder = folder
        self._begin(text)

    def show_live(self) -> None:
        self._begin(self.scores.text)

    def _begin(self, text: str) -> None:
        self.drop("ScoreText")
        self.scores, self._progress = TextScores(text), 0.0
        self._show_place(None, None)
        self.page.word_words.clear()
        self.page.stop_button.setEnabled(bool(text))
        if text:
            self.ask(ScoreText(text), self._scored, ended=self._ended)
        self._show()
        self._expect()

    @property
    def _is_asking(self) -> bool:
        return self.pane.asking("ScoreText")

    def _scored(self, event: Progress | ScoredTokens) -> None:
        if isinstance(event, Progress):
            self._progress = event.fraction or 0.0
        else:
            self.scores.add(event)
        if not self._show_timer.isActive():
            self._show_timer.start()

    def _ended(self, end: Ended) -> None:
        self._show()

    def stop(self) -> None:
        """Stop scoring; the tokens scored so far stay."""
        self.drop("ScoreText")
        self._show()

    def _selected(self) -> None:
        if self.page.isVisible():
            self._show()
            self._expect()

    def _expect(self) -> None:
        """Ask for the candidates and the word's probability at the selected place."""
        self._word_timer.stop()
        if self.state.model is None or not self.page.isVisible():
            return
        place = self.state.token
        if place == 0:  # nothing predicts the first token
            self.drop("Expect")
            self._show_place(0, None)
            self.page.word_words.clear()
            return
        where = len(self.scores.text) if place is None else place  # at most the number of tokens
        self.ask(Expect(self.scores.text, where, self.page.word.text()), partial(self._expected, place))

    def _expected(self, place: int | None, event: Expected) -> None:
        self._show_place(place, event.candidates)
        word = event.word
        if word is None:
            self.page.word_words.clear()
            return
        key = "word_one" if len(word.pieces) == 1 else "word_several"
        pieces = " · ".join(map(marked, word.pieces))
        words = {"piece": marked(word.form), "pieces": pieces, "rank": number(word.rank)}
        self.page.word_words.setText(t(f"pane.generation.score.{key}", percent=share(word.probability), **words))

    # --- Showing it ------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show()
        self._expect()

    def _show(self) -> None:
        self._show_timer.stop()
        if not self.page.isVisible():
            return
        page, scores, unit, current = self.page, self.scores, self.page.unit.current, self._current()
        words = [self._words(index) for index in range(len(scores))]
        values = scores.entropies if unit == "choices" else scores.surprisals
        shares = np.nan_to_num(values / self._most_bits(), nan=-1.0).tolist()
        spans = [
            Span(text, None if value < 0 else min(1.0, value), said)
            for text, value, said in zip(scores.texts, shares, words, strict=True)
        ]
        page.text.set_spans(spans, current)
        page.curve.set_unit(unit, self._most_bits(), t(f"pane.generation.score.axis.{unit}"))
        page.curve.set_scores(scores.surprisals, scores.entropies, scores.pieces, words)
        page.curve.set_current(current)
        page.show_key(UNITS[unit](0.0), UNITS[unit](self._most_bits()))
        page.summary.setText(self._summary())
        page.stop_button.setVisible(self._is_asking)
        self.pane.subtitle_changed.emit()

    def _current(self) -> int | None:
        token = self.state.token
        return token if token is not None and token < len(self.scores) else None

    def _most_bits(self) -> float:
        """Return the surprisal, in bits, of a token of a uniform distribution: the end of the colour scale."""
        model = self.state.model
        return float(np.log2(max(2, model.vocabulary if model else 2)))

    def _show_place(self, current: int | None, found: Candidates | None) -> None:
        """Show the candidates at a place, together with its name."""
        page = self.page
        page.bars.set_candidates(found)
        page.end_button.setEnabled(current is not None)
        if current is None or current >= len(self.scores):
            page.title.setText(t("pane.generation.score.after"))
            page.token_words.clear()
        else:
            page.title.setText(t("pane.generation.score.instead", piece=marked(self.scores.pieces[current])))
            page.token_words.setText(self._words(current))

    def _words(self, index: int) -> str:
        """Return the prediction of a token in words."""
        scores = self.scores
        rank, piece = int(scores.ranks[index]), marked(scores.pieces[index])
        if not rank:
            return t("pane.generation.score.first", piece=piece)
        surprisal, entropy = float(scores.surprisals[index]), float(scores.entropies[index])
        return t(
            "pane.generation.score.token",
            piece=piece,
            id=int(scores.ids[index]),
            percent=share(2.0**-surprisal),
            bits=number(surprisal, 2),
            rank=number(rank),
            entropy=number(entropy, 2),
            choices=UNITS["choices"](entropy),
        )

    def _summary(self) -> str:
        """Return how well the model predicts the text in figures, or what is missing."""
        scores = self.scores
        if self._is_asking:
            return t("pane.generation.score.running", percent=percent(self._progress))
        if len(scores) < 2:
            return t("pane.generation.score.too_short")
        bits, perplexity = number(scores.mean_bits, 2), number(2.0**scores.mean_bits, 1)
        key = "summary" if scores.is_complete else "stopped"
        words = t(f"pane.generation.score.{key}", tokens=number(len(scores)), bits=bits, perplexity=perplexity)
        if len(self.state.text) > LONGEST_TEXT:
            words += " " + t("pane.generation.score.cut", characters=number(LONGEST_TEXT))
        return words

    def sentence(self) -> str:
        vocabulary = self.state.model.vocabulary if self.state.model else 2
        return "" if self._is_asking else sentence.of_scores(self.scores, vocabulary)

    def adapt_layout(self, room: QSize) -> None:
        self.page.adapt_layout(room)

    # --- What every part has ---------------------------------------------------------------------

    def table(self) -> Table | None:
        scores = self.scores
        if not len(scores):
            return None
        header = ("position", "id", "piece", "probability", "rank", "surprisal_bits", "entropy_bits")
        probabilities = 2.0**-scores.surprisals
        columns = (probabilities, scores.ranks, scores.surprisals, scores.entropies)
        rows: list[tuple[object, ...]] = [
            (index, token, piece, *((p, rank, s, e) if rank else ("", "", "", "")))
            for index, (token, piece, p, rank, s, e) in enumerate(
                zip(scores.ids.tolist(), scores.pieces, *(c.tolist() for c in columns), strict=True)
            )
        ]
        return Table(header, rows)

    def save(self) -> dict[str, Any]:
        return {"unit": self.page.unit.current, "word": self.page.word.text()}

    def restore(self, saved: dict[str, Any]) -> None:
        if saved.get("unit") in UNITS:
            self.page.unit.choose(saved["unit"])
        if isinstance(saved.get("word"), str):
            self.page.word.setText(saved["word"])

    def retranslate(self) -> None:
        self._show()
        self._expect()
