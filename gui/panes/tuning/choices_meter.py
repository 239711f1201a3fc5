"""How many choices there are: a bar with marks at the numbers from which a model learns."""

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent

from gui.i18n import number, t
from gui.panes.tuning.choice_list import ENOUGH, SAFE
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL
from gui.widgets.painted import Painted, Policy

BAR = 12  # pixels at zoom 1: the height of the bar


class ChoiceMeter(Painted):
    """The number of decided choices, on a bar up to SAFE."""

    def __init__(self) -> None:
        super().__init__(across=Policy.Ignored, down=Policy.Fixed)
        self.count = 0

    def show_count(self, count: int) -> None:
        self.count = count
        self.setAccessibleName(self.words())
        self.update()

    def words(self) -> str:
        return t("pane.tuning.choices.count", count=self.count)

    def marks(self) -> dict[int, str]:
        """Return the words at each mark."""
        return {
            ENOUGH: t("pane.tuning.choices.enough", number=number(ENOUGH)),
            SAFE: t("pane.tuning.choices.safe", number=number(SAFE)),
        }

    def sizeHint(self) -> QSize:
        words = QFontMetrics(self.theme.font(NORMAL)).height()
        return QSize(300, self.theme.px(BAR) + 2 * self.theme.px(GAP_S) + words)

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.sizeHint().height())

    def describe_at(self, point: QPoint) -> str:
        return "\n".join((self.words(), *self.marks().values()))

    def bar(self) -> QRect:
        """Return the place of the bar, right of the number."""
        left = QFontMetrics(self.theme.font(LARGE, bold=True)).horizontalAdvance(self.words()) + self.theme.px(
            2 * GAP_M
        )
        high = self.theme.px(BAR)
        return QRect(left, 0, max(1, self.width() - left - self.theme.px(GAP_S)), high)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, bar = self.theme, QPainter(self), self.bar()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(LARGE, bold=True))
        painter.setPen(theme.color("text"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.words())
        if bar.width() > theme.px(120):
            self._paint_bar(painter, bar)
        painter.end()

    def _paint_bar(self, painter: QPainter, bar: QRect) -> None:
        theme, share = self.theme, min(1.0, self.count / SAFE)
        radius = bar.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(QRectF(bar), radius, radius)
        painter.setBrush(theme.color("good" if self.count >= ENOUGH else "accent"))
        if share:
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()), radius, radius)
        painter.setFont(theme.font(NORMAL))
        metrics = QFontMetrics(painter.font())
        end = 0
        for mark, words in self.marks().items():
            x = bar.left() + round(bar.width() * mark / SAFE)
            wide = metrics.horizontalAdvance(words)
            left = min(x - wide // 2, bar.right() - wide)
            painter.setPen(theme.color("text" if self.count >= mark else "muted"))
            painter.drawLine(min(x, bar.right()), bar.top(), min(x, bar.right()), bar.bottom() + theme.px(GAP_S))
            if left > end:
                painter.drawText(left, bar.bottom() + metrics.ascent() + theme.px(GAP_S), words)
                end = left + wide + theme.px(GAP_M)
