"""Tokens and their cosines, the nearest first."""

from PySide6.QtCore import Signal

from engine.messages.embeddings import NearTokens
from gui.i18n import number
from gui.text import visible
from gui.theme import NORMAL
from gui.widgets.bar_list import Bar, BarList
from gui.widgets.painted import Policy


class NearList(BarList):
    token_chosen = Signal(int)  # ID

    def __init__(self) -> None:
        super().__init__(0.5, most=1.0, size_of_type=NORMAL, down=Policy.Expanding)
        self.near: NearTokens | None = None
        self.chosen.connect(self._choose_token)

    def set_near(self, near: NearTokens | None) -> None:
        self.near, self.current = near, 0
        rows = zip(near.pieces, near.cosines.tolist(), strict=True) if near else ()
        self.set_bars([Bar(visible(piece), max(0.0, cosine), number(cosine, 2)) for piece, cosine in rows])

    def _choose_token(self, row: int) -> None:
        if self.near is not None:
            self.token_chosen.emit(int(self.near.ids[row]))
