"""Handlers of choices: answers to choose from, files of choices, prompts."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch

from engine.errors import EngineError
from engine.messages.choices import (
    MOST_ANSWERS,
    Agreement,
    Answers,
    Choice,
    ChoiceList,
    ChoicesWritten,
    ColourByReward,
    FitReward,
    JudgeChoices,
    Judged,
    ListPrompts,
    MeasureAgreement,
    Prompts,
    ReadChoices,
    RewardedText,
    RewardFitted,
    SimulateChoices,
    WriteAnswers,
    WriteChoices,
)
from engine.messages.status import Progress
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed
from engine.text.agreement import agreeing, agreement
from engine.text.choices import MOST, read_choices, write_choices
from engine.text.judges import Judge
from engine.text.reading import read_all
from engine.text.tokenizer import StreamDecoder
from engine.text.world.prompts import KINDS, animals
from engine.training.tasks.answers import Example
from engine.tuning.different import write_different
from engine.tuning.learned import learned
from engine.tuning.principle import Principle
from engine.tuning.prompting import Prompting
from engine.tuning.reward import (
    Floats,
    RewardModel,
    accuracy,
    answers_of,
    final_states,
    fit,
    held_out_accuracy,
    mean_states_in_parts,
)
from engine.tuning.simulating import simulate

MOST_FITTED = 2000  # choices: a linear head learns nothing more from further ones
REPORT_SECONDS = 0.05  # shortest time between two reports
MOST_TOKENS = 4096  # of an answer; it ends at the context anyway
OWN_TOKENS = 48  # of an answer to a prompt of the user's
TOKENS = {"animals": 24, "stories": 100}


def write_answers(session: Session, request: WriteAnswers) -> Answer[Answers]:
    """Raise EngineError as the request says, and error.logits_broken."""
    check_range("count", request.count, 1, MOST_ANSWERS)
    check_range("tokens", request.tokens, 1, MOST_TOKENS)
    check_range("temperature", request.temperature, 0.05, 5.0)
    yield from undisturbed(session, _written(session, request))


def check_range(setting: str, value: float, least: float, most: float) -> None:
    """Raise EngineError error.config_range unless least <= value <= most."""
    if not least <= value <= most:
        raise EngineError("error.config_range", setting=setting, value=value, least=least, most=most)


def _written(session: Session, request: WriteAnswers) -> Answer[Answers]:
    opened, pace = session.opened, Pace(REPORT_SECONDS)
    step, texts = session.step_of(opened), list[str]()
    for texts in write_different(
        opened.model,
        prompting(opened),
        request.prompt,
        request.count,
        request.tokens,
        request.temperature,
        request.seed,
        opened.changes,
    ):
        yield Answers(tuple(texts), step) if pace.due() else None
    yield Answers(tuple(texts), step, done=True)


def prompting(opened: OpenedModel) -> Prompting:
    """Return how the open model is asked, read once. Raises EngineError as Prompting.of."""
    return opened.cached(
        "prompting",
        opened.info.folder,
        lambda: Prompting.of(Path(opened.info.folder), opened.tokenizer, opened.model.config),
    )


def choices_of_file(session: Session, request: ReadChoices) -> Answer[ChoiceList]:
    yield ChoiceList(tuple(read_choices(Path(request.path))))


def choices_to_file(session: Session, request: WriteChoices) -> Answer[ChoicesWritten]:
    write_choices(Path(request.path), request.choices)
    yield ChoicesWritten(request.path, len(request.choices))


def simulate_choices(session: Session, request: SimulateChoices) -> Answer[ChoiceList]:
    check_range("count", request.count, 1, MOST_FITTED)
    check_range("errors", request.errors, 0.0, 1.0)
    yield from undisturbed(session, _simulated(session, request))


def _simulated(session: Session, request: SimulateChoices) -> Answer[ChoiceList]:
    opened, decided, pace = session.opened, list[Choice](), Pace(REPORT_SECONDS)
    prompts = [KINDS[request.kind](animal, request.language) for animal in animals()[request.held_out]]
    judge, tokens = Judge(request.taste, request.errors), TOKENS[request.kind]
    for choice in simulate(opened.model, prompting(opened), judge, prompts, request.count, tokens, request.seed):
        if choice.pairs:
            decided.append(choice)
        yield ChoiceList(tuple(decided)) if pace.due() else None
    yield ChoiceList(tuple(decided))


def judge_choices(session: Session, request: JudgeChoices) -> Answer[Judged]:
    """Raise EngineError error.principle_missing for a judge without a taste, or a principle and its opposite."""
    if request.taste is None and not (request.principle.strip() and request.opposite.strip()):
        raise EngineError("error.principle_missing")
    check_range("errors", request.errors, 0.0, 1.0)
    yield from undisturbed(session, _judged(session, request))


def _judged(session: Session, request: JudgeChoices) -> Answer[Judged]:
    opened, found, pace, rng = session.opened, list[Choice](), Pace(REPORT_SECONDS), Random(request.seed)
    by_principle = Principle(request.principle, request.opposite, opened.reader, opened.tokenizer)
    for choice in request.choices:
        if request.taste is not None:
            simulated = Judge(request.taste, request.errors)
            found.append(simulated.choose(choice.prompt, choice.answers, rng))
        else:
            found.append(by_principle.choose(choice))
        yield Judged(tuple(found), agreeing(request.choices, found)) if pace.due() else None
    yield Judged(tuple(found), agreeing(request.choices, found), done=True)


def measure_agreement(session: Session, request: MeasureAgreement) -> Answer[Agreement]:
    yield agreement(request.choices)


def list_prompts(session: Session, request: ListPrompts) -> Answer[Prompts]:
    if request.path:
        found = tuple(dict.fromkeys(_lines(Path(request.path))))
        if not found:
            raise EngineError("error.choices_none", file=request.path)
        yield Prompts(found, (), OWN_TOKENS)
        return
    shown, held_out = (tuple(KINDS[request.kind](animal, request.language) for animal in part) for part in animals())
    yield Prompts(shown, held_out, TOKENS[request.kind])


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file that are not blank, at most MOST."""
    lines = (line.rstrip() for chunk in read_all([path]) for line in chunk.split("\n"))
    for _, line in zip(range(MOST), filter(None, lines), strict=False):
        yield line


# --- The reward model ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """A reward model, and the weights that it was fitted to."""

    head: RewardModel
    weights: Hashable


def fit_reward(session: Session, request: FitReward) -> Answer[Progress | RewardFitted]:
    answers: Answer[Progress | RewardFitted] = undisturbed(session, _fit(session, request))
    yield from answers


def _fit(session: Session, request: FitReward) -> Answer[Progress | RewardFitted]:
    opened, choices = session.opened, request.choices[-MOST_FITTED:]
    if not any(choice.pairs for choice in choices):
        raise EngineError("error.choices_undecided")
    weights = _weights(opened)  # that the answers are read with: others, if they are changed meanwhile, are not fitted
    answers, pace, parts, done = answers_of(choices, prompting(opened)), Pace(REPORT_SECONDS), list[Floats](), 0
    for part in mean_states_in_parts(opened.model, answers, opened.changes):
        parts.append(part)
        done += len(part)
        yield Progress("progress.reading_answers", done / len(answers)) if pace.due() else None
    x_ND = np.concatenate(parts)
    head = fit(choices, x_ND)
    session.replace("reward", "", Fitted(head, weights))
    yield _described(session, choices, answers, x_ND, head)


def _described(
    session: Session, choices: Sequence[Choice], answers: Sequence[Example], x_ND: Floats, head: RewardModel
) -> RewardFitted:
    reward_N = head.rewards(x_ND)
    lengths = [len(answer.ids) - answer.first for answer in answers]
    texts = [answer for choice in choices for answer in choice.answers]
    found = learned(texts, lengths, reward_N, session.opened.tokenizer)
    ends = np.cumsum([len(choice.answers) for choice in choices])[:-1]
    return RewardFitted(
        choices=sum(bool(choice.pairs) for choice in choices),
        accuracy=held_out_accuracy(choices, x_ND),
        length=found.length,
        longer=accuracy(np.array(lengths), choices) or 0.0,
        words=found.words,
        chance=found.chance,
        rewards=tuple(tuple(part.tolist()) for part in np.split(reward_N, ends)),
        step=session.step_of(session.opened),
    )


def _weights(opened: OpenedModel) -> Hashable:
    """Return what changes with the weights of the open model and the interventions in it."""
    return opened.info.folder, opened.info.step, opened.version


def colour_by_reward(session: Session, request: ColourByReward) -> Answer[RewardedText]:
    opened = session.opened
    fitted: Fitted | None = session.cached("reward", "", lambda: None)
    if fitted is None or len(fitted.head.w_D) != opened.model.config.width:
        raise EngineError("error.no_reward")
    before = prompting(opened).ids(request.prompt) if request.prompt else []
    ids = opened.ids_of(request.text)
    stream = StreamDecoder(opened.tokenizer)
    part_T = _parts(opened, fitted.head, [*before, *ids])[len(before) :]
    yield RewardedText(
        pieces=tuple(map(opened.tokenizer.piece, ids)),
        texts=tuple(map(stream.push, ids)),
        rewards=(np.cumsum(part_T) / np.arange(1, len(part_T) + 1)).astype(np.float32),
        parts=part_T.astype(np.float32),
        changed=fitted.weights != _weights(opened),
    )


def _parts(opened: OpenedModel, head: RewardModel, ids: Sequence[int]) -> Floats:
    """Return what each token adds to the reward; a text longer than the context is read in parts."""
    context = opened.model.config.context
    windows = (torch.tensor([ids[start : start + context]]) for start in range(0, len(ids), context))
    found = [head.rewards(final_states(opened.model, x_1T, opened.changes)[0]) for x_1T in windows]
    return np.concatenate(found) if found else np.zeros(0)


HANDLERS: Handlers = {
    ColourByReward: colour_by_reward,
    FitReward: fit_reward,
    JudgeChoices: judge_choices,
    ListPrompts: list_prompts,
    MeasureAgreement: measure_agreement,
    ReadChoices: choices_of_file,
    SimulateChoices: simulate_choices,
    WriteAnswers: write_answers,
    WriteChoices: choices_to_file,
}
