"""The command `ablate`: scale heads and MLPs or turn them off, or try all of them one by one."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model, add_weights
from engine.cli.terminal import Commands, ProgressLine, add_command, print_result
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.service.session import Session

Part = tuple[int, int | None]  # layer and head; an MLP's head is None
SHOWN = 12  # parts that are printed without --json


def add_commands(commands: Commands) -> None:
    words = "turn heads and MLPs off, scale them, or try all one by one; print the loss and the next token"
    command = add_command(commands, "ablate", ablate, words)
    add_model(command)
    add_weights(command)
    command.add_argument("text", metavar="TEXT")
    command.add_argument("--off", type=_parts, default=[], metavar="'L.H L.mlp'", help="counted from 0")
    command.add_argument("--scale", type=_factors, default=[], metavar="'L.H=0.5 L.mlp=2'", help="1 changes nothing")
    command.add_argument("--each", action="store_true", help="rank all parts by how much the next token needs them")
    command.add_argument("--target", metavar="W", help="with --each: the next word; by default the likeliest token")
    command.add_argument("--with", dest="instead", choices=("zero", "mean"), default="zero", help="what replaces them")
    command.epilog = (
        "--each prints each part with its effect, the fall of the next token's log-probability in nats while this part "
        "alone is off, and the probability left; the largest effect first. The ranking is of the unchanged model."
    )


def _part(word: str) -> Part:
    found = re.fullmatch(r"(\d+)\.(\d+|mlp)", word)
    if not found:
        raise argparse.ArgumentTypeError("name parts as LAYER.HEAD or LAYER.mlp, for example: 0.3 1.mlp")
    return int(found[1]), None if found[2] == "mlp" else int(found[2])


def _parts(text: str) -> list[Part]:
    """Return the layer and head of each part in "0.3 1.mlp"."""
    return [_part(word) for word in text.split() or [""]]


def _factors(text: str) -> list[tuple[int, int | None, float]]:
    """Return the layer, head and factor of each part in "0.3=0.5 1.mlp=2"."""
    found = []
    for word in text.split() or [""]:
        name, _, factor = word.partition("=")
        try:
            found.append((*_part(name), float(factor)))
        except ValueError as error:
            raise argparse.ArgumentTypeError("give each part a factor, for example: 0.3=0.5 1.mlp=2") from error
    return found


def ablate(options: argparse.Namespace) -> None:
    from engine.messages.models import Intervention, MeanAblated, Scaled
    from engine.model.bundled import find
    from engine.service.session import Session

    if not (options.off or options.scale or options.each):
        raise EngineError("error.nothing_ablated")
    session = Session()
    session.open(find(options.model), options.weights)
    if options.each:
        _rank(options, session)
        return
    off: list[Intervention] = [Scaled(*part) for part in options.off]
    if options.instead == "mean":
        off = [MeanAblated(layer, head, options.text) for layer, head in options.off]
    _compare(options, session, (*off, *(Scaled(*part) for part in options.scale)))


def _compare(options: argparse.Namespace, session: "Session", changes: tuple[Any, ...]) -> None:
    from engine.messages.ablation import Ablate, Ablation
    from engine.service.ablation import ablate as measure

    [found] = (x for x in measure(session, Ablate(options.text, changes)) if isinstance(x, Ablation))
    pairs = (zip(c.pieces, c.probabilities[0].tolist(), strict=True) for c in found.candidates)
    rows = [[{"piece": piece, "probability": share} for piece, share in pair] for pair in pairs]
    words = (f"{loss:.4f}  {row[0]['piece']!r}" for loss, row in zip(found.losses, rows, strict=True))
    print_result(options, {"loss": list(found.losses), "candidates": rows}, "\n".join(words))


def _rank(options: argparse.Namespace, session: "Session") -> None:
    from engine.messages.desk import PartsTried, RankParts
    from engine.service.desk import rank

    session.opened.change(())
    request = RankParts(options.text, word=options.target or "", mean=options.instead == "mean")
    rows: list[dict[str, Any]] = []
    whole: dict[str, Any] = {}
    with ProgressLine() as line:
        for found in rank(session, request):
            if isinstance(found, PartsTried):
                whole = {"target": found.target, "probability": found.whole.probability}
                rows += _rows(found)
                line.show(f"{100 * found.done:.0f} %")
    if not rows:
        raise EngineError("error.text_empty", file='""')
    rows.sort(key=lambda row: -row["effect"])
    lines = [f"{row['effect']:+9.4f}  {row['part']:<8} {100 * row['probability']:.3g} %" for row in rows[:SHOWN]]
    head = f"→ {whole['target']!r}  {100 * whole['probability']:.3g} %"
    print_result(options, {**whole, "parts": rows}, "\n".join((head, *lines)))


def _rows(found: Any) -> list[dict[str, Any]]:
    names = [*range(len(found.losses) - 1), "mlp"]
    return [
        {"part": f"{found.layer}.{name}", "effect": loss - found.whole.loss, "probability": share}
        for name, loss, share in zip(names, found.losses.tolist(), found.probabilities.tolist(), strict=True)
    ]
