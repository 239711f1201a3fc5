"""Commands about text: tokenize, world."""

import argparse
import io
import sys

from engine.cli.opening import add_model
from engine.cli.terminal import Commands, add_command, print_result
from engine.errors import EngineError

MOST_MEGABYTES = 10_000.0


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "tokenize", tokenize, "show how a model's tokenizer cuts a text")
    add_model(command)
    command.add_argument("text", metavar="TEXT")
    command = add_command(commands, "world", world, "print the built-in little world's text")
    command.add_argument("--megabytes", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=1)


def tokenize(options: argparse.Namespace) -> None:
    from engine.model.bundled import find
    from engine.text.tokenizer import Tokenizer

    found = Tokenizer.load(find(options.model)).tokens(options.text)
    rows = list(zip(found.ids.tolist(), found.pieces, found.starts.tolist(), found.ends.tolist(), strict=True))
    result = {"tokens": [dict(zip(("id", "piece", "start", "end"), row, strict=True)) for row in rows]}
    print_result(
        options, result, "\n".join(f"{number}\t{piece!r}\t{start}\t{end}" for number, piece, start, end in rows)
    )


def world(options: argparse.Namespace) -> None:
    from engine.text.world.stream import stream

    if not 0 < options.megabytes <= MOST_MEGABYTES:
        raise EngineError(
            "error.config_range", setting="megabytes", value=options.megabytes, least=0, most=MOST_MEGABYTES
        )
    texts = stream(options.megabytes, options.seed)
    if options.json:
        print_result(options, {"text": "".join(texts)})
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # the same bytes on every system
    for text in texts:
        sys.stdout.write(text)
