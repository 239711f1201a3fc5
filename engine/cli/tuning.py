"""The command that fine-tunes a model on pairs of prompt and answer: finetune."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model
from engine.cli.terminal import Commands, ProgressLine, add_command, check_range, nonempty_path, print_result, warn
from engine.cli.training import describe_step
from engine.sentences import sentence

if TYPE_CHECKING:
    from engine.messages.tuning import Pair
    from engine.tuning.supervised import Tuning


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "finetune", finetune, "train a model further on pairs of prompt and answer")
    add_model(command)
    command.add_argument(
        "pairs",
        type=nonempty_path,
        metavar="PAIRS",
        help="JSON lines, CSV or TSV with prompt and answer; or world-en or world-ja, questions about the little world",
    )
    command.add_argument("--out", type=nonempty_path, required=True, metavar="DIR", help="the folder of the new model")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="of 16 pairs each (default: 120)")
    length.add_argument("--seconds", type=float, help="training time; the schedule adapts to it")
    command.add_argument(
        "--lora",
        type=int,
        default=0,
        metavar="R",
        help="the rank of matrices to train beside the weights; 0: all weights",
    )
    command.add_argument("--replay", type=nonempty_path, metavar="FILE", help="old text to go on learning")
    command.add_argument("--learning-rate", type=float)
    command.add_argument("--seed", type=int, default=1)


def finetune(options: argparse.Namespace) -> None:
    from engine.messages.tuning import TuningSettings
    from engine.model.bundled import find
    from engine.text.reading import read_all
    from engine.training.recording import check_free
    from engine.tuning.supervised import Tuning, score_of

    check_range(options, "lora", 0, 4096)
    out = Path(options.out)
    check_free(out)
    steps = None if options.seconds else options.steps or TuningSettings().steps
    settings = TuningSettings(
        steps=steps, seconds=options.seconds, learning_rate=options.learning_rate, lora=options.lora, seed=options.seed
    )
    old_text = "".join(read_all([options.replay])) if options.replay else ""
    tuning = Tuning.start(find(options.model), _pairs(options.pairs), settings, old_text)
    if tuning.divided.duplicates or tuning.too_long:
        warn("notice.pairs_left_out", duplicates=tuning.divided.duplicates, too_long=tuning.too_long)
    with ProgressLine() as line:
        before, old_before = score_of(list(tuning.answers(tuning.divided.held_out))), tuning.old_loss()
        loss = _train(tuning, line)
        line.show(sentence("progress.checking_answers"))
        after, old_after = score_of(list(tuning.answers(tuning.divided.held_out))), tuning.old_loss()
    tuning.save(out)
    result: dict[str, Any] = {
        "model": str(out),
        "steps": tuning.trainer.step,
        "seconds": round(tuning.trainer.seconds, 2),
        "loss": loss,
        "held_out": {"before": before.right, "after": after.right},
        "form": {"before": before.form, "after": after.form},
        "forgetting": None if old_before is None else {"before": old_before, "after": old_after},
    }
    print_result(options, result)


def _pairs(name: str) -> "list[Pair]":
    from engine.text.pairs import read_pairs
    from engine.text.world.examples import LANGUAGES
    from engine.text.world.questions import questions

    language = next((language for language in LANGUAGES if name == f"world-{language}"), None)
    return questions(language) if language is not None else read_pairs(Path(name))


def _train(tuning: "Tuning", line: ProgressLine) -> float | None:
    """Train to the end, and return the loss on the held-out answers."""
    loss = None
    for step in tuning.steps():
        if step is not None:
            line.show(partial(describe_step, step), final=step.fraction >= 1.0)
            loss = step.validation_loss or loss
    return loss
