"""Answers to the fixed questions before the run and now, below each other; words that differ are in colour."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QTextCharFormat, QTextLayout

from gui.i18n import t
from gui.text import break_lines, keep_phrases, on_one_line, utf16_length
from gui.theme import GAP_M, GAP_S, LARGE, NORMAL
from gui.widgets.painted import Painted, Policy

SIZES = (34, 28, 24, LARGE, 17, NORMAL)  # of the type: the largest in which everything has room
WORD = re.compile(r"[A-Za-z0-9À-ɏ'’-]+|\s+|.", re.DOTALL)
LONGEST = (240, 160, 100, 60, 30)  # characters of an answer that are shown: as many as have room


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with the model's answers to it; `expected` is that of the examples, where it is known."""

    prompt: str
    before: str
    now: str
    expected: str = ""

    @property
    def is_right(self) -> bool:
        return bool(self.expected) and self.now.strip() == self.expected.strip()


def changed_words(before: str, now: str) -> list[tuple[str, bool]]:
    """Return the parts of `now` in order, each with whether it differs from `before`, word by word."""
    old, new = WORD.findall(before), WORD.findall(now)
    found = []
    for kind, _, _, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if first < last:
            found.append(("".join(new[first:last]), kind != "equal"))
    return found


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + "…"


class AnswerRows(Painted):
    def __init__(self) -> None:
        super().__init__(down=Policy.Expanding)
        self.answers: tuple[Answer, ...] = ()

    def set_answers(self, answers: Iterable[Answer]) -> None:
        found = tuple(answers)
        if found != self.answers:
            self.answers = found
            self.setAccessibleDescription("\n".join("\n".join(words for words, _ in self._lines(a)) for a in found))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.theme.px(420), self.theme.px(320))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.theme.px(200), self.theme.px(120))

    def _lines(self, answer: Answer, longest: int = LONGEST[0]) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return the lines of an answer: all of its words, and their parts with the names of colours."""
        before, now = (_shortened(on_one_line(words.strip()), longest) for words in (answer.before, answer.now))
        same = "good" if answer.is_right else "text"
        marked = [(words, "accent" if changed else same) for words, changed in changed_words(before, now)]
        if answer.is_right:
            marked = [(now, "good"), ("  ✓", "good")]
        heads = [t(f"pane.tuning.examples.{name}") for name in ("before", "now")]
        parts = [
            [(answer.prompt.strip(), "text")],
            [(f"{heads[0]}  ", "muted"), (before, "muted")],
            [(f"{heads[1]}  ", "muted"), *marked],
        ]
        return [("".join(words for words, _ in line), line) for line in parts]

    # --- Painting --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.answers:
            return
        painter = QPainter(self)
        rows = self._fitting()
        extra = max(0.0, self.height() - sum(map(self._height, rows))) / len(rows)
        top = 0.0
        for row in rows:
            height = self._height(row) + extra
            box = QRectF(0, top, self.width(), height - GAP_M)
            painter.fillRect(box, self.theme.color("sunken"))
            painter.save()
            painter.setClipRect(box)
            y = top + GAP_M
            for layout in row:
                layout.draw(painter, QPointF(GAP_M, y))
                y += layout.lineCount() * self._line(layout.font()) + GAP_S
            painter.restore()
            top += height

    def _fitting(self) -> list[list[QTextLayout]]:
        """Return the layouts of all lines of all answers in the largest type that has room."""
        rows: list[list[QTextLayout]] = []
        sizes = [*((size, LONGEST[0]) for size in SIZES), *((SIZES[-1], longest) for longest in LONGEST[1:])]
        for size, longest in sizes:
            rows = [self._laid_out(answer, size, longest) for answer in self.answers]
            if sum(map(self._height, rows)) <= self.height():
                break
        return rows

    def _laid_out(self, answer: Answer, size: int, longest: int) -> list[QTextLayout]:
        lines = self._lines(answer, longest)
        fonts = [self.theme.font(size, bold=True), *[self.theme.font(size)] * (len(lines) - 1)]
        return [self._layout(parts, font) for (_, parts), font in zip(lines, fonts, strict=True)]

    def _height(self, row: list[QTextLayout]) -> float:
        lines = sum(layout.lineCount() * self._line(layout.font()) + GAP_S for layout in row)
        return lines + 3 * GAP_M

    def _line(self, font: QFont) -> float:
        return 1.2 * QFontMetricsF(font).height()

    def _layout(self, parts: list[tuple[str, str]], font: QFont) -> QTextLayout:
        shown = [keep_phrases(words) for words, _ in parts]
        layout, formats, start = QTextLayout("".join(shown), font), [], 0
        for words, (_, name) in zip(shown, parts, strict=True):
            form, made = QTextCharFormat(), QTextLayout.FormatRange()
            form.setForeground(self.theme.color(name))
            made.start, made.length, made.format = start, utf16_length(words), form
            formats.append(made)
            start += made.length
        layout.setFormats(formats)
        break_lines(layout, max(1.0, self.width() - 2 * GAP_M), self._line(font))
        return layout
