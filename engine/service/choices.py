"""Handlers of choices: answers to choose from, files of choices, prompts."""

from collections.abc import Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.messages.choices import (
    MOST_ANSWERS,
    Answers,
    ChoiceList,
    ChoicesWritten,
    ListPrompts,
    Prompts,
    ReadChoices,
    WriteAnswers,
    WriteChoices,
)
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed
from engine.text.choices import MOST, read_choices, write_choices
from engine.text.reading import read_all
from engine.text.world.facts import Language
from engine.text.world.prompts import KINDS, animals
from engine.tuning.different import write_different
from engine.tuning.prompting import Prompting

REPORT_SECONDS = 0.05  # shortest time between two reports
MOST_TOKENS = 4096  # of an answer; it ends at the context anyway
STORY_TOKENS, SENTENCE_TOKENS = 100, 24


def write_answers(session: Session, request: WriteAnswers) -> Answer[Answers]:
    """Raise EngineError as the request says, and error.logits_broken."""
    limits = {
        "count": (request.count, 1, MOST_ANSWERS),
        "tokens": (request.tokens, 1, MOST_TOKENS),
        "temperature": (request.temperature, 0.05, 5.0),
    }
    for setting, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise EngineError("error.config_range", setting=setting, value=value, least=least, most=most)
    yield from undisturbed(session, _written(session, request))


def _written(session: Session, request: WriteAnswers) -> Answer[Answers]:
    opened, pace = session.opened, Pace(REPORT_SECONDS)
    step, texts = session.step_of(opened), list[str]()
    for texts in write_different(
        opened.model,
        prompting(opened, request.sentence),
        request.prompt,
        request.count,
        request.tokens,
        request.temperature,
        request.seed,
        opened.changes,
    ):
        yield Answers(tuple(texts), step) if pace.due() else None
    yield Answers(tuple(texts), step, done=True)


def prompting(opened: OpenedModel, sentence: bool = True) -> Prompting:
    """Return how the open model is asked, read once. Raises EngineError as Prompting.of."""
    return opened.cached(
        f"prompting {sentence}",
        opened.info.folder,
        lambda: Prompting.of(Path(opened.info.folder), opened.tokenizer, opened.model.config, sentence),
    )


def choices_of_file(session: Session, request: ReadChoices) -> Answer[ChoiceList]:
    yield ChoiceList(tuple(read_choices(Path(request.path))))


def choices_to_file(session: Session, request: WriteChoices) -> Answer[ChoicesWritten]:
    write_choices(Path(request.path), request.choices)
    yield ChoicesWritten(request.path, len(request.choices))


def list_prompts(session: Session, request: ListPrompts) -> Answer[Prompts]:
    if request.path:
        found = tuple(dict.fromkeys(_lines(Path(request.path))))
        if not found:
            raise EngineError("error.choices_none", file=request.path)
        yield Prompts(found, (), SENTENCE_TOKENS, sentence=True)
        return
    language: Language = "ja" if request.language == "ja" else "en"
    shown, held_out = (tuple(KINDS[request.kind](animal, language) for animal in part) for part in animals())
    stories = request.kind == "stories"
    yield Prompts(shown, held_out, STORY_TOKENS if stories else SENTENCE_TOKENS, sentence=not stories)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file that are not blank, at most MOST."""
    lines = (line.rstrip() for chunk in read_all([path]) for line in chunk.split("\n"))
    for _, line in zip(range(MOST), filter(None, lines), strict=False):
        yield line


HANDLERS: Handlers = {
    ListPrompts: list_prompts,
    ReadChoices: choices_of_file,
    WriteAnswers: write_answers,
    WriteChoices: choices_to_file,
}
