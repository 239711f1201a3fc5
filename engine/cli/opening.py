"""Open the model that a command names, with its progress on stderr."""

import argparse
import time
from typing import TYPE_CHECKING

from engine.cli.terminal import ProgressLine
from engine.sentences import percent, sentence

if TYPE_CHECKING:
    from engine.model.transformer import Transformer
    from engine.text.tokenizer import Tokenizer

QUIET_SECONDS = 1.0  # of loading before its progress is shown


def add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="a folder, a .gguf file, or smollm2 for the one that comes with Nakami"
    )


def load(name: str) -> "tuple[Transformer, Tokenizer]":
    """Load the model and tokenizer that a command names. Raises as bundled.find and load_model."""
    from engine.model.bundled import find
    from engine.model.opening import load_model

    begun = time.monotonic()
    with ProgressLine() as line:

        def report(share: float) -> None:
            if time.monotonic() - begun > QUIET_SECONDS:
                line.show(
                    lambda: sentence("progress.percent", what=sentence("progress.opening"), percent=percent(share))
                )

        return load_model(find(name), report=report)
