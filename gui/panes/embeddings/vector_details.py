"""One vector in numbers, and the tokens nearest to it or to an analogy."""

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from engine.messages.embeddings import Analogy, TokenRow
from gui.i18n import t
from gui.layout import label, stack
from gui.panes.embeddings.near_list import NearList
from gui.text import visible
from gui.theme import GAP_M
from gui.themed import Themed
from gui.widgets.vector_bars import VectorBars


class VectorDetails(Themed, QWidget):
    token_chosen = Signal(int)  # ID

    def __init__(self) -> None:
        super().__init__()
        self.row: TokenRow | None = None  # whose numbers are shown
        self._words: tuple[str, ...] = ()  # of the analogy whose result is listed; else the neighbours of `row` are
        self.token, self.near_title = label("content-large"), label("content", wraps=True)
        self.bars, self.near = VectorBars(), NearList()
        self.near.token_chosen.connect(self.token_chosen)
        stack(self, self.token, self.bars, self.near_title, self.near, spacing=GAP_M).setStretchFactor(self.near, 1)
        self.retranslate()

    def show_row(self, row: TokenRow) -> None:
        """Show a row's numbers, and list its neighbours."""
        self._words = ()
        self.near.set_near(row.near)
        self.show_numbers(row)

    def show_numbers(self, row: TokenRow) -> None:
        """Show a row's numbers; the list stays as it is."""
        self.row = row
        self.bars.set_vector(row.vector, row.id, row.rows)
        self._write()

    def show_analogy(self, words: tuple[str, ...], found: Analogy) -> None:
        """List the tokens nearest to A − B + C."""
        self._words = words
        self.near.set_near(found.near)
        self._write()

    def clear(self) -> None:
        """Show no vector and no neighbours."""
        self.row, self._words = None, ()
        self.bars.set_vector(np.zeros(0))
        self.near.set_near(None)
        self._write()

    def _write(self) -> None:
        piece, token = "", ""
        if self.row is not None:
            piece = visible(self.row.piece)
            token = t("pane.embeddings.token", piece=piece, id=self.row.id)
        self.token.setText(token)
        if self._words:
            a, b, c = self._words
            self.near_title.setText(t("pane.embeddings.analogy.near", a=a, b=b, c=c))
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
        self.near.setAccessibleName(t("pane.embeddings.near", piece=""))
        self._write()
