"""Commands that train: train, builtin."""

import argparse
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.terminal import Commands, ProgressLine, add_command, nonempty_path, print_result
from engine.errors import EngineError
from engine.sentences import duration, number, sentence

if TYPE_CHECKING:
    from engine.messages.status import Progress
    from engine.messages.training import TrainingSettings
    from engine.training.run import Run
    from engine.training.trainer import TrainStep


def add_commands(commands: Commands) -> None:
    _add_train(commands)
    command = add_command(commands, "builtin", builtin, "build the built-in model and word vectors again")
    command.add_argument(
        "--out", type=nonempty_path, required=True, metavar="DIR", help="an interrupted build in DIR is continued"
    )


def _add_train(commands: Commands) -> None:
    command = add_command(commands, "train", train, "train a model on texts")
    command.add_argument("files", type=nonempty_path, nargs="*", metavar="FILE", help="texts or folders of texts")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="DIR", help="the folder of the model")
    command.add_argument("--resume", action="store_true", help="continue the run in DIR")
    command.add_argument(
        "--more", type=float, default=0.0, metavar="SECONDS", help="with --resume: end after this much more training"
    )
    command.add_argument("--encoding", default="", metavar="NAME", help="of the texts (default: detected in each)")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--preset", choices=("30s", "5m", "overnight"), help="model and length (default: 30s)")
    length.add_argument("--steps", type=int)
    length.add_argument("--seconds", type=float, help="training time; the schedule adapts to it")
    command.add_argument("--tokenizer", choices=("bpe", "char"))
    command.add_argument(
        "--layout", choices=("nakami", "llama", "qwen3"), help="llama and qwen3: also other programs open the model"
    )
    command.add_argument("--vocab", type=int, dest="vocabulary", help="tokens of a BPE tokenizer")
    for name in ("layers", "heads", "width", "context", "batch", "seed"):
        command.add_argument(f"--{name}", type=int)
    command.add_argument("--learning-rate", type=float)


def train(options: argparse.Namespace) -> None:
    run = _run_of(options)
    with ProgressLine() as line:
        if options.resume and (others := _ignored(options, run.settings)):
            line.show(sentence("progress.resumed", settings=", ".join(others)), final=True)
        for progress in run.prepare():
            line.show(_describe_progress(progress))
        for text in run.texts:
            line.report_encoding(str(text.path), text.encoding, text.certain, text.replaced)
        steps = run.steps()
        try:
            for step in steps:
                if step is not None:
                    line.show(partial(describe_step, step), final=step.fraction >= 1.0)
        except KeyboardInterrupt:
            steps.close()
            line.show(sentence("progress.stopped", folder=str(run.folder)), final=True)
    if run.trainer.step == 0:
        raise EngineError("error.nothing_learned")
    loss, validation_loss = run.last_losses()
    result = {
        "model": str(run.folder),
        "steps": run.trainer.step,
        "tokens": run.trainer.tokens,
        "seconds": round(run.trainer.seconds, 2),
        "train_loss": loss,
        "val_loss": validation_loss,
    }
    print_result(options, result)


def _run_of(options: argparse.Namespace) -> "Run":
    """Return the run to resume, or a new one. Raises EngineError."""
    from engine.training.run import Run

    if options.resume:
        return Run.resume(Path(options.out), options.more)
    if not options.files:
        raise EngineError("error.no_text_named")
    return Run.start(options.files, Path(options.out), _settings(options), options.encoding)


def _settings(options: argparse.Namespace) -> "TrainingSettings":
    """Return the preset's settings, overridden by the settings given as options."""
    from engine.text.reading import inspect
    from engine.training.recipe import presets_for

    preset = presets_for(inspect(tuple(options.files), options.encoding).characters)[options.preset or "30s"]
    given = _given(options)
    return replace(preset, **(given | {"seconds": None} if "steps" in given else given))


def _given(options: argparse.Namespace) -> dict[str, Any]:
    from engine.messages.training import TrainingSettings

    names = [field.name for field in fields(TrainingSettings)]
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _ignored(options: argparse.Namespace, settings: "TrainingSettings") -> list[str]:
    """Return the names of the options that differ from the resumed run's settings, which stay as they are."""
    return [name for name, value in _given(options).items() if value != getattr(settings, name)]


def _describe_progress(progress: "Progress") -> str:
    what = sentence(progress.key)
    if progress.fraction is None:
        return what
    return sentence("progress.percent", what=what, percent=f"{progress.fraction:.0%}")


def describe_step(step: "TrainStep") -> str:
    return sentence(
        "progress.training",
        step=number(step.step),
        percent=f"{step.fraction:.0%}",
        loss=number(step.loss, 3),
        speed=number(step.tokens / max(step.seconds, 1e-9)),
        left=duration(step.seconds_left),
    )


def builtin(options: argparse.Namespace) -> None:
    from engine.builtin import rebuild
    from engine.messages.status import Progress

    folder, last = Path(options.out), None
    with ProgressLine() as line:
        for event in rebuild(folder):
            if isinstance(event, Progress):
                line.show(_describe_progress(event))
            else:
                last = event
                line.show(partial(describe_step, event), final=event.fraction >= 1.0)
    result: dict[str, Any] = {"model": str(folder / "model"), "word2vec": str(folder / "word2vec")}
    if last is not None:
        result |= {"steps": last.step, "tokens": last.tokens, "seconds": last.seconds, "val_loss": last.validation_loss}
    print_result(options, result)
