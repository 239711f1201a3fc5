"""Command that shows what an MLP's neurons, or a head, react to: neurons."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.cli.opening import add_model, add_weights
from engine.cli.origins import last_answer
from engine.cli.terminal import Commands, add_command, nonempty_path, print_result

if TYPE_CHECKING:
    from engine.messages.neurons import TintedPassage

STRONGEST = 8  # neurons shown if none is named


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "neurons", neurons, "show what a layer's neurons react to, and what they push up")
    add_model(command)
    add_weights(command)
    command.add_argument(
        "text", type=nonempty_path, nargs="?", metavar="TEXTFILE", help="by default the text that it was trained on"
    )
    command.add_argument("--layer", type=int, required=True, metavar="L", help="counted from 0")
    command.add_argument("--neuron", type=int, action="append", default=[], metavar="N", help="may be repeated")
    command.add_argument("--head", type=int, metavar="H", help="show where this head looks furthest instead")
    command.epilog = (
        "peak: mean of the highest activations, in standard deviations; one in a hundred neurons exceeds `threshold` "
        "if the MLP reads its input rotated at random. up, down: what the neuron adds to logits at its highest "
        "activation; helped: in how many of the passages the next token is among the hundredth that it pushes up most. "
        "reach: a weight times its distance in tokens."
    )


def neurons(options: argparse.Namespace) -> None:
    from engine.messages.neurons import HeadReport, LayerNeurons, NeuronReport, ReadHead, ReadNeuron, ScanLayer
    from engine.model.bundled import find
    from engine.service.neurons import read_head, read_neuron, scan_layer
    from engine.service.session import Session

    session, paths, layer = Session(), (options.text,) if options.text else (), options.layer
    session.open(find(options.model), options.weights)
    scanned = last_answer(scan_layer(session, ScanLayer(layer, paths)))
    assert isinstance(scanned, LayerNeurons)
    result: dict[str, Any] = {"layer": layer, "tokens": scanned.tokens, "threshold": scanned.threshold}
    result["above"] = float((scanned.peaks > scanned.threshold).mean())
    lines = [f"{100 * result['above']:.3g} % of {len(scanned.peaks)} neurons above {scanned.threshold:.1f}"]
    if options.head is not None:
        head = last_answer(read_head(session, ReadHead(layer, options.head, paths)))
        assert isinstance(head, HeadReport)
        result["head"] = _as_json(head)
        lines = [f"{head.reach:.1f}", *map(_passage, head.passages)]
    chosen = options.neuron or ([] if options.head is not None else (-scanned.peaks).argsort()[:STRONGEST].tolist())
    result["neurons"] = []
    for neuron in chosen:
        report = last_answer(read_neuron(session, ReadNeuron(layer, neuron, paths)))
        assert isinstance(report, NeuronReport)
        result["neurons"].append(_as_json(report))
        up = "  ".join(f"{piece!r} {effect:+.2f}" for piece, effect in report.up[:5])
        lines += [
            f"{neuron}: {report.peak:.1f}  → {up} ({report.helped}/{report.followed})",
            *map(_passage, report.passages),
        ]
    print_result(options, result, "\n".join(lines))


def _as_json(report: Any) -> dict[str, Any]:
    values = asdict(report)
    for passage in values["passages"]:
        passage["values"] = passage["values"].tolist()
    return values


def _passage(passage: "TintedPassage") -> str:
    """Return a passage in one line, in which the token with the peak is in brackets."""
    before, after = passage.pieces[max(0, passage.token - 10) : passage.token], passage.pieces[passage.token + 1 :]
    text = f"{''.join(before)}[{passage.pieces[passage.token]}]{''.join(after)}"
    return f"  {passage.values[passage.token]:9.3f}  {' '.join(text.split())}"
