"""Handlers of the moments of a run of fine-tuning, and of the tuned model as it is at one of them."""

from dataclasses import replace
from pathlib import Path

from engine.errors import EngineError
from engine.messages.models import ModelInfo
from engine.messages.moments import AnswerQuestions, ListMoments, Moments, ReturnTo, SaveTuned
from engine.messages.tuning import Pair, StationAnswers
from engine.model.checkpoint import read_json, save_weights
from engine.model.lora import adapted
from engine.model.opening import describe
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed
from engine.tuning.forms import form_of
from engine.tuning.moments import kept_steps, restore
from engine.tuning.run import ABOUT
from engine.tuning.supervised import answer_to


def list_moments(session: Session, request: ListMoments) -> Answer[Moments]:
    opened = session.opened
    yield Moments(tuple(_steps(opened)), session.step_of(opened))


def _steps(opened: OpenedModel) -> list[int]:
    """Return the moments of a model; those of an adaptation are of no use once it is merged."""
    folder = Path(opened.info.folder)
    if not _is_tuned(folder):
        return []
    merged = read_json(folder / ABOUT).get("lora") and not any(adapted(opened.model))
    return [] if merged else kept_steps(folder)


def _is_tuned(folder: Path) -> bool:
    return (folder / ABOUT).is_file()


def return_to(session: Session, request: ReturnTo) -> Answer[Moments]:
    opened = session.own_weights()
    folder = Path(opened.info.folder)
    restore(folder, opened.model, request.step)
    opened.info = replace(opened.info, step=request.step)
    session.weights_changed()
    save_weights(folder, opened.model, request.step)
    yield Moments(tuple(_steps(opened)), request.step)


def save_tuned(session: Session, request: SaveTuned) -> Answer[ModelInfo]:
    session.check_at_rest()
    opened = session.opened
    folder = Path(opened.info.folder)
    if not _is_tuned(folder):
        raise EngineError("error.not_tuned")
    save_weights(folder, opened.model, opened.info.step)
    yield describe(folder)


def answer_questions(session: Session, request: AnswerQuestions) -> Answer[StationAnswers]:
    yield from undisturbed(session, _answered(session, request))


def _answered(session: Session, request: AnswerQuestions) -> Answer[StationAnswers]:
    opened, texts = session.opened, list[str]()
    form = form_of(Path(opened.info.folder), opened.tokenizer, opened.model.config)
    for prompt in request.prompts:
        texts.append(answer_to(opened.reader, opened.tokenizer, form, Pair(prompt, "")).text)
        yield None
    yield StationAnswers(session.step_of(opened), request.prompts, tuple(texts))


HANDLERS: Handlers = {
    ListMoments: list_moments,
    ReturnTo: return_to,
    SaveTuned: save_tuned,
    AnswerQuestions: answer_questions,
}
