"""All branches of a generated text as a tree, with the current one and a favourite."""

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QMenu, QScrollArea, QWidget

from gui.i18n import number, percent, t
from gui.panes.generation.tree_layout import Stretch, arrange, log_probability
from gui.panes.generation.units import share
from gui.text import on_one_line
from gui.theme import GAP_L, GAP_M, GAP_S, NORMAL, SMALL
from gui.widgets.branches import Branches, Node
from gui.widgets.painted import Painted

# Pixels at zoom 1.
WIDEST, NARROWEST, LAST, FORK = 170, 70, 240, 48  # widths of a stretch, least of a last one, and of a fork's space
THICKEST = 7  # line to a token with probability 1


class TreeView(QScrollArea):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.page = TreePage()
        self.setWidget(self.page)

    def set_tree(self, tree: Branches, ahead: bool = False) -> None:
        """Show a tree; one `ahead` is not written yet, and its branches cannot be marked or removed."""
        self.page.set_tree(tree, ahead)
        current = self.page.current_stretch()
        if current is not None:
            place = self.page.box_of(current)
            self.ensureVisible(round(place.left()), round(place.center().y()), GAP_L, round(place.height()))


class TreePage(Painted):
    """Up and Down go to another branch, F marks the current one as the favourite, Delete removes it."""

    chosen = Signal(object)  # a Node to go to
    starred = Signal(object)  # the last Node of a branch
    removed = Signal(object)  # the last Node of a branch

    def __init__(self) -> None:
        super().__init__()
        self.tree, self.ahead = Branches(), False
        self.first, self.rows = arrange(self.tree)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_tree(self, tree: Branches, ahead: bool = False) -> None:
        self.tree, self.ahead = tree, ahead
        self.first, self.rows = arrange(tree)
        current = self.current_stretch()
        self.setAccessibleDescription(self.describe(current) if current else "")
        self._resize()

    def restyle(self) -> None:
        self._resize()

    def _resize(self) -> None:
        px = self.theme.px
        least = self._deepest() * (px(NARROWEST) + px(FORK)) + px(LAST)
        self.setMinimumSize(least, round(self.rows * self.row_height))
        self.update()

    def _deepest(self) -> int:
        return max(stretch.depth for stretch in self.first.all())

    # --- Geometry --------------------------------------------------------------------------------

    @property
    def row_height(self) -> float:
        small, large = QFontMetricsF(self.theme.font(SMALL)), QFontMetricsF(self.theme.font(NORMAL))
        return small.height() + large.height() + 3 * GAP_M

    def _box_width(self) -> float:
        """Return the width of a stretch before a fork: the deeper the tree, the narrower."""
        px = self.theme.px
        room = (self.width() - px(LAST)) / max(1, self._deepest()) - px(FORK)
        return float(min(px(WIDEST), max(px(NARROWEST), room)))

    def _left(self, depth: int) -> float:
        return depth * (self._box_width() + self.theme.px(FORK))

    def box_of(self, stretch: Stretch) -> QRectF:
        """Return the box of a stretch; the last one of a branch reaches to the right edge."""
        left, height = self._left(stretch.depth), self.row_height
        width = self._box_width() if stretch.following else max(self.theme.px(LAST), self.width() - left)
        return QRectF(left, stretch.row * height + GAP_S, width, height - GAP_M)

    def star_of(self, stretch: Stretch) -> QRectF:
        """Return the box of the star at the end of a branch."""
        box = self.box_of(stretch)
        return QRectF(box.right() - self.theme.px(32), box.top(), self.theme.px(32), box.height())

    def current_stretch(self) -> Stretch | None:
        return next((stretch for stretch in self.first.all() if self.tree.current in stretch.nodes), None)

    def ends(self) -> list[Stretch]:
        """Return the last stretch of each branch, from top to bottom."""
        return [stretch for stretch in self.first.all() if not stretch.following and stretch is not self.first]

    def _at(self, point: QPointF) -> Stretch | None:
        return next((stretch for stretch in self.first.all() if self.box_of(stretch).contains(point)), None)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = {self.tree.root, *self.tree.current.path}
        for stretch in self.first.all():
            for following in stretch.following:
                self._paint_fork(painter, stretch, following, following.nodes[0] in path)
        for stretch in self.first.all():
            self._paint_stretch(painter, stretch, path)

    def _paint_fork(self, painter: QPainter, before: Stretch, after: Stretch, current: bool) -> None:
        """Paint a line from a fork to a branch, as thick as the branch's first token is probable."""
        one, other = self.box_of(before), self.box_of(after)
        start = QPointF(one.right(), one.center().y())
        end = QPointF(other.left(), other.center().y())
        middle = (start.x() + end.x()) / 2
        line = QPainterPath(start)
        line.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)
        color = self.theme.color("accent" if current else "faint")
        painter.strokePath(line, QPen(color, max(1.0, after.share * self.theme.px(THICKEST))))

    def _paint_stretch(self, painter: QPainter, stretch: Stretch, path: set[Node]) -> None:
        box, on_path = self.box_of(stretch), stretch.nodes[0] in path
        here = self.tree.current in stretch.nodes
        painter.setPen(QPen(self.theme.color("accent" if here else "border"), 2 if here and self.hasFocus() else 1))
        painter.setBrush(self.theme.color("accent_soft" if on_path else "surface"))
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), GAP_S, GAP_S)
        inner = box.adjusted(GAP_M, GAP_S, -GAP_M, -GAP_S)
        if self._can_mark(stretch):
            self._paint_star(painter, stretch)
            inner.setRight(self.star_of(stretch).left())
        self._write(
            painter, inner, on_one_line(self._text(stretch)), NORMAL, "text" if on_path or self.ahead else "muted"
        )
        lower = QRectF(inner)
        lower.setTop(inner.bottom() - QFontMetricsF(self.theme.font(SMALL)).height())
        self._write(painter, lower, self._figures(stretch), SMALL, "muted")

    def _write(self, painter: QPainter, box: QRectF, words: str, size: int, color: str) -> None:
        painter.setFont(self.theme.font(size))
        painter.setPen(self.theme.color(color))
        shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideMiddle, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, shown)

    def _paint_star(self, painter: QPainter, stretch: Stretch) -> None:
        marked = self._is_favourite(stretch)
        painter.setFont(self.theme.font(NORMAL + 3))
        painter.setPen(QColor(self.theme.warning if marked else self.theme.faint))
        painter.drawText(self.star_of(stretch), Qt.AlignmentFlag.AlignCenter, "★" if marked else "☆")

    # --- Words -----------------------------------------------------------------------------------

    def _can_mark(self, stretch: Stretch) -> bool:
        """Return whether a branch ends here that is written, so that it can be marked and removed."""
        return not (self.ahead or stretch.following or stretch is self.first)

    def _is_favourite(self, stretch: Stretch) -> bool:
        favourite = self.tree.favourite
        return favourite is not None and favourite.leaf() is stretch.end

    def _text(self, stretch: Stretch) -> str:
        return self.tree.prompt if stretch is self.first else stretch.text

    def _figures(self, stretch: Stretch) -> str:
        """Return the probability of a stretch's first token, and at the end of a branch that of the whole branch."""
        if stretch is self.first:
            return t("pane.generation.tree.prompt")
        if self.ahead:
            return percent(stretch.share, 1)  # as among the candidates
        if stretch.following:
            return share(stretch.share)
        tokens, log_p = len(stretch.end.path), log_probability(stretch.end)
        words = {"percent": share(stretch.share), "count": tokens}
        return t("pane.generation.tree.end", sum=number(log_p, 1), mean=number(log_p / tokens, 2), **words)

    def describe(self, stretch: Stretch) -> str:
        star = t("pane.generation.tree.favourite") if self._is_favourite(stretch) else ""
        return "\n".join(filter(None, (self._text(stretch)[-500:], self._figures(stretch), star)))

    def describe_at(self, point: QPoint) -> str:
        stretch = self._at(QPointF(point))
        return self.describe(stretch) if stretch is not None else ""

    # --- Selection ---------------------------------------------------------------------------------

    def menu_of(self, stretch: Stretch) -> QMenu:
        """Return a menu of what can be done with a stretch: go there, and remove the branch that it ends."""
        menu = QMenu(self)
        menu.addAction(t("pane.generation.go"), lambda: self.chosen.emit(stretch.end))
        if self._can_mark(stretch):
            menu.addAction(t("pane.generation.tree.mark"), lambda: self.starred.emit(stretch.end))
            menu.addAction(t("pane.generation.remove"), lambda: self.removed.emit(stretch.end))
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        stretch = self._at(QPointF(event.pos()))
        if stretch is not None:
            menu = self.menu_of(stretch)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(event.globalPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        stretch = self._at(event.position())
        if stretch is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._can_mark(stretch) and self.star_of(stretch).contains(event.position()):
            self.starred.emit(stretch.end)
        else:
            self.chosen.emit(stretch.end)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ends, leaf = [stretch.end for stretch in self.ends()], self.tree.current.leaf()
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if step and ends:
            now = ends.index(leaf) if leaf in ends else -step
            self.chosen.emit(ends[(now + step) % len(ends)])
        elif event.key() == Qt.Key.Key_F and leaf in ends and not self.ahead:
            self.starred.emit(leaf)
        elif event.key() == Qt.Key.Key_Delete and leaf in ends and not self.ahead:
            self.removed.emit(leaf)
        else:
            super().keyPressEvent(event)
