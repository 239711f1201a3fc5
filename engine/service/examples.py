"""Handlers of what is shown before a run of fine-tuning on pairs: the tokens of a pair, and how many pairs count."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from engine.messages.examples import CheckedPairs, CheckPairs, ExampleTokens, ShowExample
from engine.messages.status import Progress
from engine.model.lora import MATRICES
from engine.model.transformer import Transformer
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.session import Session
from engine.text.pairs import divide
from engine.tuning.forms import form_of, form_tokens
from engine.tuning.supervised import encoding

QUESTIONS = 3  # that a run asks again and again


def show_example(session: Session, request: ShowExample) -> Answer[ExampleTokens]:
    opened = session.opened
    form = form_of(Path(opened.info.folder), opened.tokenizer, opened.model.config)
    pieces, counts = form_tokens(request.pair, form, opened.tokenizer)
    yield ExampleTokens(pieces, counts, opened.model.config.context)


def check_pairs(session: Session, request: CheckPairs) -> Answer[Progress | CheckedPairs]:
    opened = session.opened
    form = form_of(Path(opened.info.folder), opened.tokenizer, opened.model.config)
    divided = divide(request.pairs, request.held_out, request.seed)
    work = encoding(divided, form, opened.tokenizer, opened.model.config.context)
    train, held_out = map(len, (yield from reported("progress.corpus", work)))
    too_long = len(divided.train) + len(divided.held_out) - train - held_out
    model = opened.model
    parameters = model.config.parameters()
    asked = _some([pair.prompt for pair in divided.held_out or divided.train])
    yield CheckedPairs(train, held_out, divided.duplicates, too_long, parameters, _matrices(model), asked)


def _some(prompts: Sequence[str]) -> tuple[str, ...]:
    """Return QUESTIONS different prompts from all over the list."""
    unique = list(dict.fromkeys(prompts))
    count = min(QUESTIONS, len(unique))
    return tuple(unique[place * len(unique) // count] for place in range(count))


def _matrices(model: Transformer) -> tuple[tuple[int, int], ...]:
    """Return the shapes of the matrices that a low-rank adaptation adapts."""
    block = model.blocks[0]
    weights = [block.get_submodule(name).weight for name in MATRICES]
    shapes = [tuple(weight.shape) for weight in weights if isinstance(weight, Tensor)]
    return tuple((rows, columns) for rows, columns in shapes) * model.config.n_layers


HANDLERS: Handlers = {ShowExample: show_example, CheckPairs: check_pairs}
