"""Handler of precision."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import EngineError
from engine.generation.decoding import Reader, beginning, decode
from engine.inspection.interventions import changes_of
from engine.inspection.precision import round_into, size
from engine.inspection.scoring import Scores, score
from engine.messages.generation import GREEDY
from engine.messages.precision import RoundedText, TryPrecisions
from engine.messages.status import Progress
from engine.model.memory import free_memory
from engine.model.opening import read_weights
from engine.model.transformer import Transformer
from engine.pace import Pace
from engine.service.answer import Answer, Handlers
from engine.service.session import OpenedModel, Session, undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

REPORT_SECONDS = 0.1
SPARE = 1.1  # of the memory of the copy: activations, and the tensor that is being rounded


def try_precisions(session: Session, request: TryPrecisions) -> Answer[Progress | RoundedText]:
    """Report the text of each width. Raises EngineError error.model_memory if there is no room for a copy."""
    yield from undisturbed(session, _rounded(session.opened, request))


def _rounded(opened: OpenedModel, request: TryPrecisions) -> Answer[Progress | RoundedText]:
    ids = list(opened.ids_of(request.prompt) or beginning(opened.tokenizer))
    need, have = SPARE * 4 * opened.info.parameters, free_memory()
    if have is not None and need > have:
        raise EngineError("error.model_memory", need=f"{need / 2**30:.1f}", have=f"{have / 2**30:.1f}")
    model = Transformer(opened.model.config)
    pace = Pace(REPORT_SECONDS)
    for bits in request.bits:
        for share in round_into(model, _weights(opened), bits):
            yield Progress("progress.rounding", share) if pace.due() else None
        changes = changes_of(model, opened.interventions, opened.tokenizer.encode)
        reader, written, text = Reader(model, changes), 0, ""
        for step in decode(reader, opened.tokenizer, ids, request.tokens, GREEDY, 0):
            written, text = written + 1, text + ("" if step.id in reader.stop_ids else step.text)
            yield None
        parts = [part.surprisals for part in score(model, ids, changes) if isinstance(part, Scores)]
        perplexity = float(np.exp(np.concatenate(parts).mean())) if parts else math.nan
        yield RoundedText(bits, text, perplexity, size(model, bits), written)


def _weights(opened: OpenedModel) -> "Iterator[tuple[str, Tensor]]":
    """Return the weights in float32: those in memory, unless the file has more bits of them."""
    if opened.info.weights == "float32":
        return ((name, parameter.detach().cpu()) for name, parameter in opened.model.named_parameters())
    return read_weights(Path(opened.info.folder))[1]


HANDLERS: Handlers = {TryPrecisions: try_precisions}
