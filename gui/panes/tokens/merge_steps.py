"""How BPE split a word: a slider through the merges, with the pieces after each and the pair that was merged."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSlider, QWidget

from engine.messages.tokens import MergeStep
from gui.i18n import number, t
from gui.layout import column, label
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE
from gui.themed import Themed
from gui.widgets.chips import ChipStyle
from gui.widgets.painted import Painted, Policy


class MergeSteps(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: tuple[MergeStep, ...] = ()
        self._has_room = True
        self.title, self.caption, self.row = label("title"), label("muted"), _Pieces()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.valueChanged.connect(self._show)
        self.setLayout(column(self.title, self.row, self.slider, self.caption, spacing=GAP_S, margins=(0, GAP_M, 0, 0)))
        self.retranslate()

    def set_steps(self, steps: tuple[MergeStep, ...]) -> None:
        """Show these steps, the last one first: the tokenizer's result."""
        self.steps = steps
        self.set_room(self._has_room)
        self.slider.setRange(0, max(0, len(steps) - 1))
        self.slider.setValue(len(steps) - 1)
        self._show()

    def set_room(self, has_room: bool) -> None:
        """Show the widget if there is room for it and there are steps."""
        self._has_room = has_room
        self.setVisible(bool(self.steps) and has_room)

    def retranslate(self) -> None:
        self.title.setText(t("pane.tokens.merges.title"))
        self.slider.setAccessibleName(t("pane.tokens.merges.title"))
        self._show()

    def _show(self) -> None:
        if not self.steps:
            return
        place = min(self.slider.value(), len(self.steps) - 1)
        step = self.steps[place]
        self.row.set_pieces(step.pieces, step.merged)
        if step.rank < 0:
            self.caption.setText(t("pane.tokens.merges.begin", count=len(step.pieces)))
            return
        words = {"step": place, "steps": len(self.steps) - 1, "piece": visible(step.merged)}
        self.caption.setText(t("pane.tokens.merges.step", rank=number(step.rank + 1), count=step.count, **words))


class _Pieces(Painted):
    """The pieces after one merge; the new one is highlighted."""

    def __init__(self) -> None:
        super().__init__(down=Policy.Fixed)
        self.pieces: tuple[str, ...] = ()
        self.lit = ""

    def set_pieces(self, pieces: tuple[str, ...], lit: str) -> None:
        self.pieces, self.lit = pieces, lit
        self.setAccessibleDescription(" | ".join(map(visible, pieces)))
        self.update()

    def _style(self) -> ChipStyle:
        return ChipStyle(self.theme, LARGE, edge=GAP_M)

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), round(self._style().height))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, style, x = QPainter(self), self._style(), 0.0
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for piece in self.pieces:
            box = QRectF(x, 0, style.width(piece), self.height())
            style.paint(painter, box, piece, chosen=piece == self.lit)
            x += box.width() + GAP_S
            if x > self.width():
                return
