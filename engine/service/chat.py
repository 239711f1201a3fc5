"""Handlers of chats: how a chat can be written, its prompt, and the answer token by token."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.generation.chat import STOPS, Writer
from engine.generation.decoding import Step, decode
from engine.messages.chat import (
    CONTINUE,
    DIALOGUE,
    TEMPLATE,
    WORLD,
    Chat,
    ChatForms,
    ChatPrompt,
    ChatStopped,
    FindChatForms,
    Reason,
    ShowPrompt,
)
from engine.messages.generation import GeneratedTokens
from engine.messages.status import Progress
from engine.model.damage import check_rows
from engine.model.opening import BUILTIN
from engine.service.answer import Answer, Handlers
from engine.service.generation import read_prompt, report
from engine.service.session import OpenedModel, Session
from engine.text.chat_template import read


def find_chat_forms(session: Session, request: FindChatForms) -> Answer[ChatForms]:
    opened = session.opened
    template = _writer(opened).template
    if template is not None:
        yield ChatForms((TEMPLATE,), template.thinks)
    elif Path(opened.info.folder).resolve() == BUILTIN.resolve():
        yield ChatForms((WORLD, CONTINUE), False)
    else:
        yield ChatForms((DIALOGUE, CONTINUE), False)


def show_prompt(session: Session, request: ShowPrompt) -> Answer[ChatPrompt]:
    yield _writer(session.opened).prompt(request.messages, request.form, request.thinking, request.reserve)


def chat(session: Session, request: Chat) -> Answer[ChatPrompt | Progress | GeneratedTokens | ChatStopped]:
    opened = session.opened
    writer = _writer(opened)
    prompt = writer.prompt(request.messages, request.form, request.thinking, request.tokens)
    yield prompt
    ids = [*prompt.ids, *request.chosen]
    check_rows(opened.model, opened.tokenizer, ids)
    yield from read_prompt(opened, ids)
    most = min(request.tokens, prompt.context - len(ids))
    place = len(request.chosen)
    known = request.first is None or 0 <= request.first < opened.tokenizer.vocabulary
    first = request.first if known else None
    steps = decode(opened.reader, opened.tokenizer, ids, most, request.sampling, request.seed, place, first)
    turn = _Turn(opened, writer.stop_ids(), STOPS[request.form], "length" if most == request.tokens else "context")
    yield from report(session, turn.until_end(steps), request.candidates)
    yield turn.stopped


def _writer(opened: OpenedModel) -> Writer:
    template = opened.cached("chat template", opened.info.folder, lambda: read(Path(opened.info.folder)))
    return Writer(opened.tokenizer, template, opened.model.config.context)


class _Turn:
    """An answer while it is generated: finds where it ends."""

    def __init__(self, opened: OpenedModel, ends: set[int], stop: str, otherwise: Reason) -> None:
        """Take the tokens that end a turn, besides those of the model, and the text that begins the next turn."""
        self._ends = ends | set(opened.model.config.stop_ids)
        self._stop = stop
        self.stopped = ChatStopped(otherwise)

    def until_end(self, steps: Iterable[Step]) -> Iterator[Step]:
        text, lengths = "", []
        for step in steps:
            yield step
            text += step.text
            lengths.append(len(text))
            begun = text.find(self._stop, len(text) - len(text.lstrip())) if self._stop else -1
            if begun >= 0:
                self.stopped = ChatStopped("end", sum(length > begun for length in lengths))
            if begun >= 0 or step.id in self._ends:
                self.stopped = ChatStopped("end", self.stopped.surplus)
                return


HANDLERS: Handlers = {FindChatForms: find_chat_forms, ShowPrompt: show_prompt, Chat: chat}
