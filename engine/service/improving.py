"""The handler of improvement: a run on choices between answers, by DPO or by the policy gradient."""

from dataclasses import asdict
from pathlib import Path

from engine.errors import EngineError
from engine.messages.improving import Improve
from engine.messages.tuning import TuningReport, TuningStarted
from engine.service.answer import Answer, Handlers
from engine.service.models import reported
from engine.service.session import Session
from engine.service.tuning import old_text, trainable, tuned
from engine.text.choices import write_choices
from engine.text.judges import TASTES
from engine.tuning.improving import Improving
from engine.tuning.prompting import Prompting
from engine.tuning.run import TunedRun

CHOICES = "choices.jsonl"  # in the folder of the run


def improve(session: Session, request: Improve) -> Answer[TuningReport]:
    """Raise EngineError as the request says."""
    if request.judge and request.judge not in TASTES:
        raise EngineError("error.config_choice", setting="judge", value=request.judge[:80], known=", ".join(TASTES))
    opened = session.opened
    settings, folder, base = request.settings, Path(request.folder), opened.info.folder
    old = yield from old_text(session, request.old)
    model, tokenizer = yield from reported("progress.opening", trainable(session, opened))
    improving = Improving(
        model,
        Prompting.of(Path(base), tokenizer, model.config),
        request.choices,
        settings,
        prompts=request.prompts,
        held_out=request.held_out,
        liked=TASTES[request.judge] if request.judge else None,
        old_text=old,
    )
    run = TunedRun(folder, improving, {"base": base, **asdict(settings), "judge": request.judge})
    write_choices(folder / CHOICES, request.choices)
    decided = sum(bool(choice.pairs) for choice in request.choices)
    held_out = len(request.held_out)
    started = TuningStarted(str(folder), base, settings.method, decided, held_out, len(request.choices) - decided)
    yield from tuned(session, run, started, request.questions)


HANDLERS: Handlers = {Improve: improve}
