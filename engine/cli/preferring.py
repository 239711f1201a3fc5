"""The command that improves a model by choices between its answers: prefer."""

import argparse
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model
from engine.cli.terminal import Commands, ProgressLine, add_command, nonempty_path, print_result
from engine.cli.training import describe_step
from engine.errors import EngineError
from engine.sentences import sentence

if TYPE_CHECKING:
    from engine.messages.choices import Taste
    from engine.text.world.facts import Language
    from engine.tuning.improving import Improving

SIMULATED = "world-TASTE-LANGUAGE:COUNT"
STORIES = ("happy_end",)  # tastes that are about the end of a story


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "prefer", prefer, "change a model by choices between its answers")
    add_model(command)
    command.add_argument(
        "choices",
        type=nonempty_path,
        metavar="CHOICES",
        help=f"JSON lines with prompt, chosen and rejected; or {SIMULATED}, such as world-polite-ja:12, those of a "
        "simulated judge between the model's own texts about the little world",
    )
    command.add_argument("--out", type=nonempty_path, required=True, metavar="DIR", help="the folder of the new model")
    command.add_argument("--method", choices=("dpo", "reinforce"), default="dpo")
    command.add_argument(
        "--kl", type=float, metavar="B", help="how strongly the model is held to the one before (default: 0.1); 0: not"
    )
    command.add_argument(
        "--most-kl",
        type=float,
        default=2.0,
        metavar="NATS",
        help="end at this KL divergence from the model before, in nats a text (default: 2); 0: never",
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="of 8 choices or 24 texts each (default: 40 or 60)")
    length.add_argument("--seconds", type=float, help="training time; the schedule adapts to it")
    command.add_argument("--tokens", type=int, help="that an answer has at most (default: 24; for stories 100)")
    command.add_argument("--learning-rate", type=float)
    command.add_argument("--seed", type=int, default=1)


def prefer(options: argparse.Namespace) -> None:
    from engine.model.bundled import find
    from engine.training.recording import check_free

    out = Path(options.out)
    check_free(out)
    with ProgressLine() as line:
        line.show(sentence("progress.opening"))
        base = find(options.model)
        improving = _improving(options, base)
        before = improving.measured()
        for step in improving.steps():
            if step is not None:
                line.show(partial(describe_step, step), final=step.fraction >= 1.0)
        line.show(sentence("progress.checking_answers"))
        after = improving.measured()
    improving.save(out, base)
    names = ("preferred", "reward", "length", "distinct")
    result: dict[str, Any] = {
        "model": str(out),
        "steps": improving.trainer.step,
        "seconds": round(improving.trainer.seconds, 2),
        "kl": after["kl"],
        "reward_accuracy": improving.reward_accuracy,
        "ended_by_kl": bool(improving.enough()),
        **{name: {"before": before[name], "after": after[name]} for name in names},
    }
    print_result(options, result)


def _improving(options: argparse.Namespace, folder: Path) -> "Improving":
    """Return the run; simulated choices are made by the model itself, and measured on animals that are held out."""
    from engine.messages.improving import ImprovingSettings
    from engine.model.opening import load_model
    from engine.text.choices import read_choices
    from engine.text.judges import TASTES, Judge
    from engine.text.world.prompts import KINDS, animals
    from engine.tuning.improving import Improving
    from engine.tuning.prompting import Prompting
    from engine.tuning.simulating import simulate

    simulated = _simulated(str(options.choices))
    is_story = simulated is not None and simulated[0] in STORIES
    settings = ImprovingSettings(
        options.method,
        options.steps,
        options.seconds,
        options.learning_rate,
        options.kl,
        options.most_kl or None,
        options.tokens or (100 if is_story else ImprovingSettings().tokens),
        options.seed,
    )
    model, tokenizer = load_model(folder)
    prompting = Prompting.of(folder, tokenizer, model.config)
    if simulated is None:
        return Improving(model, prompting, read_choices(Path(options.choices)), settings)
    taste, language, count = simulated
    write = KINDS["stories" if is_story else "animals"]
    shown, held_out = ([write(animal, language) for animal in part] for part in animals())
    choices = list(simulate(model, prompting, Judge(taste), shown, count, settings.tokens, settings.seed))
    return Improving(model, prompting, choices, settings, prompts=shown, held_out=held_out, liked=TASTES[taste])


def _simulated(name: str) -> "tuple[Taste, Language, int] | None":
    """Return the taste, the language and the number of choices that a name such as world-polite-ja:12 asks for."""
    from engine.text.judges import TASTES
    from engine.text.world.examples import LANGUAGES

    found = re.fullmatch(r"world-(\w+)-(\w+):(\d{1,4})", name)
    if found is None:
        return None
    tastes = [taste for taste in TASTES if taste == found[1]]
    languages = [language for language in LANGUAGES if language == found[2]]
    if not (tastes and languages and int(found[3])):
        raise EngineError("error.config_choice", setting="CHOICES", value=name[:80], known=", ".join(TASTES))
    return tastes[0], languages[0], int(found[3])
