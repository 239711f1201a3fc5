"""How a tokenizer splits a word: the tree of its merges, letters at the bottom, which can be played.

A Unigram tokenizer does not merge; of it the best ways to split the word are shown with their scores.
"""

from dataclasses import dataclass

from PySide6.QtCore import QEasingCurve, QPointF, QRectF, QSize, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QFontMetricsF, QHideEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSlider, QToolButton, QWidget

from engine.messages.tokens import MergeSteps
from gui.i18n import number, t
from gui.layout import label, row, stack
from gui.panes.tokens.tints import tint
from gui.text import visible
from gui.theme import GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL
from gui.themed import Themed
from gui.widgets.painted import Painted

LEAST_ROW, MOST_ROW = 30, 64  # the height of a level of the tree, in pixels at zoom 1
WIDEST = 96  # pixels at zoom 1 for a symbol
JOIN_MS = 400  # that one merge takes while they are played


@dataclass(frozen=True, slots=True)
class Node:
    """A piece: a symbol of the word, or the join of two nodes by a merge."""

    piece: str
    children: tuple[int, ...]  # indices of nodes
    order: int  # number of the merge, from 1; 0 for a symbol
    level: int  # 0 for a symbol, else 1 more than that of the higher child
    leaves: tuple[int, int]  # the symbols [first, last)


def tree_of(word: MergeSteps) -> tuple[list[Node], list[int]]:
    """Return the nodes of a word, the symbols first, then a node for each merge, and the indices of the final ones."""
    symbols = word.steps[0].pieces if word.steps else ()
    nodes = [Node(piece, (), 0, 0, (place, place + 1)) for place, piece in enumerate(symbols)]
    current = list(range(len(nodes)))
    for order, step in enumerate(word.steps[1:], 1):
        children = left, right = current[step.place], current[step.place + 1]
        level = 1 + max(nodes[left].level, nodes[right].level)
        nodes.append(Node(step.merged, children, order, level, (nodes[left].leaves[0], nodes[right].leaves[1])))
        current[step.place : step.place + 2] = [len(nodes) - 1]
    return nodes, current


class MergeTree(Themed, QWidget):
    """The tree of one word, or a sentence where there is none, with a button that plays it and a slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word: MergeSteps | None = None
        self.is_special = self.in_opened = False
        self.title, self.caption, self.picture = label("content-large"), label("content", wraps=True), _Tree()
        self.play, self.slider = QToolButton(), QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumWidth(120)
        self.slider.valueChanged.connect(self._show)
        self.play.clicked.connect(self._play_or_stop)
        self.player = QVariantAnimation(self, startValue=0.0)
        self.player.setEasingCurve(QEasingCurve.Type.Linear)
        self.player.valueChanged.connect(self._advance)
        self.player.stateChanged.connect(self._label_button)
        self.controls = QWidget()  # not in this widget, so that they are in no saved picture
        self.controls.setLayout(row(self.play, self.slider, spacing=GAP_M))
        stack(self, self.title, self.picture, self.caption, spacing=GAP_S).setStretch(1, 1)
        self.retranslate()

    def set_word(
        self, word: MergeSteps | None, chosen: str = "", is_special: bool = False, in_opened: bool = False
    ) -> None:
        """Show a word; `chosen` is the piece of the selected token, `in_opened` whether the opened text was counted."""
        self.player.stop()
        self.word, self.is_special, self.in_opened = word, is_special, in_opened
        self.picture.set_word(word, chosen)
        merges = max(0, len(word.steps) - 1) if word else 0
        for control in (self.play, self.slider):
            control.setVisible(merges > 0)
        self.slider.blockSignals(True)
        self.slider.setRange(0, merges)
        self.slider.setValue(merges)
        self.slider.blockSignals(False)
        self._show()

    def heights(self) -> tuple[int, int]:
        """Return the least height in which the word is legible, and the greatest it can use, in pixels."""
        rows = self.picture.rows()
        others = self.minimumSizeHint().height() - self.picture.minimumSizeHint().height()
        return others + rows * self.content.px(LEAST_ROW), others + rows * self.content.px(MOST_ROW)

    def retranslate(self) -> None:
        self.slider.setAccessibleName(t("pane.tokens.merges.slider"))
        self.play.setAccessibleName(t("pane.tokens.merges.play"))
        self._label_button()
        self._show()

    def _label_button(self) -> None:
        playing = self.player.state() == QVariantAnimation.State.Running
        self.play.setText(t("pane.tokens.merges.stop" if playing else "pane.tokens.merges.play"))

    def hasHeightForWidth(self) -> bool:
        return False  # otherwise Qt takes the preferred height for the least, and widgets overlap

    # --- Playing ---------------------------------------------------------------------------------

    def _play_or_stop(self) -> None:
        if self.player.state() == QVariantAnimation.State.Running:
            self.player.stop()
            self.slider.setValue(self.slider.maximum())
            self._show()
            return
        self.player.setEndValue(float(self.slider.maximum()))
        self.player.setDuration(JOIN_MS * self.slider.maximum())
        self.player.start()

    def _advance(self, joined: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(int(joined))
        self.slider.blockSignals(False)
        self._show_step(joined)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.player.stop()

    # --- Showing ---------------------------------------------------------------------------------

    def _show(self) -> None:
        word = self.word
        self.title.setText(self._title())
        self._show_step(float(self.slider.value()))
        self.setAccessibleDescription(self.title.text() if word else "")

    def _title(self) -> str:
        word = self.word
        if word is None:
            return ""
        if word.splits:
            return t("pane.tokens.merges.unigram", word=visible(word.word))
        if not word.steps and not self.is_special:
            return t("pane.tokens.merges.none")
        symbols = len(word.steps[0].pieces) if word.steps else 1
        key = "title" if len(word.steps) > 1 else "single" if symbols == 1 else "unmerged"
        key = "special" if self.is_special else key
        return t(f"pane.tokens.merges.{key}", word=visible(word.word), count=symbols)

    def _show_step(self, joined: float) -> None:
        """Show the tree after some merges; a fraction is of the next one, which is rising."""
        self.picture.set_joined(joined)
        steps, place = self.word.steps if self.word else (), int(joined)
        if self.word is not None and self.word.splits:
            self.caption.setText(t("pane.tokens.merges.scores"))
        elif len(steps) < 2 or not place:
            self.caption.setText(t("pane.tokens.merges.begin", count=len(steps[0].pieces)) if len(steps) > 1 else "")
        else:
            step = steps[place]
            words = {"step": place, "steps": len(steps) - 1, "piece": visible(step.merged)}
            words |= {"rank": number(step.rank + 1), "count": step.count}
            opened, typed = "pane.tokens.merges.step_opened", "pane.tokens.merges.step"
            self.caption.setText(t(opened if self.in_opened else typed, **words))


class _Tree(Painted):
    """The picture: a tree of pieces, or rows of them."""

    def __init__(self) -> None:
        super().__init__()
        self.word: MergeSteps | None = None
        self.chosen = ""
        self.joined = 0.0
        self.nodes: list[Node] = []
        self.final: list[int] = []

    def set_word(self, word: MergeSteps | None, chosen: str) -> None:
        self.word, self.chosen = word, chosen
        self.nodes, self.final = tree_of(word) if word else ([], [])
        self.setAccessibleDescription(" | ".join(visible(self.nodes[index].piece) for index in self.final))
        self.update()

    def rows(self) -> int:
        """Return the levels of the tree, or the rows of splits."""
        splits = len(self.word.splits) if self.word else 0
        return splits or 1 + max((node.level for node in self.nodes), default=0)

    def set_joined(self, joined: float) -> None:
        self.joined = joined
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(300), self.theme.px(180))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(120), self.theme.px(60))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.word is not None and self.word.splits:
            self._paint_splits(painter)
        elif self.nodes:
            self._paint_tree(painter)

    # --- The tree --------------------------------------------------------------------------------

    def _paint_tree(self, painter: QPainter) -> None:
        symbols = [node for node in self.nodes if not node.level]
        levels = self.rows()
        step = min(self.height() / levels, float(self.theme.px(MOST_ROW)))
        size = HUGE
        while size > 9 and 1.6 * self.theme.px(size) > step:
            size -= 1
        cell = self._cell(size, len(symbols))
        while size > 9 and cell * len(symbols) > self.width():
            size -= 1
            cell = self._cell(size, len(symbols))
        boxes = [self._box(node, cell, (levels - node.level - 0.5) * step, size) for node in self.nodes]
        tints = self._tints()
        parents = {child for node in self.nodes if node.order <= self.joined for child in node.children}
        for index, node in enumerate(self.nodes):
            if node.order > self.joined + 1 or (node.order and node.order - self.joined >= 1):
                continue
            self._paint_node(painter, index, boxes, tints[index], size, index not in parents)

    def _cell(self, size: int, count: int) -> float:
        """Return the width of a symbol's column, so that each piece has room above its symbols."""
        metrics = QFontMetricsF(self.theme.font(size))
        needed = max(
            (metrics.horizontalAdvance(visible(node.piece)) + 3 * GAP_M) / (node.leaves[1] - node.leaves[0])
            for node in self.nodes
        )
        return max(needed, min(self.width() / count, 1.0 * self.theme.px(WIDEST)))

    def _box(self, node: Node, cell: float, y: float, size: int) -> QRectF:
        metrics = QFontMetricsF(self.theme.font(size))
        width = metrics.horizontalAdvance(visible(node.piece)) + 2 * GAP_M
        box = QRectF(0, 0, width, 1.35 * self.theme.px(size))
        middle = (node.leaves[0] + node.leaves[1]) / 2 * cell
        box.moveCenter(QPointF(middle, y))
        return box

    def _tints(self) -> list[QColor]:
        """Return a colour for each node: that of the token in which it ends."""
        assert self.word is not None
        owners = {
            leaf: self.word.first + place
            for place, index in enumerate(self.final)
            for leaf in range(*self.nodes[index].leaves)
        }
        return [tint(self.theme, owners[node.leaves[0]]) for node in self.nodes]

    def _paint_node(
        self, painter: QPainter, index: int, boxes: list[QRectF], color: QColor, size: int, is_top: bool
    ) -> None:
        """Paint a piece and the lines to its parts; while it is being merged it rises from them."""
        node, box = self.nodes[index], QRectF(boxes[index])
        rising = min(1.0, max(0.0, self.joined - node.order + 1)) if node.order else 1.0
        if node.children:
            parts = [boxes[child] for child in node.children]
            box.translate(0, (1 - rising) * (min(part.top() for part in parts) - box.top()))
            painter.setPen(QPen(self.theme.color("muted"), 1.5))
            for part in parts:
                painter.drawLine(QPointF(box.center().x(), box.bottom()), QPointF(part.center().x(), part.top()))
        painter.setOpacity(rising)
        chosen = is_top and node.piece == self.chosen
        painter.setPen(QPen(self.theme.color("accent" if is_top else "border"), 2 if chosen else 1))
        painter.setBrush(color)
        painter.drawRoundedRect(box, GAP_S, GAP_S)
        painter.setPen(self.theme.color("text"))
        painter.setFont(self.theme.font(size, bold=is_top))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, visible(node.piece))
        if node.order:
            painter.setFont(self.theme.font(max(8, min(SMALL, size - 4))))
            painter.setPen(self.theme.color("muted"))
            painter.drawText(QPointF(box.right() + GAP_S, box.center().y() + GAP_S), str(node.order))
        painter.setOpacity(1.0)

    # --- The ways to split -----------------------------------------------------------------------

    def _paint_splits(self, painter: QPainter) -> None:
        """Paint the best ways to split the word, a row each, with their scores."""
        assert self.word is not None
        height = min(float(self.theme.px(44)), self.height() / len(self.word.splits))
        for place, split in enumerate(self.word.splits):
            x, y = 0.0, place * height
            painter.setFont(self.theme.font(LARGE if height > self.theme.px(30) else NORMAL, bold=not place))
            metrics = QFontMetricsF(painter.font())
            for part, piece in enumerate(split.pieces):
                box = QRectF(x, y + 2, metrics.horizontalAdvance(visible(piece)) + 2 * GAP_M, height - GAP_S)
                painter.fillRect(
                    box, tint(self.theme, self.word.first + part) if not place else self.theme.color("sunken")
                )
                painter.setPen(self.theme.color("text"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, visible(piece))
                x = box.right() + 2
            painter.setPen(self.theme.color("text" if not place else "muted"))
            painter.drawText(QPointF(x + GAP_M, y + height / 2 + metrics.capHeight() / 2), number(split.score, 2))
