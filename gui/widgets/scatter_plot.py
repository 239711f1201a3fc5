"""A scatter plot of named points in two or three dimensions, painted by numpy: fast enough to turn 50,000 points.

Dragging moves the plot; in three dimensions it turns it, and the right button moves it. The wheel zooms. Dragging with
Shift draws a lasso. Each kind of points has a colour and a shape; where so many are in view that they would cover one
another, each is a small square, and the more of them there are at a place, the stronger is the colour. Marked points
have labels, and the first others in view for which there is room, words before single characters.
"""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.legend import Entry
from gui.widgets.painted import Painted, Policy
from gui.widgets.stamps import GLYPHS, stamp

Points = NDArray[np.float32]
MOST_LABELS = 60
LABELS_TRIED = 400  # of the points in view
NO_LABEL = 3  # rank of names that are only labelled when they are marked
CROWDED = 0.4  # share of the picture that the shapes of all points in view may cover
STRENGTHS = 1 - 0.5 ** np.arange(1, 17)  # of the colour where 1, 2, 3, … points are
NEAR = 12.0  # pixels between a click and the point that it means
REACH = 16  # pixels around the picture: a point just outside of it is painted in part


class ScatterPlot(Painted):
    clicked = Signal(int)  # index of a point, -1 for none
    hovered = Signal(int)
    lassoed = Signal(object)  # indices of the points inside the lasso

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Expanding)
        self.points: Points = np.zeros((0, 3), np.float32)  # the third coordinate is 0 in two dimensions
        self.flat = True
        self.names: Sequence[str] = ()
        self.kinds: Sequence[str] = ()
        self.marked: list[int] = []
        self.arrows: list[tuple[int, int]] = []
        self.paths: list[list[int]] = []
        self.explained: Sequence[float] = ()
        self._groups: dict[str, NDArray[np.intp]] = {}
        self._label_ranks = np.zeros(0, np.int8)
        self._turn = np.eye(3, dtype=np.float32)
        self._scale, self._centre = 1.0, np.zeros(3, np.float32)
        self._moved = QPointF(0, 0)  # offset of the centre, in pixels
        self._fitted: Sequence[int] | None = None  # the points that the view was fitted to; None: moved by hand
        self._placed: Points = np.zeros((0, 3), np.float32)  # where each point was painted, in pixels, and its depth
        self._drag: QPointF | None = None
        self._pressed = QPointF()
        self._lasso: list[QPointF] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- What is shown ---------------------------------------------------------------------------

    def set_names(self, names: Sequence[str], kinds: Sequence[str]) -> None:
        """Set the names and kinds of the points, most important first; of overlapping labels the first is shown."""
        self.names, self.kinds = names, kinds
        of_point = np.array(kinds) if kinds else np.zeros(0, str)
        self._groups = {kind: np.flatnonzero(of_point == kind) for kind in dict.fromkeys(kinds)}
        self._label_ranks = np.fromiter(map(label_rank, names), np.int8, len(names))
        self.marked, self.arrows, self.paths = [], [], []

    def set_points(self, points: NDArray[np.floating], fit: bool) -> None:
        """Set the points, [n, 2] or [n, 3], one for each name; `fit` brings all of them into view."""
        flat = points.shape[1] == 2
        if flat != self.flat:
            self._turn = np.eye(3, dtype=np.float32)
        self.flat = flat
        self.points = np.pad(points, ((0, 0), (0, 3 - points.shape[1]))).astype(np.float32)
        if fit:
            self.fit()
        self.update()

    def set_marked(self, marked: list[int]) -> None:
        """Mark these points with a ring; their labels come first."""
        self.marked = [index for index in marked if index < len(self.points)]
        self.update()

    def set_arrows(self, arrows: list[tuple[int, int]]) -> None:
        """Draw an arrow for each pair of points (from, to)."""
        self.arrows = arrows
        self.update()

    def set_paths(self, paths: list[list[int]]) -> None:
        """Draw a line through the points of each path; the first path is highlighted."""
        self.paths = paths
        self.update()

    def set_explained(self, shares: Sequence[float]) -> None:
        """Set each axis' share of the variance. Without shares the axes have no meaning and no names."""
        self.explained = shares
        self.update()

    def kinds_in_order(self) -> list[str]:
        return list(self._groups)

    def style_of(self, kind: str) -> tuple[str, str]:
        """Return the colour of a kind, and its shape as a character."""
        index = self.kinds_in_order().index(kind)
        return self.theme.series[index % len(self.theme.series)], GLYPHS[index % len(GLYPHS)]

    def legend_entries(self, name_of: Callable[[str], str]) -> list[Entry]:
        """Return an entry for each kind of points; `name_of` returns the name of a kind."""
        styles = ((kind, *self.style_of(kind)) for kind in self.kinds_in_order())
        return [Entry(name_of(kind), marker=color, glyph=glyph) for kind, color, glyph in styles]

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(340))

    # --- The view --------------------------------------------------------------------------------

    def fit(self, some: Sequence[int] = ()) -> None:
        """Bring all points into view except a few outliers, or only `some` points with room around them."""
        if not len(self.points):
            return
        self._fitted = some
        points = self.points[list(some)] if some else self.points
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            return
        # Not np.percentile: its first call imports numpy.ma, which stops the window.
        ordered, out = np.sort(points, axis=0), len(points) // 500
        low, high = ordered[out], ordered[-1 - out]
        self._centre = ((low + high) / 2).astype(np.float32)
        room = high[:2] - low[:2] if self.flat else np.full(2, np.linalg.norm(high - low) * 0.8)
        # Room for the names above the points and the axis below them, but never half of a small plot.
        size = np.array([self.width(), self.height()])
        space = (size - np.minimum((60, 70), size * 0.3)).clip(40)
        self._scale = float((space / np.maximum(room, 1e-9)).min()) * (0.6 if some else 1.0)
        self._moved = QPointF(0, 0)
        self.update()

    def centre_on(self, index: int) -> None:
        self._centre = self.points[index].copy()
        self._moved, self._fitted = QPointF(0, 0), None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the view again after a change of size, unless the user has moved it."""
        if self._fitted is not None and max(self._fitted, default=0) < len(self.points):
            self.fit(self._fitted)

    def _place(self) -> NDArray[np.float32]:
        """Return the position of each point in pixels and its depth (larger is nearer): [n, 3]."""
        turned: Points = np.matmul(self.points - self._centre, self._turn)
        placed = turned * np.float32(self._scale)
        placed[:, 0] += self.width() / 2 + self._moved.x()
        placed[:, 1] = self.height() / 2 + self._moved.y() - placed[:, 1]
        return placed

    def at(self, index: int) -> QPointF:
        """Return where a point was painted last."""
        return QPointF(*map(float, self._placed[index, :2]))

    def nearest(self, at: QPointF) -> int:
        """Return the point under the mouse, -1 for none."""
        if not len(self._placed):
            return -1
        distance = np.hypot(self._placed[:, 0] - at.x(), self._placed[:, 1] - at.y())
        index = int(np.nan_to_num(distance, nan=np.inf).argmin())
        return index if distance[index] < NEAR else -1

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not len(self.points):
            return
        self._placed = self._place()
        painter.drawImage(0, 0, self._picture())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_paths(painter)
        self._paint_arrows(painter)
        painter.setPen(QPen(self.theme.color("accent"), 2))
        radius = self.theme.px(8)
        for index in (i for i in self.marked if np.isfinite(self._placed[i]).all()):
            painter.drawEllipse(self.at(index), radius, radius)
        self._paint_labels(painter)
        self._paint_axes(painter)
        if self._lasso:
            painter.setPen(QPen(self.theme.color("accent"), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolyline(QPolygonF(self._lasso))

    def _picture(self) -> QImage:
        """Paint all points at once: add the pixel offsets of each kind's shape to the positions of its points."""
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        stride = width + 2 * REACH
        pixels = np.zeros((height + 2 * REACH) * stride, np.uint32)
        x, y = (self._placed[:, :2] * np.float32(ratio)).T
        seen = (x > -REACH / 2) & (x < width + REACH / 2) & (y > -REACH / 2) & (y < height + REACH / 2)
        far = np.zeros(len(x), bool) if self.flat else self._placed[:, 2] < 0
        # Points outside may be too far for an integer, or NaN.
        column, row = (np.where(seen, along, 0).astype(np.int32) + REACH for along in (x, y))
        size = min(REACH // 2 - 1, max(3, round(self.theme.px(3) * ratio)))
        covered = np.count_nonzero(seen) * size**2 * 2 / max(1, width * height)
        crowded = covered > CROWDED
        small = round((2 if covered > 1.5 else 3) * ratio)  # side of the squares of a crowded plot
        place = row // small * small * stride + column // small * small if crowded else row * stride + column
        by_size = sorted(enumerate(self._groups.items()), key=lambda item: -len(item[1][1]))  # the rarest on top
        for behind in (True, False) if far.any() else (False,):
            for index, (kind, members) in by_size:
                shown = place[members[seen[members] & (far[members] == behind)]]
                if crowded:
                    shown, counts = np.unique(shown, return_counts=True)
                    offsets = (np.arange(small)[:, None] * stride + np.arange(small)).ravel()
                    colors = self._colors(kind, STRENGTHS * (0.45 if behind else 1.0))
                    color = colors[np.minimum(counts, len(colors)) - 1][:, None]
                else:
                    offsets = stamp(index, size, stride)
                    color = self._colors(kind, np.array([0.35 if behind else 0.8]))
                pixels[shown[:, None] + offsets] = color
        kind_of_pixels = QImage.Format.Format_ARGB32_Premultiplied
        inner = np.ascontiguousarray(pixels.reshape(-1, stride)[REACH:-REACH, REACH:-REACH])
        image = QImage(inner.data, width, height, 4 * width, kind_of_pixels).copy()
        image.setDevicePixelRatio(ratio)
        return image

    def _colors(self, kind: str, alphas: NDArray[np.floating]) -> NDArray[np.uint32]:
        """Return the colour of a kind with each alpha, as premultiplied 0xAARRGGBB."""
        color = QColor(self.style_of(kind)[0])
        alpha, red, green, blue = (
            np.rint(part * alphas).astype(np.uint32) for part in (255, color.red(), color.green(), color.blue())
        )
        return alpha << 24 | red << 16 | green << 8 | blue

    def _paint_paths(self, painter: QPainter) -> None:
        for index, path in reversed(list(enumerate(self.paths))):
            strong = index == 0
            color = self.theme.color("accent" if strong else "muted")
            color.setAlphaF(0.9 if strong else 0.25)
            painter.setPen(QPen(color, 2.5 if strong else 1.0))
            painter.drawPolyline(QPolygonF([self.at(point) for point in path]))

    def _paint_arrows(self, painter: QPainter) -> None:
        painter.setPen(QPen(self.theme.color("warning"), 2.5))
        for begin, end in self.arrows:
            start, tip = self.at(begin), self.at(end)
            painter.drawLine(start, tip)
            back = start - tip
            length = max(1e-6, float(np.hypot(back.x(), back.y())))
            along = back / length * self.theme.px(11)
            side = QPointF(-along.y(), along.x()) * 0.5
            painter.drawPolyline(QPolygonF([tip + along + side, tip, tip + along - side]))

    def _paint_labels(self, painter: QPainter) -> None:
        """Paint the names of the marked points, then of others in view, wherever there is room."""
        room, left, taken = QRectF(self.rect()), MOST_LABELS, list[QRectF]()
        halo = self.theme.color("surface")
        halo.setAlphaF(0.75)
        for index in dict.fromkeys([*self.marked, *self._labelled_first()]):
            marked = index in self.marked
            x, y = float(self._placed[index, 0]), float(self._placed[index, 1])
            painter.setFont(self.theme.font(NORMAL, bold=marked))
            metrics = QFontMetricsF(painter.font())
            text = visible(self.names[index])
            width = metrics.horizontalAdvance(text) + 2 * GAP_S
            area = QRectF(x - width / 2, y - 1.6 * metrics.height(), width, metrics.height())
            if not room.contains(area) or any(area.intersects(other) for other in taken):
                continue
            taken.append(area)
            painter.fillRect(area, halo)
            painter.setPen(self.theme.color("accent" if marked else "text"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
            left -= 1
            if not left:
                return

    def _labelled_first(self) -> list[int]:
        """Return the points in view that may have labels, in the order of `label_rank`."""
        x, y, _ = self._placed[: len(self.names)].T
        seen = (x > 0) & (x < self.width()) & (y > 0) & (y < self.height())
        ranks = self._label_ranks[: len(x)]
        first = (np.flatnonzero(seen & (ranks == rank))[:LABELS_TRIED] for rank in range(NO_LABEL))
        return list(chain.from_iterable(found.tolist() for found in first))

    def _paint_axes(self, painter: QPainter) -> None:
        painter.setFont(self.theme.font(SMALL - 1))
        painter.setPen(self.theme.color("muted"))
        across, up = self.axes()
        height = QFontMetricsF(painter.font()).height()
        whole, behind = QRectF(0, 0, self.width(), self.height()), self.theme.color("surface")
        foot = painter.boundingRect(whole, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, across)
        painter.fillRect(foot.adjusted(-GAP_S, 0, GAP_S, 0), behind)  # it may cover points
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, across)
        painter.save()
        painter.translate(height, self.height() / 2)
        painter.rotate(-90)
        side = QRectF(-self.height() / 2, -height, self.height(), height)
        side = painter.boundingRect(side, Qt.AlignmentFlag.AlignCenter, up)
        painter.fillRect(side.adjusted(-GAP_S, 0, GAP_S, 0), behind)
        painter.drawText(side, Qt.AlignmentFlag.AlignCenter, up)
        painter.restore()

    def axes(self) -> tuple[str, str]:
        """Return the names of both axes: in full, abbreviated or empty, depending on the room."""
        if len(self.explained) < 2:
            return "", ""
        width_of = QFontMetricsF(self.theme.font(SMALL - 1)).horizontalAdvance
        names = []
        for n, room in enumerate((self.width(), self.height()), 1):
            share = percent(self.explained[n - 1])
            wordings = (
                t("widget.scatter_plot.axis", n=n, percent=share),
                t("widget.scatter_plot.axis_short", n=n, percent=share),
            )
            names.append(next((words for words in wordings if width_of(words) + 2 * GAP_M <= room), ""))
        return names[0], names[1]

    # --- Mouse and keyboard ----------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus()
        self._drag = self._pressed = event.position()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._lasso = [event.position()]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._drag is None or not event.buttons():
            self.hovered.emit(self.nearest(at))
            return
        if self._lasso:
            self._lasso.append(at)
        elif self.flat or event.buttons() & Qt.MouseButton.RightButton:
            self._move(at - self._drag)
        else:
            self.turn((at.x() - self._drag.x()) / 200, (at.y() - self._drag.y()) / 200)
        self._drag = at
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(-1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None
        if self._lasso:
            polygon, self._lasso = QPolygonF(self._lasso), []
            self.lassoed.emit(self._within(polygon))
            self.update()
        elif (event.position() - self._pressed).manhattanLength() < 4:
            self.clicked.emit(self.nearest(event.position()))

    def _within(self, polygon: QPolygonF) -> list[int]:
        box = polygon.boundingRect()
        x, y = self._placed[:, 0], self._placed[:, 1]
        inside = np.flatnonzero((x >= box.left()) & (x <= box.right()) & (y >= box.top()) & (y <= box.bottom()))
        return [i for i in inside.tolist() if polygon.containsPoint(self.at(i), Qt.FillRule.OddEvenFill)]

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(1.2 if event.angleDelta().y() > 0 else 1 / 1.2, event.position())

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom by `factor` around `at`, by default the middle."""
        middle = QPointF(self.width() / 2, self.height() / 2)
        fixed = (middle if at is None else at) - middle
        self._moved = fixed - (fixed - self._moved) * factor
        self._scale *= factor
        self._fitted = None
        self.update()

    def _move(self, way: QPointF) -> None:
        self._moved += way
        self._fitted = None

    def turn(self, across: float, down: float) -> None:
        """Turn about the vertical and the horizontal axis of the screen, in radians."""
        cos_a, sin_a, cos_d, sin_d = np.cos(across), np.sin(across), np.cos(down), np.sin(down)
        about_y = np.array([[cos_a, 0, -sin_a], [0, 1, 0], [sin_a, 0, cos_a]])
        about_x = np.array([[1, 0, 0], [0, cos_d, sin_d], [0, -sin_d, cos_d]])
        self._turn = (self._turn @ about_y @ about_x).astype(np.float32)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if event.text() in ("+", "-"):
            self.zoom(1.2 if event.text() == "+" else 1 / 1.2)
        elif event.text() == "0":
            self.fit()
        elif event.key() in steps:
            across, down = steps[Qt.Key(event.key())]
            if self.flat:
                self._move(QPointF(across, down) * -4 * GAP_M)
            else:
                self.turn(across * 0.1, down * 0.1)
            self.update()
        else:
            super().keyPressEvent(event)


def label_rank(name: str) -> int:
    """Return 0 for a word after a space, 1 for another word, 2 for other names, and NO_LABEL for invisible ones."""
    text = name.strip()
    if not text or not text.isprintable():
        return NO_LABEL
    if not text.isalpha() or (len(text) < 3 and text.isascii()):
        return 2
    return 0 if name[0] == " " else 1
