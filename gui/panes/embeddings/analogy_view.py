"""A − B + C drawn in its own plane: the arrow from B to A moves to C, and its tip is the sum."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEasingCurve, QPointF, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.messages.embeddings import Analogy
from gui.i18n import number, t
from gui.text import visible
from gui.theme import LARGE, NORMAL, SMALL
from gui.widgets.arrow import paint_arrow
from gui.widgets.haloed_text import HaloedText
from gui.widgets.painted import Painted, Policy

MOVE_MS = 600
NEIGHBOURS = 6
A, B, C, SUM, NEAR = 0, 1, 2, 3, 4  # rows of the plane


class AnalogyView(Painted):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.words: tuple[str, ...] = ()
        self.found: Analogy | None = None
        self._texts = HaloedText(QRectF())
        self._moved = 1.0  # share of the way of the arrow from B to C
        self._motion = QVariantAnimation(self, startValue=0.0, endValue=1.0, duration=MOVE_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._motion.valueChanged.connect(self._move)

    def set_analogy(self, words: tuple[str, ...], found: Analogy) -> None:
        """Show an analogy; its arrow moves if the view is visible."""
        self.words, self.found, self._moved = words, found, 1.0
        near = zip(found.near.pieces[:NEIGHBOURS], found.near.cosines.tolist(), strict=False)
        self.setAccessibleDescription("; ".join(f"{visible(piece)} {number(cosine, 2)}" for piece, cosine in near))
        if self.isVisible():
            self._motion.stop()
            self._motion.start()
        self.update()

    def clear(self) -> None:
        self._motion.stop()
        self.words, self.found = (), None
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(340))

    def places(self) -> NDArray[np.float64]:
        """Return where the rows of the plane are painted, in pixels: [4 + near, 2]."""
        if self.found is None:
            return np.zeros((0, 2))
        plane = self.found.plane[: NEAR + NEIGHBOURS].astype(np.float64)
        low, high = plane.min(axis=0), plane.max(axis=0)
        size = np.array([self.width(), self.height()], np.float64)
        edge = np.minimum((self.theme.px(110), self.theme.px(56)), size * 0.2)
        scale = float(((size - 2 * edge) / np.maximum(high - low, 1e-6)).min())
        placed: NDArray[np.float64] = (plane - (low + high) / 2) * scale * (1, -1) + size / 2
        return placed

    def _move(self, share: float) -> None:
        self._moved = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.found is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        at = [QPointF(x, y) for x, y in self.places().tolist()]
        self._texts.begin(QRectF(self.rect()))
        self._paint_sides(painter, at)
        self._paint_points(painter, at)
        self._paint_words(painter, at)
        self._paint_foot(painter)

    def _paint_sides(self, painter: QPainter, at: list[QPointF]) -> None:
        muted, orange = self.theme.color("muted"), self.theme.color("warning")
        painter.setPen(QPen(muted, 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(at[B], at[C])
        painter.drawLine(at[A], at[SUM])
        head, width = self.theme.px(14), self.theme.px(3.5)
        paint_arrow(painter, at[B], at[A], orange, head, self.theme.px(7), width)
        way = (at[C] - at[B]) * self._moved
        paint_arrow(painter, at[B] + way, at[A] + way, orange, head, self.theme.px(12) * self._moved, width)
        if len(at) > NEAR and self._moved == 1.0:
            painter.setPen(QPen(self.theme.color("accent"), 2, Qt.PenStyle.DotLine))
            painter.drawLine(at[SUM], at[NEAR])

    def _paint_points(self, painter: QPainter, at: list[QPointF]) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for index, place in enumerate(at):
            if index == SUM:
                continue
            near = index >= NEAR
            painter.setBrush(self.theme.color("accent" if index == NEAR else "muted" if near else "text"))
            radius = self.theme.px(4 if index > NEAR else 6)
            painter.drawEllipse(place, radius, radius)
        if self._moved == 1.0:
            painter.setPen(QPen(self.theme.color("warning"), 2.5))
            painter.setBrush(self.theme.color("surface"))
            painter.drawPolygon(_star(at[SUM], self.theme.px(12)))

    def _paint_words(self, painter: QPainter, at: list[QPointF]) -> None:
        """Write the words beside their points, the most important first; a word without room is left out."""
        assert self.found is not None
        near = self.found.near
        names = [(B, self.words[1]), (A, self.words[0]), (C, self.words[2])]
        if len(at) > NEAR:
            names.append((NEAR, visible(near.pieces[0])))
        if self._moved == 1.0:
            a, b, c = self.words
            names.append((SUM, t("pane.embeddings.analogy.sum", a=a, b=b, c=c)))
        for index, name in names:
            color = "accent" if index == NEAR else "warning" if index == SUM else "text"
            self._write(painter, name, at[index], LARGE + 2, color, bold=True)
        if len(at) > NEAR and self._moved == 1.0:
            words = t("pane.embeddings.analogy.cosine", cosine=number(float(near.cosines[0]), 2))
            self._write(painter, words, (at[SUM] + at[NEAR]) / 2, NORMAL, "accent")
        for row in range(1, len(at) - NEAR):
            self._write(painter, visible(near.pieces[row]), at[NEAR + row], NORMAL, "muted")

    def _write(self, painter: QPainter, text: str, at: QPointF, size: int, color: str, bold: bool = False) -> None:
        font = self.theme.font(size, bold)
        metrics = QFontMetricsF(font)
        up, right = metrics.height() * 0.95, metrics.horizontalAdvance(text) / 2 + self.theme.px(16)
        for x, y in (
            (0, -up),
            (0, up),
            (right, 0),
            (-right, 0),
            (right, -up),
            (-right, -up),
            (right, up),
            (-right, up),
        ):
            place = at + QPointF(x, y)
            if self._texts.paint(painter, text, place, font, self.theme.color(color), self.theme.color("surface")):
                return

    def _paint_foot(self, painter: QPainter) -> None:
        """Say at the foot what the plane is."""
        font = self.theme.font(SMALL)
        foot = t("pane.embeddings.analogy.foot")
        height = QFontMetricsF(font).height()
        centre = QPointF(self.width() / 2, self.height() - height / 2)
        self._texts.paint(painter, foot, centre, font, self.theme.color("muted"), self.theme.color("surface"))


def _star(centre: QPointF, radius: float) -> QPolygonF:
    turns = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, radius * 0.42, radius)
    corners = zip((np.sin(turns) * radii).tolist(), (-np.cos(turns) * radii).tolist(), strict=True)
    return QPolygonF([centre + QPointF(x, y) for x, y in corners])
