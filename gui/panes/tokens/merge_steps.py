"""How a word was cut: a slider through the merges, the pieces behind each, and which pair was merged."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSlider, QVBoxLayout, QWidget

from engine.messages.tokens import MergeStep
from gui.i18n import number, t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE
from gui.themed import Themed
from gui.widgets.chips import ChipStyle
from gui.widgets.painted import Painted, Policy


class MergeSteps(Themed, QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: tuple[MergeStep, ...] = ()
        self._low = False
        self.title, self.words, self.row = QLabel(), QLabel(), _Pieces()
        self.title.setProperty("role", "title")
        self.words.setProperty("role", "muted")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.valueChanged.connect(self._show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP_M, 0, 0)
        column.setSpacing(GAP_S)
        for widget in (self.title, self.row, self.slider, self.words):
            column.addWidget(widget)
        self.retranslate()

    def set_steps(self, steps: tuple[MergeStep, ...]) -> None:
        """Shown from the end: what the tokenizer really made."""
        self.steps = steps
        self.set_low(self._low)
        self.slider.setRange(0, max(0, len(steps) - 1))
        self.slider.setValue(len(steps) - 1)
        self._show()

    def set_low(self, low: bool) -> None:
        """Hidden where there is no room for it, and where there are no steps."""
        self._low = low
        self.setVisible(bool(self.steps) and not low)

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
            self.words.setText(t("pane.tokens.merges.begin", count=len(step.pieces)))
            return
        words = {"step": place, "steps": len(self.steps) - 1, "piece": visible(step.merged)}
        self.words.setText(t("pane.tokens.merges.step", rank=number(step.rank + 1), count=step.count, **words))


class _Pieces(Painted):
    """The pieces after one merge; the one that was just made is lit."""

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
