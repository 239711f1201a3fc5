"""The command that fine-tunes a model on pairs of prompt and answer: finetune."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model
from engine.cli.terminal import Commands, ProgressLine, add_command, check_range, nonempty_path, print_result, warn
from engine.cli.training import describe_step
from engine.sentences import sentence

WORLD_MEGABYTES, WORLD_SEED = 1.0, 7  # of the little world's text that is not to be forgotten

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
        help="JSON lines, CSV or TSV with prompt and answer; or a ready set: world, polite, table (-en, -ja or both), "
        "pirate, short, faq",
    )
    command.add_argument("--columns", nargs=2, metavar=("PROMPT", "ANSWER"), help="the columns of a table to read")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="DIR", help="the folder of the new model")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="of 24 pairs each; of 8 for a large model (default: 120 and 30)")
    length.add_argument("--seconds", type=float, help="training time; the schedule adapts to it")
    command.add_argument(
        "--lora",
        type=int,
        metavar="R",
        help="the rank of matrices to train beside the weights; 0: all weights (default: 0; 8 for a large model)",
    )
    command.add_argument(
        "--replay",
        type=nonempty_path,
        metavar="FILE",
        help="old text not to forget; or world, the little world's",
    )
    command.add_argument("--replay-weight", type=float, help="of what is forgotten, against the answers' loss")
    command.add_argument("--learning-rate", type=float)
    command.add_argument("--seed", type=int, default=1)


def finetune(options: argparse.Namespace) -> None:
    from engine.messages.tuning import settings_for
    from engine.model.bundled import find
    from engine.model.opening import read_config
    from engine.training.recording import check_free
    from engine.tuning.supervised import Tuning, score_of

    if options.lora is not None:
        check_range(options, "lora", 0, 4096)
    if options.replay_weight is not None:
        check_range(options, "replay_weight", 0, 1000)
    out = Path(options.out)
    check_free(out)
    model = find(options.model)
    usual = settings_for(read_config(model).parameters())
    settings = replace(
        usual,
        steps=None if options.seconds else options.steps or usual.steps,
        seconds=options.seconds,
        learning_rate=options.learning_rate,
        lora=usual.lora if options.lora is None else options.lora,
        replay=usual.replay if options.replay_weight is None else options.replay_weight,
        seed=options.seed,
    )
    tuning = Tuning.start(model, _pairs(options), settings, _old_text(options.replay))
    if tuning.divided.duplicates or tuning.too_long:
        warn("notice.pairs_left_out", duplicates=tuning.divided.duplicates, too_long=tuning.too_long)
    with ProgressLine() as line:
        before, old_before = score_of(list(tuning.answers(tuning.checked))), tuning.old_loss()
        loss = _train(tuning, line)
        line.show(sentence("progress.checking_answers"))
        after, old_after = score_of(list(tuning.answers(tuning.checked))), tuning.old_loss()
    tuning.save(out)
    result: dict[str, Any] = {
        "model": str(out),
        "steps": tuning.trainer.step,
        "seconds": round(tuning.trainer.seconds, 2),
        "loss": loss,
        "held_out": {"before": before.right, "after": after.right} if tuning.checked else None,
        "form": {"before": before.form, "after": after.form} if tuning.checked else None,
        "forgetting": None if old_before is None else {"before": old_before, "after": old_after},
    }
    print_result(options, result)


def _pairs(options: argparse.Namespace) -> "list[Pair]":
    """Return the pairs of a file, or of a ready set in one language or in all of its languages."""
    from engine.text.pairs import read_pairs
    from engine.text.ready_pairs import ready_sets

    name = options.pairs
    ready = [found for found in ready_sets() if name in (found.id, f"{found.id}-{found.language}")]
    if ready and not Path(name).exists():
        return [pair for found in ready for pair in found.pairs]
    return read_pairs(Path(name), options.columns and tuple(options.columns))


def _old_text(name: str | None) -> str:
    from engine.text.reading import read_all
    from engine.text.world.stream import stream

    if name == "world" and not Path(name).exists():
        return "".join(stream(WORLD_MEGABYTES, seed=WORLD_SEED))
    return "".join(read_all([Path(name)])) if name else ""


def _train(tuning: "Tuning", line: ProgressLine) -> float | None:
    """Train to the end, and return the loss on the held-out answers."""
    loss = None
    for step in tuning.steps():
        if step is not None:
            line.show(partial(describe_step, step), final=step.fraction >= 1.0)
            loss = step.validation_loss or loss
    return loss
