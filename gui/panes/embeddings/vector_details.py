"""One vector in numbers, the tokens nearest to it, and analogies of words."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.messages.embeddings import NearTokens, TokenRow
from gui.i18n import t
from gui.layout import Item, label, row as in_a_row, stack
from gui.panes.embeddings.near_list import NearList
from gui.text import visible
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed
from gui.widgets.vector_bars import VectorBars


class VectorDetails(Themed, QWidget):
    token_chosen = Signal(int)  # ID
    analogy_wanted = Signal()  # Return was pressed in one of the fields

    def __init__(self) -> None:
        super().__init__()
        self.row: TokenRow | None = None  # whose numbers are shown
        self._analogy: tuple[str, str, str] | None = None  # whose result is listed; else the neighbours of `row`
        self.token, self.near_title = label("figure"), label("muted", wraps=True)
        self.bars, self.near = VectorBars(), NearList()
        self.near.token_chosen.connect(self.token_chosen)
        self.fields = [QLineEdit() for _ in "abc"]
        equation: list[Item] = []
        for sign, field in zip(("", "−", "+"), self.fields, strict=True):
            field.setProperty("tight", True)
            field.returnPressed.connect(self.analogy_wanted)
            mark = label()
            mark.setText(sign)
            equation += [mark, field] if sign else [field]
        parts = (self.token, self.bars, in_a_row(*equation, spacing=GAP_S), self.near_title, self.near)
        stack(self, *parts, spacing=GAP_M).setStretchFactor(self.near, 1)
        self.retranslate()

    @property
    def words(self) -> tuple[str, str, str]:
        """The words A, B and C of the analogy A − B + C."""
        a, b, c = (field.text() for field in self.fields)
        return a, b, c

    def set_words(self, words: Sequence[str]) -> None:
        for field, word in zip(self.fields, words, strict=False):
            field.setText(word)
            field.home(False)  # a field that is too short shows the beginning

    def show_row(self, row: TokenRow) -> None:
        """Show a row's numbers, and list its neighbours."""
        self._analogy = None
        self.near.set_near(row.near)
        self.show_numbers(row)

    def show_numbers(self, row: TokenRow) -> None:
        """Show a row's numbers; the list stays as it is."""
        self.row = row
        self.bars.set_vector(row.vector, row.id, row.rows)
        self._write()

    def show_analogy(self, words: tuple[str, str, str], near: NearTokens) -> None:
        """List the tokens nearest to A − B + C."""
        self._analogy = words
        self.near.set_near(near)
        self._write()

    def clear(self) -> None:
        """Show no vector and no neighbours; the words of the analogy stay."""
        self.row = self._analogy = None
        self.bars.set_vector(np.zeros(0))
        self.near.set_near(None)
        self._write()

    def _write(self) -> None:
        piece, token = "", ""
        if self.row is not None:
            piece = visible(self.row.piece)
            token = t("pane.embeddings.token", piece=piece, id=self.row.id)
        self.token.setText(token)
        if self._analogy is not None:
            a, b, c = self._analogy
            self.near_title.setText(t("pane.embeddings.analogy", a=a, b=b, c=c))
        else:
            self.near_title.setText(self._near_words(piece))

    def _near_words(self, piece: str) -> str:
        """Return the title over the neighbours, or the reason why there are none."""
        if self.row is None:
            return ""
        if not np.isfinite(self.row.vector).all():
            return t("pane.embeddings.no_numbers", piece=piece)
        return t("pane.embeddings.near" if self.row.vector.any() else "pane.embeddings.no_direction", piece=piece)

    def retranslate(self) -> None:
        for name, field in zip("abc", self.fields, strict=True):
            field.setPlaceholderText(t(f"pane.embeddings.word_{name}"))
            field.setAccessibleName(t("pane.embeddings.analogy_word", name=name.upper()))
        self.near.setAccessibleName(t("pane.embeddings.near", piece=""))
        self._write()
