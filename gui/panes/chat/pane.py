"""The Chat pane: turns with roles, the template that makes a prompt of them, and each answer token by token."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QFileDialog, QStackedLayout, QWidget

from engine.messages.chat import WORLD, Chat, ChatForms, ChatPrompt, ChatStopped, FindChatForms, ShowPrompt
from engine.messages.envelope import Ended
from engine.messages.generation import GeneratedTokens, SamplingSettings
from engine.messages.status import Progress
from gui.i18n import number, percent, t
from gui.layout import timer
from gui.pane import Pane, Table
from gui.panes.chat.chat_page import ChatPage
from gui.panes.chat.conversation import Conversation, Turn, as_json, as_markdown
from gui.panes.chat.sentence import of_chat
from gui.panes.chat.spans import answer_spans, template_spans
from gui.panes.chat.turn_view import TurnView
from gui.samples import SMOLLM2
from gui.saving import write_whole
from gui.widgets.coloured_text import Span

SHOW_MS = 120  # between two redraws of a growing answer
CALM = SamplingSettings(temperature=0.2, top_p=0.9)  # small models lose the thread at a temperature of 0.8


class ChatPane(Pane):
    id = "chat"

    def build(self) -> None:
        self.chat = Conversation()
        self._before: Conversation | None = None  # the chat that "undo" restores
        self._prompt: ChatPrompt | None = None
        self._answering: Turn | None = None
        self._editing: Turn | None = None
        self._chosen: tuple[Turn, int] | None = None  # the token whose candidates are shown
        self._offsets: dict[int, int] = {}  # spans of the template before the tokens of each turn shown
        self._forms = ChatForms((), False)
        self._folder = self._forms_of = ""  # of the model, and of the one whose forms are known
        self._to_say = ""  # once the forms of the model that is being opened are known
        self.pages = QStackedLayout(self.body)
        self.empty = self.empty_page()
        self.open_smollm2 = self.empty.add_button()
        self.open_smollm2.clicked.connect(lambda: self.model_wanted.emit(SMOLLM2))
        self.pages.addWidget(self.empty)
        self.page = ChatPage()
        self.page.controls.set_settings(CALM)
        self.pages.addWidget(self.page)
        self.add_controls(self.page.system, self.page.tools)
        self._show_timer = timer(self, SHOW_MS, self._show, single_shot=True)
        self._connect()
        self.follow(self.state.model_changed)
        self.state.opening_changed.connect(self._show_empty)

    def _connect(self) -> None:
        page = self.page
        page.send.clicked.connect(self.send)
        page.composer.entered.connect(self.send)
        page.stop.clicked.connect(self.stop)
        page.copy_all.clicked.connect(lambda: self._copy(as_markdown(self.chat.messages(page.system.text()))))
        page.save_file.clicked.connect(self.choose_file)
        page.clear.clicked.connect(self.clear_or_undo)
        page.open_model.clicked.connect(lambda: self.model_wanted.emit(SMOLLM2))
        page.example_chosen.connect(self.say)
        page.bars.chosen.connect(self.take)
        page.template.toggled.connect(self._show)
        page.system.editingFinished.connect(self._preview)
        page.thinking.toggled.connect(self._preview)
        page.form.currentIndexChanged.connect(self._form_chosen)
        page.composer.textChanged.connect(self._show_buttons)
        for keys, act in (("Ctrl+Z", self.undo), ("Ctrl+Shift+C", page.copy_all.click)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.stop()
        else:
            super().keyPressEvent(event)

    # --- The model -------------------------------------------------------------------------------

    def refresh(self) -> None:
        model = self.state.model
        self.pages.setCurrentIndex(int(model is not None))
        self._show_empty()
        self.subtitle_changed.emit()
        if model is None:
            return
        if model.folder != self._folder:
            self._folder = model.folder
            self.stop()
            self._prompt = None
            self.ask(FindChatForms(), self._set_forms)
        self._show()

    def _set_forms(self, forms: ChatForms) -> None:
        self._forms, self._forms_of = forms, self._folder
        self.page.set_forms(forms.forms, forms.thinks)
        self._form_chosen()
        waiting, self._to_say = self._to_say, ""
        if waiting:
            self.say(waiting)

    def _form_chosen(self) -> None:
        self.page.show_form(self._forms.forms)
        self._preview()
        self._show_buttons()

    @property
    def form(self) -> str:
        return str(self.page.form.currentData() or "")

    # --- Turns -----------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Send this text, as soon as it is known how the open model chats."""
        model = self.state.model
        if model is not None and model.folder != self._forms_of:
            self._to_say = text
            return
        self.page.composer.setPlainText(text)
        self.send()

    def send(self) -> None:
        """Add the typed turn, or replace the one that is edited, and let the model answer."""
        text = self.page.composer.toPlainText().strip()
        if not text or not self.form or self._answering is not None or self.state.model is None:
            return
        self.page.composer.clear()
        edited, self._editing = self._editing, None
        if edited is not None and edited.parent is not None:
            turn = edited.parent.add(Turn(edited.role, text, ended="end"))
        elif self.chat.last.role == "user":  # a turn without an answer
            assert self.chat.last.parent is not None
            turn = self.chat.last.parent.add(Turn("user", text))
        else:
            turn = self.chat.last.add(Turn("user", text))
        if turn.role == "user":
            self._answer(turn)
        else:
            self._show()
            self._preview()

    def _answer(self, question: Turn, begun: Turn | None = None, first: int | None = None) -> None:
        """Let the model answer, or go on with an answer that has begun."""
        answer = begun if begun is not None and begun.parent is question else question.add(begun or Turn("assistant"))
        answer.show()
        answer.ended, answer.model, self._answering, self._chosen = "", self._folder, answer, None
        request = Chat(
            self.chat.messages(self.page.system.text(), question),
            self.form,
            self.page.thinking.isChecked(),
            tuple(token.id for token in answer.tokens),
            first,
            self.page.length.value(),
            self.page.controls.settings(),
            self.page.controls.seed.value() + question.children.index(answer),  # another answer: another draw
        )
        self.drop("prompt")
        self.ask(request, self._answered, slot="answer", ended=self._ended)
        self._show()
        self._show_buttons()
        self.page.follow_end()

    def _answered(self, event: ChatPrompt | Progress | GeneratedTokens | ChatStopped) -> None:
        answer = self._answering
        if answer is None:
            return
        if isinstance(event, ChatPrompt):
            self._set_prompt(event)
        elif isinstance(event, Progress):
            self.page.speed.setText(t("pane.chat.reading", percent=percent(event.fraction or 0.0)))
        elif isinstance(event, GeneratedTokens):
            answer.tokens += event.tokens
            self.page.speed.setText(t("pane.chat.speed", speed=number(event.tokens_per_second, 1)))
        else:
            answer.ended = event.reason
            del answer.tokens[len(answer.tokens) - event.surplus :]
        if not self._show_timer.isActive():
            self._show_timer.start()

    def _ended(self, end: Ended) -> None:
        answer, self._answering = self._answering, None
        if answer is not None and end.outcome == "failed":
            answer.ended = "stopped"
            self._drop_if_empty(answer)
        self._show()
        self._show_buttons()

    def _drop_if_empty(self, answer: Turn) -> None:
        """Remove an answer without tokens; the question stays, to be edited or sent again."""
        if not answer.tokens and answer.parent is not None:
            answer.parent.remove(answer)

    def stop(self) -> None:
        """Stop the answer, or else stop editing a turn."""
        if self._answering is not None:
            self.drop("answer")
            answer, self._answering = self._answering, None
            answer.ended = "stopped"
            self._drop_if_empty(answer)
            self._show()
        elif self._editing is not None:
            self._editing = None
            self.page.composer.clear()
        self._show_buttons()

    def again(self, turn: Turn) -> None:
        """Let the model answer again; the earlier answer stays as a branch."""
        if turn.parent is not None and self._answering is None:
            self._answer(turn.parent)

    def go_on(self, turn: Turn) -> None:
        """Go on with an answer that was stopped, or had as many tokens as were asked for."""
        if turn.parent is not None and self._can_go_on(turn) and self._answering is None:
            self._answer(turn.parent, turn)

    def _can_go_on(self, turn: Turn) -> bool:
        """Return whether a turn has tokens of the open model, which can be continued."""
        return bool(turn.tokens) and turn.model == self._folder

    def edit(self, turn: Turn) -> None:
        """Put a turn into the field; sending it makes a branch."""
        self._editing = turn
        self.page.composer.setPlainText(turn.text)
        self.page.composer.setFocus()
        self._show_buttons()

    def take(self, token_id: int) -> None:
        """Go on from the chosen token's place with another candidate, on a branch."""
        if self._chosen is None or self._answering is not None:
            return
        turn, place = self._chosen
        if turn.parent is not None and self._can_go_on(turn) and turn.tokens[place].id != token_id:
            self._answer(turn.parent, Turn("assistant", tokens=turn.tokens[:place]), token_id)

    def show_variant(self, turn: Turn, step: int) -> None:
        variants = turn.variants
        place = variants.index(turn) + step
        if 0 <= place < len(variants) and self._answering is None:
            variants[place].show()
            self._chosen = None
            self._show()
            self._preview()

    @property
    def _systems(self) -> int:
        """The number of messages before the first turn: 1 if there is a system prompt."""
        return int(bool(self.page.system.text().strip()))

    # --- The prompt ------------------------------------------------------------------------------

    def _preview(self) -> None:
        """Ask for the prompt of the turns shown, unless one is being answered."""
        questions = [turn for turn in self.chat.path if turn.role == "user"]
        self._prompt = None
        self.messages.withdraw("notice.chat_typed")
        if questions and self.form and self._answering is None and self.state.model is not None:
            messages = self.chat.messages(self.page.system.text(), questions[-1])
            request = ShowPrompt(messages, self.form, self.page.thinking.isChecked(), self.page.length.value())
            self.ask(request, self._set_prompt, slot="prompt")
        self._show()

    def _set_prompt(self, prompt: ChatPrompt) -> None:
        self._prompt = prompt
        self.messages.withdraw("notice.chat_typed")
        if prompt.typed:
            self.messages.show_key("notice.chat_typed", names=", ".join(prompt.typed))
        self._show()

    # --- Showing it ------------------------------------------------------------------------------

    def on_shown(self) -> None:
        self._show()

    def _show(self) -> None:
        self._show_timer.stop()
        if not self.isVisible():
            return
        path = self.chat.path
        unseen = {place - self._systems for place in self._prompt.unseen} if self._prompt is not None else set()
        for index, turn in enumerate(path):
            self._show_turn(self._view(index), turn, index, index in unseen)
        self.page.show_views(len(path))
        self._show_context(len(unseen))
        self._show_candidates()
        self._show_buttons()

    def _view(self, index: int) -> TurnView:
        """Return the view of a turn; a new one is connected to what its buttons do."""
        is_new = index >= len(self.page.views)
        view = self.page.view(index)
        if is_new:
            self.add_controls(view.buttons)
            view.edit_wanted.connect(lambda: self.edit(self.chat.path[index]))
            view.copy_wanted.connect(lambda: self._copy(self.chat.path[index].text))
            view.again_wanted.connect(lambda: self.again(self.chat.path[index]))
            view.on_wanted.connect(lambda: self.go_on(self.chat.path[index]))
            view.variant_wanted.connect(lambda step: self.show_variant(self.chat.path[index], step))
            view.text.clicked.connect(lambda place: self._span_clicked(index, place))
        return view

    def _show_turn(self, view: TurnView, turn: Turn, index: int, gone: bool) -> None:
        state = t("pane.chat.unseen_world" if self.form == WORLD else "pane.chat.unseen") if gone else ""
        if turn is self._answering and not turn.tokens:
            state = t("pane.chat.waiting")
        elif turn.ended in ("length", "context", "stopped"):
            state = t(f"pane.chat.ended.{turn.ended}")
        cut = turn.ended in ("length", "stopped") and self._can_go_on(turn)
        view.set_turn(turn.role, state, turn.variants.index(turn), len(turn.variants), cut)
        with_template, is_last = self.page.template.isChecked(), turn is self.chat.last
        prompt = self._prompt if with_template else None
        before, after = template_spans(prompt, self._systems, index, is_last and turn.role == "assistant")
        if turn.tokens:
            spans = answer_spans(turn.tokens, gone, is_last or not with_template)  # else the template ends the turn
        else:
            spans = [Span(turn.text, None, look="gone" if gone else "text")]
        self._offsets[index] = len(before)
        chosen = self._chosen[1] + len(before) if self._chosen is not None and self._chosen[0] is turn else None
        view.text.set_spans([*before, *spans, *after], chosen)

    def _span_clicked(self, index: int, place: int) -> None:
        """Show the candidates from which the clicked token was chosen."""
        turn = self.chat.path[index]
        token = place - self._offsets.get(index, 0)
        if 0 <= token < len(turn.tokens):
            self._chosen = turn, token
            self._show()

    def _show_candidates(self) -> None:
        shown = self._chosen
        last = self.chat.last
        if shown is None and last.tokens:
            shown = last, len(last.tokens) - 1
        self.page.show_candidates(shown[0].tokens[shown[1]].candidates if shown is not None else None)
        self.page.side.setVisible(self.page.has_side and bool(self.chat.path))
        self.page.fit_figures()
        self.subtitle_changed.emit()

    def _show_context(self, unseen: int) -> None:
        prompt, last = self._prompt, self.chat.last
        answer = len(last.tokens) if last.role == "assistant" else 0
        if prompt is None:
            self.page.context.set_tokens(0, 0, self.state.model.context if self.state.model else 0, 0)
        else:
            self.page.context.set_tokens(len(prompt.ids), answer, prompt.context, unseen)
        self.page.figures.setText(self.page.context.words())
        self.page.fit_figures()

    def _show_buttons(self) -> None:
        page = self.page
        page.set_busy(self._answering is not None, bool(self.form and page.composer.toPlainText().strip()))
        page.send.setText(t("pane.chat.send_edited" if self._editing is not None else "pane.chat.send"))
        can_undo = self._before is not None and not self.chat.path
        page.clear.setText(t("pane.chat.undo" if can_undo else "pane.chat.clear"))
        page.clear.setEnabled(can_undo or bool(self.chat.path))

    def _show_empty(self) -> None:
        self.explain_empty(self.empty)
        self.open_smollm2.setText(t("pane.chat.open_smollm2"))
        self.open_smollm2.setVisible(self.state.model is None and not self.state.opening)

    def adapt_layout(self) -> None:
        self.page.adapt_layout(self.size())
        self._show_candidates()

    # --- Clearing, copying, saving ---------------------------------------------------------------

    def clear_or_undo(self) -> None:
        """Begin a new chat, or restore the one before."""
        if not self.chat.path:
            self.undo()
            return
        self.stop()
        self._before, self.chat = self.chat, Conversation()
        self._chosen = self._editing = None
        self._preview()

    def undo(self) -> None:
        """Restore the chat before it was cleared."""
        if self._before is not None and not self.chat.path:
            self.chat, self._before = self._before, None
            self._preview()

    def choose_file(self) -> None:
        """Let the user choose a file, and save the chat there."""
        kinds = f"{t('pane.chat.kind_markdown')} (*.md);;{t('pane.chat.kind_json')} (*.json)"
        path, _ = QFileDialog.getSaveFileName(self, t("pane.chat.save"), "chat.md", kinds)
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Save the chat as Markdown, or as the messages of `transformers` in JSON."""
        messages = self.chat.messages(self.page.system.text())
        try:
            write_whole(path, (as_json(messages) if path.suffix == ".json" else as_markdown(messages)).encode())
        except OSError as error:
            self.messages.show_key(
                "error.not_written", level="bad", file=str(path), reason=error.strerror or str(error)
            )

    def _copy(self, text: str) -> None:
        QApplication.clipboard().setText(text)

    # --- What every pane has ---------------------------------------------------------------------

    def act(self, wanted: dict[str, Any]) -> None:
        """Begin a new chat and `say` something."""
        if self.chat.path:
            self.clear_or_undo()
        if wanted.get("say"):
            self.say(str(wanted["say"]))

    def subtitle(self) -> str:
        return t("pane.chat.subtitle") if self.state.model is not None else ""

    def sentence(self) -> str:
        chosen = self._chosen[0].tokens[self._chosen[1]] if self._chosen is not None else None
        return of_chat(self.chat.last, self._prompt, chosen) if self.state.model is not None else ""

    def picture(self) -> QWidget:
        return self.page.shown if self.state.model is not None else self.body

    def table(self) -> Table | None:
        rows: list[tuple[object, ...]] = []
        for number_of_turn, turn in enumerate(self.chat.path, start=1):
            if turn.tokens:
                rows += [(number_of_turn, turn.role, x.piece, x.id, x.probability, x.entropy) for x in turn.tokens]
            else:
                rows.append((number_of_turn, turn.role, turn.text, "", "", ""))
        return Table(("turn", "role", "piece", "id", "probability", "entropy"), rows) if rows else None

    def save(self) -> dict[str, Any]:
        return {
            "sampling": self.page.controls.save(),
            "length": self.page.length.value(),
            "more": self.page.more_button.isChecked(),
            "template": self.page.template.isChecked(),
            "system": self.page.system.text(),
            "turns": self.chat.save(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        if isinstance(saved.get("sampling"), dict):
            self.page.controls.restore(saved["sampling"])
        if isinstance(saved.get("length"), int):
            self.page.length.setValue(saved["length"])
        if isinstance(saved.get("more"), bool):
            self.page.more_button.setChecked(saved["more"])
        if isinstance(saved.get("template"), bool):
            self.page.template.setChecked(saved["template"])
        if isinstance(saved.get("system"), str):
            self.page.system.setText(saved["system"])
        if "turns" in saved:
            self.chat = Conversation.restore(saved["turns"])
            self._preview()

    def retranslate(self) -> None:
        self._show_empty()
        self.page.show_form(self._forms.forms)
        self._show()
        self._show_buttons()
        self.subtitle_changed.emit()
