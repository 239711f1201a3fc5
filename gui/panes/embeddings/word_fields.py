"""Fields for the words of an analogy or an axis, with the tokens by which each was looked up, and ready examples."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QSizePolicy, QWidget

from engine.messages.embeddings import AskedWord
from gui.i18n import t
from gui.layout import Item, column, label, row, stack
from gui.text import tip, visible
from gui.theme import GAP_M, GAP_S
from gui.themed import Themed

Words = tuple[str, ...]


class WordFields(Themed, QWidget):
    wanted = Signal()  # Return was pressed in one of the fields, or an example was chosen

    def __init__(self, name: str, signs: Sequence[str]) -> None:
        """`name` is "analogy" or "axis"; `signs` are what is before each field, such as "−"."""
        super().__init__()
        self._name, self._asked = name, tuple[AskedWord, ...]()
        self.examples: list[Words] = []
        self.fields, self.tokens = [QLineEdit() for _ in signs], [label("muted") for _ in signs]
        self.title, self.chips = label("muted"), [QPushButton() for _ in range(4)]
        parts: list[Item] = []
        for sign, field, tokens in zip(signs, self.fields, self.tokens, strict=True):
            field.returnPressed.connect(self.wanted)
            field.textEdited.connect(lambda: self.set_asked(()))
            field.setMinimumWidth(self.theme.px(90))
            tokens.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            mark = label("figure")
            mark.setText(sign)
            parts += [column(mark, 1), column(field, tokens)] if sign else [column(field, tokens)]
        for index, chip in enumerate(self.chips):
            chip.clicked.connect(lambda _=False, index=index: self._choose(index))
        chips = row(self.title, *self.chips, 1, spacing=GAP_M)
        stack(self, row(*parts, spacing=GAP_M), chips, spacing=GAP_S)
        self.setMinimumWidth(1)
        self.set_examples([])
        self.retranslate()

    @property
    def words(self) -> Words:
        return tuple(field.text().strip() for field in self.fields)

    def set_words(self, words: Sequence[str]) -> None:
        for field, word in zip(self.fields, words, strict=False):
            field.setText(word)
            field.home(False)  # a field that is too short shows the beginning
        self.set_asked(())

    def set_asked(self, asked: Sequence[AskedWord]) -> None:
        """Show below each field the tokens by which its word was looked up."""
        self._asked = tuple(asked)
        for index, shown in enumerate(self.tokens):
            tokens = "" if index >= len(asked) else _words_of(asked[index])
            shown.setText(tokens)
            shown.setToolTip(tip(tokens))

    def set_examples(self, examples: Sequence[Words]) -> None:
        """Offer words to fill the fields with; at most as many as there are buttons."""
        self.examples = [tuple(words[: len(self.fields)]) for words in examples[: len(self.chips)]]
        self.title.setVisible(bool(self.examples))
        for index, chip in enumerate(self.chips):
            chip.setVisible(index < len(self.examples))
            if index < len(self.examples):
                chip.setText(
                    t(f"pane.embeddings.{self._name}.example", **dict(zip("abc", self.examples[index], strict=False)))
                )

    def _choose(self, index: int) -> None:
        self.set_words(self.examples[index])
        self.wanted.emit()

    def retranslate(self) -> None:
        for name, field in zip("abc", self.fields, strict=False):
            field.setPlaceholderText(t(f"pane.embeddings.{self._name}.word_{name}"))
            field.setAccessibleName(t(f"pane.embeddings.{self._name}.field", name=name.upper()))
        self.title.setText(t("pane.embeddings.examples"))
        self.set_examples(self.examples)


def _words_of(asked: AskedWord) -> str:
    """Return the tokens of a word with their IDs: "␣king · 4197"."""
    return "   ".join(f"{visible(piece)} · {row}" for row, piece in zip(asked.ids, asked.pieces, strict=True))
