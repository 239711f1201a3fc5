"""Texts coloured by reward, token by token: red adds to the reward, blue takes away from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, qGray

from engine.messages.choices import RewardedText
from gui.colormaps import difference_color, spread
from gui.i18n import number, t
from gui.text import on_one_line, word
from gui.theme import GAP_L, GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL
from gui.widgets.legend import paint_difference_scale, share_scale_size
from gui.widgets.painted import Painted, Policy

SIZES = (72, 60, 50, 42, 34, HUGE, 24, LARGE, 17, NORMAL, SMALL)
LIGHT = 140  # luma, 0..255, from which a colour has black type on it


@dataclass(frozen=True)
class Coloured:
    """A text with its rewards, and the words above it."""

    heading: str
    text: RewardedText

    @property
    def reward(self) -> float:
        """The reward of the whole text, in nats."""
        return float(self.text.rewards[-1]) if len(self.text.rewards) else 0.0


@dataclass(frozen=True)
class Token:
    """A token where it is painted."""

    box: QRectF
    words: str
    row: int
    index: int


class RewardPicture(Painted):
    """Texts below each other, on one scale of colours, in the largest type in which all of them fit."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.texts: tuple[Coloured, ...] = ()
        self.full = 1.0  # nats a token, of the full colour
        self._size = NORMAL
        self._tokens: list[Token] = []
        self._headings: list[float] = []  # where each text's heading begins

    def show_texts(self, texts: Sequence[Coloured]) -> None:
        self.texts = tuple(texts)
        parts = np.concatenate([coloured.text.parts for coloured in self.texts]) if self.texts else np.zeros(0)
        self.full = (spread(parts) if parts.size else 0.0) or 1.0
        self.setAccessibleDescription("\n".join(self._heading(coloured) for coloured in self.texts))
        self._lay_out()
        self.update()

    def _heading(self, coloured: Coloured) -> str:
        reward = number(coloured.reward, 2, signed=True)
        return t("pane.tuning.choices.reward.of", heading=coloured.heading, reward=reward)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(500), self.theme.px(160))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.theme.px(60))

    # --- Geometry --------------------------------------------------------------------------------

    def _room(self) -> float:
        """Return the height above the legend."""
        return self.height() - share_scale_size(self.theme).height() - self.theme.px(GAP_M)

    def _lay_out(self) -> None:
        for size in SIZES:
            self._size = size
            if self._place() <= self._room():
                break

    def _place(self) -> float:
        """Place headings and tokens in the present type size; return where they end."""
        metrics = QFontMetricsF(self.theme.font(self._size))
        heading = QFontMetricsF(self.theme.font(NORMAL)).height() + self.theme.px(GAP_S)
        self._tokens, self._headings, y = [], [], 0.0
        for row, coloured in enumerate(self.texts):
            self._headings.append(y)
            x, y = 0.0, y + heading
            for index, words in enumerate(coloured.text.texts):
                shown = on_one_line(words)
                width = min(metrics.horizontalAdvance(shown), float(self.width()))
                if x and x + width > self.width():
                    x, y = 0.0, y + metrics.height() + self.theme.px(GAP_S)
                self._tokens.append(Token(QRectF(x, y, width, metrics.height()), shown, row, index))
                x += width + 1
            y += metrics.height() + self.theme.px(GAP_L)
        return y

    def resizeEvent(self, event: object) -> None:
        self._lay_out()

    def restyle(self) -> None:
        super().restyle()
        self._lay_out()

    # --- Painting --------------------------------------------------------------------------------

    def color_of(self, token: Token) -> QColor:
        part = float(self.texts[token.row].text.parts[token.index])
        return difference_color(min(1.0, max(-1.0, part / self.full)))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.texts:
            return
        theme, painter = self.theme, QPainter(self)
        painter.setFont(theme.font(NORMAL))
        painter.setPen(theme.color("muted"))
        for top, coloured in zip(self._headings, self.texts, strict=True):
            room = QRectF(0, top, self.width(), painter.fontMetrics().height())
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft, self._heading(coloured))
        painter.setFont(theme.font(self._size))
        for token in self._tokens:
            if token.box.bottom() > self._room():
                break
            color = self.color_of(token)
            painter.fillRect(token.box, color)
            painter.setPen(QColor("black" if qGray(color.rgb()) >= LIGHT else "white"))
            painter.drawText(
                token.box.topLeft() + QPoint(0, round(QFontMetricsF(painter.font()).ascent())), token.words
            )
        size = share_scale_size(theme)
        box = QRectF(0, self.height() - size.height(), self.width(), size.height())
        ticks = {place: number(place * self.full, 1, signed=bool(place)) for place in (-1.0, 0.0, 1.0)}
        paint_difference_scale(painter, box, theme, ticks)
        painter.setPen(theme.color("muted"))
        beside = box.adjusted(size.width() + theme.px(GAP_L), 0, 0, 0)
        painter.drawText(beside, Qt.AlignmentFlag.AlignTop, t("pane.tuning.choices.reward.scale"))
        painter.end()

    def describe_at(self, point: QPoint) -> str:
        token = next((token for token in self._tokens if token.box.contains(point.toPointF())), None)
        if token is None:
            return ""
        text = self.texts[token.row].text
        part, reward = (number(float(values[token.index]), 2, signed=True) for values in (text.parts, text.rewards))
        return t("pane.tuning.choices.reward.token", token=word(text.pieces[token.index]), part=part, reward=reward)
