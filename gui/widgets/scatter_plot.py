"""A scatter plot of named points in two or three dimensions: fast enough to turn 50,000 points.

Dragging moves the plot; in three dimensions it turns it, and the right button moves it. The wheel zooms. Dragging with
Shift draws a lasso. Each kind of points has a colour and a shape, or the points are coloured by a number. Marked points
have rings and labels, and the first others in view for which there is room, words before single characters; the more,
the closer the view is. Names of regions are large where there are few points, and fade when the view comes closer.
"""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
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

from gui.colormaps import color_of
from gui.i18n import percent, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL
from gui.widgets.arrow import Link
from gui.widgets.haloed_text import HaloedText
from gui.widgets.label_ranks import NO_LABEL, label_rank
from gui.widgets.legend import Entry
from gui.widgets.painted import Painted, Policy
from gui.widgets.point_image import DIM, Layer, paint_points
from gui.widgets.region_names import place_of_name
from gui.widgets.stamps import GLYPHS
from gui.widgets.view import View

Points = NDArray[np.float32]
MOST_LABELS, FEW_LABELS = 60, 16  # close by; with the whole of a crowd in view
SPARSE = 400  # points that may all have labels
LABELS_TRIED = 400  # of the points in view
NEAR = 12.0  # pixels between a click and the point that it means
FADED = 3.0  # zoom at which the names of regions have vanished
LEVELS = 16  # colours of numbers
CLOSE = 4.0  # zoom at which a single point is shown
ROOM_FOR_HUGE = 320  # pixels at zoom 1 of the smaller side, with names of regions in huge type
RING = 8  # radius, in pixels at zoom 1


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
        self.paths: list[list[int]] = []
        self.path_opacity = 0.25  # of all but the first
        self.links: list[Link] = []
        self.named: list[int] = []
        self.regions: list[tuple[str, Points]] = []
        self.explained: Sequence[float] = ()
        self.titles = ("", "")
        self._levels: NDArray[np.intp] | None = None  # of the number of each point, -1 for none
        self._lit: NDArray[np.bool_] | None = None
        self._groups: dict[str, NDArray[np.intp]] = {}
        self._label_ranks = np.zeros(0, np.int8)
        self._view, self._whole_scale = View(self, self.update), 1.0
        self._texts = HaloedText(QRectF())
        self._whole: tuple[Points, Points] | None = None  # the extent of all points, once it is known
        self._fitted: Sequence[int] | None = None  # the points that the view was fitted to; None: moved by hand
        self._placed: Points = np.zeros((0, 3), np.float32)  # where each point was painted, in pixels, and its depth
        self._drag: QPointF | None = None
        self._pressed = QPointF()
        self._lasso: list[QPointF] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # --- What is shown ---------------------------------------------------------------------------

    def set_names(self, names: Sequence[str], kinds: Sequence[str], order: Sequence[str] = ()) -> None:
        """Set the names and kinds of the points, most important first; of overlapping labels the first is shown.

        Colours and shapes are given to the kinds in `order`, then to others as they come.
        """
        self.names, self.kinds = names, kinds
        of_point = np.array(kinds) if kinds else np.zeros(0, str)
        self._groups = {kind: np.flatnonzero(of_point == kind) for kind in dict.fromkeys([*order, *kinds])}
        self._label_ranks = np.fromiter(map(label_rank, names), np.int8, len(names))
        self.marked, self.paths, self.links, self.named = [], [], [], []
        self.regions, self._levels, self._lit = [], None, None

    def set_points(self, points: NDArray[np.floating], fit: bool) -> None:
        """Set the points, [n, 2] or [n, 3], one for each name; `fit` brings all of them into view."""
        flat = points.shape[1] == 2
        if flat != self.flat:
            self._view.turn = np.eye(3, dtype=np.float32)
        self.flat = flat
        self.points = np.pad(points, ((0, 0), (0, 3 - points.shape[1]))).astype(np.float32)
        self._whole = None
        if fit:
            self.fit()
        self.update()

    def set_marked(self, marked: list[int]) -> None:
        """Mark these points with a ring; their labels come first."""
        self.marked = [index for index in marked if index < len(self.points)]
        self.update()

    def set_paths(self, paths: list[list[int]]) -> None:
        """Draw a line through the points of each path; the first path is highlighted."""
        self.paths = paths
        self.update()

    def set_links(self, links: list[Link]) -> None:
        """Draw lines between points, with words on them."""
        self.links = links
        self.update()

    def set_named(self, named: list[int]) -> None:
        """Label these points before others, without rings."""
        self.named = named
        self.update()

    def set_lit(self, lit: Sequence[int] | None) -> None:
        """Dim all points but these; None dims none."""
        self._lit = None
        if lit is not None:
            self._lit = np.zeros(len(self.points), bool)
            self._lit[list(lit)] = True
        self.update()

    def set_regions(self, regions: list[tuple[str, Points]]) -> None:
        """Show the names of regions at their centres, the most important first."""
        self.regions = [(name, np.pad(centre, (0, 3 - len(centre)))) for name, centre in regions]
        self.update()

    def set_values(self, shares: NDArray[np.floating] | None) -> None:
        """Colour the points by numbers 0..1, NaN for none; None colours them by their kinds."""
        self._levels = None
        if shares is not None:
            scaled = np.clip(shares * LEVELS, 0, LEVELS - 1)
            self._levels = np.where(np.isfinite(scaled), scaled, -1).astype(np.intp)
        self.update()

    def set_explained(self, shares: Sequence[float]) -> None:
        """Set each axis' share of the variance. Without shares the axes have no meaning and no names."""
        self.explained = shares
        self.update()

    def set_titles(self, across: str = "", up: str = "") -> None:
        """Name the axes of a plot that shows no principal components."""
        self.titles, self._whole = (across, up), None
        self.update()

    def kinds_in_order(self) -> list[str]:
        return [kind for kind, members in self._groups.items() if len(members)]

    def style_of(self, kind: str) -> tuple[str, str]:
        """Return the colour of a kind, and its shape as a character."""
        index = list(self._groups).index(kind)
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
        wanted = self._view_of(some)
        if wanted is not None:
            self._fitted = some
            self._view.set(*wanted)
            self.update()

    def fly_to(self, some: Sequence[int]) -> None:
        """Move the view to these points, as `fit` does at once."""
        wanted = self._view_of(some)
        if wanted is not None:
            self._fitted = some
            self._view.fly(*wanted) if self.isVisible() else self._view.set(*wanted)

    def _view_of(self, some: Sequence[int]) -> tuple[Points, float] | None:
        """Return the centre and the scale by which `some` or all points are in view; None if there are none."""
        found = self._extent(self.points[list(some)]) if some else self._whole
        if not some and found is None:
            found = self._whole = self._extent(self.points)
        if found is None:
            return None
        low, high = found
        room = high[:2] - low[:2] if self.flat else np.full(2, np.linalg.norm(high - low) * 0.8)
        # Room for the names above the points and the axis below them, but never half of a small plot.
        size = np.array([self.width(), self.height()])
        space = (size - np.minimum((60, 70), size * 0.3)).clip(40)
        scale = float((space / np.maximum(room, 1e-9)).min())
        if not some:
            self._whole_scale = scale
        elif len(some) == 1:
            scale = self._whole_scale / 0.6 * CLOSE
        return ((low + high) / 2).astype(np.float32), scale * (0.6 if some else 1.0)

    def _extent(self, points: Points) -> tuple[Points, Points] | None:
        """Return the lowest and highest coordinates of points but for a few outliers; None if there are none."""
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            return None
        # Not np.percentile: its first call imports numpy.ma, which stops the window.
        out = 0 if any(self.titles) else len(points) // 500  # the ends of a titled axis are what it is about
        ordered = np.sort(points, axis=0)
        return ordered[out], ordered[-1 - out]

    @property
    def zoomed(self) -> float:
        """How much larger than with all points in view the plot is."""
        return self._view.scale / max(self._whole_scale, 1e-12)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the view again after a change of size, unless the user has moved it."""
        self._view_of(())  # measures the scale of the whole
        if self._fitted is not None and max(self._fitted, default=0) < len(self.points):
            self.fit(self._fitted)

    def _place(self) -> Points:
        return self._view.place(self.points, self.width(), self.height())

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
        self._texts.begin(self._room())
        names = self._region_alpha()
        crowd = self._is_crowd()
        painter.setOpacity(1.0 - 0.55 * names if crowd else 1.0)
        image = paint_points(
            self._placed, self._layers(), (self.width(), self.height()), self.devicePixelRatioF(),
            self.theme.px(3 if crowd else 4.5), self.flat,
        )  # fmt: skip
        painter.drawImage(0, 0, image)
        painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_paths(painter)
        self._paint_links(painter)
        painter.setPen(QPen(self.theme.color("accent"), 2))
        radius = self.theme.px(RING)
        for index in (i for i in self.marked if np.isfinite(self._placed[i]).all()):
            painter.drawEllipse(self.at(index), radius, radius)
            self._texts.taken.append(QRectF(self.at(index) - QPointF(radius, radius), QSizeF(radius, radius) * 2))
        self._paint_labels(painter, self.marked, marked=True)
        if names:
            self._paint_regions(painter, names)
        self._paint_labels(painter, [*self.named, *self._labelled_first()], marked=False)
        self._paint_axes(painter)
        if self._lasso:
            painter.setPen(QPen(self.theme.color("accent"), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolyline(QPolygonF(self._lasso))

    def _room(self) -> QRectF:
        """Return the box of the plot without the names of its axes."""
        edge = QFontMetricsF(self.theme.font(SMALL)).height() if any(self.axes()) else 0.0
        return QRectF(self.rect()).adjusted(edge, 0, 0, -edge)

    def _is_crowd(self) -> bool:
        return len(self.points) > SPARSE

    def _layers(self) -> list[Layer]:
        """Return the points by colour, the rarest on top, and those that are dimmed below all others."""
        if self._levels is None:
            by_size = sorted(enumerate(self._groups.items()), key=lambda item: -len(item[1][1]))
            layers = [Layer(members, self.theme.series_color(i), i) for i, (_, members) in by_size]
        else:
            layers = [Layer(np.flatnonzero(self._levels < 0), self.theme.color("border"), 0)]
            for level in range(LEVELS):
                members = np.flatnonzero(self._levels == level)
                layers.append(Layer(members, color_of(level / (LEVELS - 1)), 0))
        if self._lit is None:
            return layers
        lit = self._lit
        dim = [Layer(layer.members[~lit[layer.members]], layer.color, layer.shape, DIM) for layer in layers]
        return dim + [Layer(layer.members[lit[layer.members]], layer.color, layer.shape) for layer in layers]

    def _region_alpha(self) -> float:
        """Return how strong the names of regions are: they fade as the view comes closer."""
        if not self.regions or self._lit is not None:
            return 0.0
        return float(np.clip((FADED - self.zoomed) / (FADED - 1.3), 0, 1))

    def _paint_regions(self, painter: QPainter, strength: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        roomy = min(self.width(), self.height()) >= self.theme.px(ROOM_FOR_HUGE) and not self._is_crowd()
        font = self.theme.font(HUGE if roomy else LARGE, bold=True)
        color, halo = self.theme.color("text"), self.theme.color("surface")
        painter.setOpacity(strength * (0.8 if self._is_crowd() else 0.5))
        points = None if self._is_crowd() else self._placed
        places = self._view.place(np.array([centre for _, centre in self.regions]), self.width(), self.height())
        for (name, _), (x, y, _) in zip(self.regions, places.tolist(), strict=True):
            if self._texts.room.contains(QPointF(x, y)):
                at = place_of_name(self._texts, name, QPointF(x, y), font, points, self.theme.px(RING))
                if at is not None:
                    self._texts.paint(painter, name, at, font, color, halo)
        painter.setOpacity(1.0)

    def _paint_paths(self, painter: QPainter) -> None:
        for index, path in reversed(list(enumerate(self.paths))):
            strong = index == 0
            color = self.theme.color("accent" if strong else "muted")
            color.setAlphaF(0.9 if strong else self.path_opacity)
            painter.setPen(QPen(color, 2.5 if strong else 1.0))
            painter.drawPolyline(QPolygonF([self.at(point) for point in path]))

    def _paint_links(self, painter: QPainter) -> None:
        color, halo = self.theme.color("accent"), self.theme.color("surface")
        for link in self.links:
            if np.isfinite(self._placed[[link.begin, link.end]]).all():
                begin, end = self.at(link.begin), self.at(link.end)
                painter.setPen(QPen(color, 1.5))
                painter.drawLine(begin, end)
                if (end - begin).manhattanLength() > self.theme.px(80):
                    # Nearer to the end, since all lines begin at one point.
                    middle = begin + (end - begin) * 0.62
                    self._texts.paint(painter, link.words, middle, self.theme.font(SMALL), color, halo)

    def _paint_labels(self, painter: QPainter, indices: Sequence[int], marked: bool) -> None:
        """Paint the names of points, wherever there is room; only a few while a crowd is in view."""
        font = self.theme.font(NORMAL, bold=marked)
        color, halo = self.theme.color("accent" if marked else "text"), self.theme.color("surface")
        lift = QFontMetricsF(font).height() * 1.1
        crowd = self._is_crowd() and not marked
        left = int(min(MOST_LABELS, FEW_LABELS * self.zoomed)) if crowd else MOST_LABELS
        for index in dict.fromkeys(indices):
            if (index in self.marked and not marked) or not np.isfinite(self._placed[index]).all():
                continue
            x, y = float(self._placed[index, 0]), float(self._placed[index, 1])
            text = visible(self.names[index])
            # Above the point; a marked one must have its name, so that other places are tried.
            side = QFontMetricsF(font).horizontalAdvance(text) / 2 + self.theme.px(RING + 2)
            places = [QPointF(x, y - lift), QPointF(x, y + lift), QPointF(x + side, y), QPointF(x - side, y)]
            inside = self._texts.room.contains(QPointF(x, y))
            if inside and any(
                self._texts.paint(painter, text, at, font, color, halo)
                for at in places[: 4 if marked or index in self.named else 1]
            ):
                left -= 1
            if left <= 0:
                return

    def _labelled_first(self) -> list[int]:
        """Return the points in view that may have labels, in the order of `label_rank`."""
        x, y, _ = self._placed[: len(self.names)].T
        seen = (x > 0) & (x < self.width()) & (y > 0) & (y < self.height())
        if self._lit is not None:
            seen &= self._lit[: len(x)]
        ranks = self._label_ranks[: len(x)]
        first = (np.flatnonzero(seen & (ranks == rank))[:LABELS_TRIED] for rank in range(NO_LABEL))
        return list(chain.from_iterable(found.tolist() for found in first))

    def _paint_axes(self, painter: QPainter) -> None:
        painter.setFont(self.theme.font(SMALL))
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
            return self.titles
        width_of = QFontMetricsF(self.theme.font(SMALL)).horizontalAdvance
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
        self._view.zoom(factor, fixed)
        self._fitted = None
        self.update()

    def _move(self, way: QPointF) -> None:
        self._view.stop()
        self._view.moved += way
        self._fitted = None

    def turn(self, across: float, down: float) -> None:
        """Turn about the vertical and the horizontal axis of the screen, in radians."""
        self._view.turn_by(across, down)
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
