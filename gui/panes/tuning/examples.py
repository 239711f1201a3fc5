"""Supervised fine-tuning in the window: pairs of prompt and answer, and the model as it learns from them."""

from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QPushButton, QWidget

from engine.messages.tuning import ListPairSets, PairSet, TuneOnPairs
from gui import i18n
from gui.i18n import percent, t
from gui.layout import row, stack
from gui.pane import Pane
from gui.part import Page, Part
from gui.theme import GAP_M

QUESTIONS = 3  # that are asked again and again


class ExamplesPage(Page):
    """The answers to the fixed questions; below, the set of pairs and the button that starts."""

    def __init__(self) -> None:
        super().__init__()
        self.answers, self.sets, self.start = QPlainTextEdit(), QComboBox(), QPushButton()
        self.answers.setReadOnly(True)
        self.shown, self.tools = self.answers, QWidget()
        self.tools.setLayout(row(self.sets, self.start, 1, spacing=GAP_M))
        stack(self, self.shown, self.tools, spacing=GAP_M).setStretchFactor(self.shown, 1)


class Examples(Part):
    page: ExamplesPage

    def __init__(self, pane: Pane) -> None:
        super().__init__(pane)
        self.tuner, self.sets = pane.tuner, list[PairSet]()
        self.page = ExamplesPage()
        self.page.start.clicked.connect(self._start_or_stop)
        self.tuner.measured.connect(self._draw)
        self.tuner.ended.connect(self._draw)
        self.tuner.preparing_changed.connect(self._draw)
        self.tuner.failed.connect(pane.messages.show_failure)

    def refresh(self) -> None:
        if not self.sets:
            self.ask(ListPairSets(i18n.language()), self._add_set)
        self._draw()

    def _add_set(self, found: PairSet) -> None:
        self.sets.append(found)
        self.page.sets.addItem(self._name(found))

    def _name(self, found: PairSet) -> str:
        return t(f"pane.tuning.set.{found.id}", language=i18n.LANGUAGES[found.language], count=len(found.pairs))

    def _start_or_stop(self) -> None:
        if self.tuner.running:
            self.tuner.stop()
        elif self.sets:
            pairs = self.sets[self.page.sets.currentIndex()].pairs
            questions = tuple(pair.prompt for pair in pairs[:QUESTIONS])
            self.tuner.start(TuneOnPairs(pairs, self.tuner.folder_for("examples"), questions=questions))

    def _draw(self) -> None:
        record = self.tuner.record
        self.page.start.setText(t("pane.tuning.stop" if self.tuner.running else "pane.tuning.start"))
        lines = []
        for found in record.answers if record is not None else ():
            pairs = zip(found.prompts, found.texts, strict=True)
            lines += [f"{found.step}: {prompt} → {text.strip()}" for prompt, text in pairs]
        self.page.answers.setPlainText("\n".join(lines))
        self.pane.subtitle_changed.emit()

    def subtitle(self) -> str:
        record = self.tuner.record
        right = record.values("right") if record is not None else []
        return t("pane.tuning.right", share=percent(right[-1][1])) if right else ""

    def retranslate(self) -> None:
        for index, found in enumerate(self.sets):
            self.page.sets.setItemText(index, self._name(found))
        self._draw()
