"""How a word was cut: a slider through the merges, the pieces behind each, and which pair was merged."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from engine.messages.tokens import MergeStep
from gui.i18n import t
from gui.text import visible
from gui.theme import GAP_M, GAP_S, LARGE
from gui.themed import Themed


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
        self.restyle()
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

    def restyle(self) -> None:
        self.row.updateGeometry()
        self.row.update()

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
        self.words.setText(t("pane.tokens.merges.step", rank=f"{step.rank + 1:,}", count=f"{step.count:,}", **words))


class _Pieces(Themed, QWidget):
    """The pieces of one moment; the one that was just made is lit."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: tuple[str, ...] = ()
        self.lit = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_pieces(self, pieces: tuple[str, ...], lit: str) -> None:
        self.pieces, self.lit = pieces, lit
        self.setAccessibleDescription(" | ".join(map(visible, pieces)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), round(QFontMetricsF(self.theme.font(LARGE)).height() + GAP_M))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.theme.font(LARGE))
        metrics, x = QFontMetricsF(painter.font()), 0.0
        for piece in self.pieces:
            width = metrics.horizontalAdvance(visible(piece)) + 2 * GAP_M
            box = QRectF(x, 0, width, self.height())
            lit = piece == self.lit
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("accent" if lit else "sunken"))
            painter.drawRoundedRect(box, GAP_S, GAP_S)
            painter.setPen(self.theme.color("on_accent" if lit else "text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, visible(piece))
            x += width + GAP_S
            if x > self.width():
                return
