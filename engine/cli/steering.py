"""Commands that write with a changed model: steer, precision."""

import argparse
import math
from pathlib import Path

from engine.cli.opening import add_model, add_weights
from engine.cli.terminal import Commands, ProgressLine, add_command, check_range, nonempty_path, print_result

MOST_TOKENS = 500
WIDTHS = (32, 16, 8, 4, 3, 2)  # bits
STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "steer", steer, "write with the difference of two sets of texts added to the model")
    add_model(command)
    add_weights(command)
    command.add_argument("text", metavar="PROMPT")
    for name, words in (("plus", "texts to steer to"), ("minus", "texts to steer away from")):
        command.add_argument(
            f"--{name}",
            type=nonempty_path,
            nargs="+",
            required=True,
            metavar="T",
            help=f"{words}, or files with one a line",
        )
    command.add_argument("--layer", type=int, help="counted from 0; by default two fifths of the way up")
    command.add_argument("--strength", type=float, nargs="+", default=list(STRENGTHS), metavar="S")
    command.add_argument("--tokens", type=int, default=30)
    command.epilog = (
        "For each strength: the text, the perplexity of the text under the model as it is, and the share of its pairs "
        "of tokens that it has had before. gain: nats a token by which the direction favours texts that it was not "
        "made of; null if there are fewer than two."
    )
    command = add_command(commands, "precision", precision, "write with the weights rounded to fewer and fewer bits")
    add_model(command)
    command.add_argument("text", metavar="PROMPT")
    command.add_argument("--bits", type=int, nargs="+", choices=WIDTHS, default=list(WIDTHS), metavar="B")
    command.add_argument("--tokens", type=int, default=30)
    command.epilog = (
        "Fewer than 16 bits: each block of 32 weights has a scale of 16 bits, as in llama.cpp's Q8_0 and Q4_0. For "
        "each width: the text, the perplexity of the prompt, and the bytes of the weights."
    )


def steer(options: argparse.Namespace) -> None:
    from engine.messages.steering import Steer, SteeredTexts, default_layer
    from engine.model.bundled import find
    from engine.service.session import Session
    from engine.service.steering import steer as answer

    check_range(options, "tokens", 1, MOST_TOKENS)
    session = Session()
    info = session.open(find(options.model), options.weights)
    layer = default_layer(info.layers) if options.layer is None else options.layer
    plus, minus = (tuple(line for name in names for line in _lines(name)) for names in (options.plus, options.minus))
    request = Steer(options.text, plus, minus, layer, tuple(options.strength), options.tokens)
    found = SteeredTexts((), (), ())
    with ProgressLine() as line:
        for report in answer(session, request):
            found = report if isinstance(report, SteeredTexts) else found
            line.show(f"{len(found.perplexities)} / {len(request.strengths)}")
    values = [None if math.isnan(value) else value for value in found.perplexities]
    columns = zip(found.strengths, found.texts, values, found.repeated, strict=True)
    rows = [dict(zip(("strength", "text", "perplexity", "repeated"), column, strict=True)) for column in columns]
    result = {"layer": layer, "texts": rows, "gain": found.gain, "gain_error": found.gain_error}
    lines = zip(found.strengths, found.perplexities, found.texts, strict=True)
    print_result(
        options, result, "\n".join(f"{strength:+6.2f} {value:9.2f}  {text!r}" for strength, value, text in lines)
    )


def precision(options: argparse.Namespace) -> None:
    from engine.messages.precision import RoundedText, TryPrecisions
    from engine.model.bundled import find
    from engine.service.precision import try_precisions
    from engine.service.session import Session

    check_range(options, "tokens", 1, MOST_TOKENS)
    session, rows = Session(), []
    session.open(find(options.model), "float32")
    with ProgressLine() as line:
        for answer in try_precisions(session, TryPrecisions(options.text, tuple(options.bits), options.tokens)):
            if isinstance(answer, RoundedText):
                rows.append(answer)
                line.show(f"{len(rows)} / {len(options.bits)}")
    found = [
        {
            "bits": row.bits,
            "text": row.text,
            "perplexity": None if math.isnan(row.perplexity) else row.perplexity,
            "bytes": row.size,
        }
        for row in rows
    ]
    print_result(options, found, "\n".join(f"{row.bits:3} {row.perplexity:9.2f}  {row.text!r}" for row in rows))


def _lines(name: str) -> list[str]:
    """Return the lines of a file, or the text itself if there is no such file."""
    try:
        is_file = Path(name).is_file()
    except OSError:  # a text longer than a file name may be
        is_file = False
    if not is_file:
        return [name]
    from engine.text.reading import read_chunks

    return [line for line in "".join(read_chunks(Path(name))).splitlines() if line.strip()]
