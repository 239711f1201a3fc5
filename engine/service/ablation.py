"""Handler of ablation."""

from collections import deque

from engine.generation.decoding import Reader, sample_step
from engine.generation.sampling import candidates
from engine.inspection.interventions import changes_of
from engine.messages.ablation import Ablate, Ablation
from engine.messages.generation import SamplingSettings
from engine.service.answer import Answer, Handlers
from engine.service.session import Session
from engine.training.evaluation import evaluate


def ablate(session: Session, request: Ablate) -> Answer[Ablation]:
    """Measure loss and next token, then again with the parts off. Raises as `changes_of` and `evaluate`."""
    opened, losses, found = session.opened, [], []
    changes = changes_of(opened.model, (*opened.interventions, *request.off), opened.tokenizer.encode)
    for reader in (opened.reader, Reader(opened.model, changes)):
        [last] = deque(evaluate(opened.model, opened.tokenizer, request.text, reader.changes), maxlen=1)
        losses.append(last["loss"])
        step = sample_step(reader, opened.ids_of(request.text), SamplingSettings(temperature=1.0), 0.0)
        found.append(candidates(step.stages, step.draw, request.candidates, opened.tokenizer.piece))
        yield None
    yield Ablation((losses[0], losses[1]), (found[0], found[1]))


HANDLERS: Handlers = {Ablate: ablate}
