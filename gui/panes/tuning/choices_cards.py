"""The answers to a prompt as large cards: one is chosen by a click, and their order is changed by dragging."""

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QPushButton, QSizePolicy, QSpinBox, QWidget

from engine.messages.choices import MOST_ANSWERS
from gui.i18n import t
from gui.text import on_one_line, tip
from gui.theme import GAP_L, GAP_M, GAP_S, HUGE, LARGE, NORMAL, SMALL, Theme
from gui.themed import Themed
from gui.widgets.card import paint_text

SIZES = (
    72,
    60,
    52,
    44,
    36,
    HUGE,
    24,
    LARGE,
    NORMAL,
    SMALL,
)  # type sizes at zoom 1, of which the largest that fits is taken
LEAST = 72  # pixels at zoom 1: the least height of a card


class AnswerCard(Themed, QPushButton):
    """An answer with its number, and its rank once the answers are ranked. It fills its room with large type."""

    dropped = Signal(QPoint)  # where it was dragged to, in the parent's pixels
    shifted = Signal(int)  # -1 or 1: by the keyboard

    def __init__(self, number: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.number, self.words, self.rank = number, "", 0
        self._grip: QPoint | None = None  # where the mouse was pressed
        self._is_dragged = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    @property
    def theme(self) -> Theme:
        """The program's theme with the zoom of the content."""
        return self.content

    def show_answer(self, words: str, rank: int) -> None:
        """Show an answer; a rank of 0 is not shown."""
        self.words, self.rank = on_one_line(words.strip()), rank
        name = t("pane.tuning.choices.answer", number=self.number, words=self.words)
        self.setText(name)  # what screen readers read
        self.setAccessibleName(name)
        self.setAccessibleDescription(t("pane.tuning.choices.rank", rank=rank) if rank else "")
        self.setToolTip(tip(self.words))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(LEAST))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.theme.px(LEAST))

    def restyle(self) -> None:
        self.updateGeometry()
        self.update()

    # --- Dragging --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is None:
            return
        away = event.position().toPoint() - self._grip
        if self._is_dragged or away.manhattanLength() >= QApplication.startDragDistance():
            self._is_dragged = True
            self.raise_()
            self.move(self.pos() + away)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Drop a card that was dragged; otherwise it was clicked."""
        dragged, self._is_dragged, self._grip = self._is_dragged, False, None
        if dragged:
            self.setDown(False)
            self.dropped.emit(self.mapToParent(event.position().toPoint()))
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the card by Shift with Left and Right; Return is for the page."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if step and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.shifted.emit(step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = self.hasFocus() or self._is_dragged
        edge = theme.px(3 if marked else 2)
        painter.setPen(QPen(theme.color("accent" if marked or self.underMouse() else "border"), edge))
        painter.setBrush(theme.color("accent_soft" if self.underMouse() or self.isDown() else "surface"))
        box = self.rect().adjusted(edge, edge, -edge, -edge)
        painter.drawRoundedRect(box, theme.px(GAP_M), theme.px(GAP_M))
        pad = theme.px(GAP_L if self.width() > theme.px(260) else GAP_M)
        inside = self.rect().adjusted(pad, pad, -pad, -pad)
        badge = self._paint_number(painter, inside)
        beside = self._is_low(badge.height())
        room = inside.adjusted(badge.width() + pad, 0, 0, 0) if beside else inside.adjusted(0, badge.height(), 0, 0)
        color = "text" if self.isEnabled() else "faint"
        paint_text(painter, theme, room, self.words, color, in_the_middle=True, sizes=SIZES)
        painter.end()

    def _is_low(self, badge: int) -> bool:
        """Return whether there is no room for a line with the number and the rank above the answer."""
        return self.height() < 4 * badge

    def _paint_number(self, painter: QPainter, inside: QRect) -> QRect:
        """Paint the number in a disc, and the rank beside it; return the disc's place."""
        theme = self.theme
        painter.setFont(theme.font(LARGE, bold=True))
        side = QFontMetrics(painter.font()).height() + theme.px(GAP_S)
        disc = QRect(inside.topLeft(), QSize(side, side))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(QRectF(disc))
        painter.setPen(theme.color("on_accent"))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(self.number))
        if self.rank and not self._is_low(side):
            painter.setPen(theme.color("accent"))
            room = QRect(disc.right() + theme.px(GAP_M), disc.top(), inside.right() - disc.right(), side)
            words = t("pane.tuning.choices.rank", rank=self.rank)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        return disc


class AnswerCards(Themed, QWidget):
    """Two to four answers, each a card, in an order that can be changed; below each the hands that were raised."""

    chosen = Signal(int)  # place of the answer among the texts
    order_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts: tuple[str, ...] = ()
        self.order: list[int] = []  # places of the texts, as they are shown
        self.is_ranked = False  # whether somebody has changed the order
        self.counts_hands = False
        self.cards = [AnswerCard(place + 1, self) for place in range(MOST_ANSWERS)]
        self.hands = [QSpinBox(self, maximum=9999) for _ in self.cards]
        for place, card in enumerate(self.cards):
            card.clicked.connect(lambda _=False, place=place: self.chosen.emit(place))
            card.dropped.connect(lambda at, place=place: self._drop(place, at))
            card.shifted.connect(lambda step, place=place: self._shift(place, step))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def show_texts(self, texts: Sequence[str], enabled: bool) -> None:
        """Show answers; more of the same ones keep the order and the hands."""
        if self.texts != tuple(texts)[: len(self.texts)] or not self.texts:
            self.is_ranked = False
            for spin in self.hands:
                spin.setValue(0)
        self.texts = tuple(texts)
        if not self.is_ranked:
            self.order = list(range(len(texts)))
        for card in self.cards:
            card.setEnabled(enabled)
        self.arrange()

    def ranks(self) -> tuple[int, ...]:
        """Return the rank of each text in the order shown."""
        return tuple(self.order.index(place) + 1 for place in range(len(self.texts)))

    def hand_ranks(self) -> tuple[int, ...]:
        """Return the rank of each text by the hands raised for it; equal numbers of hands are a tie."""
        hands = [spin.value() for spin in self.hands[: len(self.texts)]]
        return tuple(1 + sum(other > own for other in set(hands)) for own in hands)

    def count_hands(self, wanted: bool) -> None:
        self.counts_hands = wanted
        self.arrange()

    def _drop(self, place: int, at: QPoint) -> None:
        """Put a card where it was dropped; the others make room for it."""
        centres = [self._box(row).center() for row in range(len(self.order))]
        distances = [(centre - at).manhattanLength() for centre in centres]
        self._put(place, distances.index(min(distances)))

    def _shift(self, place: int, step: int) -> None:
        self._put(place, min(max(0, self.order.index(place) + step), len(self.order) - 1))

    def _put(self, place: int, row: int) -> None:
        self.order.remove(place)
        self.order.insert(row, place)
        self.is_ranked = True
        self.arrange()
        self.order_changed.emit()

    # --- Room ------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Place the cards in their order: side by side, four of them in two rows."""
        high = self.hands[0].sizeHint().height() + GAP_S if self.counts_hands else 0
        for place, (card, spin) in enumerate(zip(self.cards, self.hands, strict=True)):
            there = place < len(self.texts)
            card.setVisible(there)
            spin.setVisible(there and self.counts_hands)
            if there:
                row = self.order.index(place)
                card.show_answer(self.texts[place], row + 1 if self.is_ranked else 0)
                box = self._box(row)
                card.setGeometry(box.adjusted(0, 0, 0, -high))
                wide = spin.sizeHint().width()
                spin.setGeometry(box.center().x() - wide // 2, box.bottom() - high + GAP_S, wide, max(0, high - GAP_S))

    def _box(self, row: int) -> QRect:
        """Return the place of a card."""
        count, gap = max(2, len(self.texts)), self.content.px(GAP_M)
        across = 2 if count == MOST_ANSWERS or self.width() < self.content.px(160) * count else count
        down = -(-count // across)
        width, height = (self.width() - gap * (across - 1)) // across, (self.height() - gap * (down - 1)) // down
        return QRect(row % across * (width + gap), row // across * (height + gap), width, height)

    def sizeHint(self) -> QSize:
        return QSize(self.content.px(500), self.content.px(2 * LEAST))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.content.px(LEAST))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.arrange()

    def restyle(self) -> None:
        self.updateGeometry()
        self.arrange()

    def retranslate(self) -> None:
        for number, spin in enumerate(self.hands, 1):
            spin.setAccessibleName(t("pane.tuning.choices.hands_for", number=number))
        self.arrange()
