"""How full a model's context is: a bar with the prompt, the answer, and what is free."""

from PySide6.QtCore import QPoint, QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.i18n import number, percent, t
from gui.widgets.painted import Painted, Policy


class ContextBar(Painted):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, down=Policy.Fixed)
        self.prompt = self.answer = self.context = self.unseen = 0
        self.retranslate()

    def set_tokens(self, prompt: int, answer: int, context: int, unseen: int) -> None:
        """Show the tokens of the prompt, of the answer and of the context, and the number of turns left out."""
        self.prompt, self.answer, self.context, self.unseen = prompt, answer, context, unseen
        self.setAccessibleDescription(self.words())
        self.update()

    def words(self) -> str:
        if not self.context:
            return ""
        used = self.prompt + self.answer
        words = t(
            "pane.chat.context", used=number(used), context=number(self.context), share=percent(used / self.context)
        )
        return f"{words}   {t('pane.chat.turns_unseen', count=self.unseen)}" if self.unseen else words

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(120), self.theme.px(10))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(40), self.theme.px(10))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(self.rect()), self.theme.color("sunken"))
        if not self.context:
            return
        scale = self.width() / self.context
        painter.fillRect(QRectF(0, 0, self.prompt * scale, self.height()), self.theme.series_color(0))
        answer = QRectF(self.prompt * scale, 0, self.answer * scale, self.height())
        painter.fillRect(answer, self.theme.series_color(2))

    def describe_at(self, point: QPoint) -> str:
        return (
            t("pane.chat.tip_context", prompt=number(self.prompt), answer=number(self.answer)) if self.context else ""
        )

    def retranslate(self) -> None:
        self.setAccessibleName(t("pane.chat.context_name"))
