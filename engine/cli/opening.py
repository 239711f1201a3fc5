"""Open the model that a command names, with its progress on stderr."""

import argparse
import time
from typing import TYPE_CHECKING, get_args

from engine.cli.terminal import ProgressLine
from engine.messages.generation import SamplingSettings
from engine.messages.models import WeightsForm
from engine.sentences import percent, sentence

if TYPE_CHECKING:
    from engine.model.transformer import Transformer
    from engine.text.tokenizer import Tokenizer

QUIET_SECONDS = 1.0  # of loading before its progress is shown


def add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="a folder, a .gguf file, or smollm2 for the one that comes with Nakami"
    )


def add_weights(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--weights",
        choices=get_args(WeightsForm),
        default="float32",
        help="how a large model's weights are kept: float16 is faster on many computers, int8 more so and less exact",
    )


def add_sampling(command: argparse.ArgumentParser, temperature: float) -> None:
    """Add the options of sampling, with this temperature as the default."""
    command.add_argument("--temperature", type=float, default=temperature, help="0 is greedy")
    command.add_argument("--top-k", type=int, default=0, help="0 is off")
    command.add_argument("--top-p", type=float, default=1.0)
    command.add_argument("--min-p", type=float, default=0.0)
    command.add_argument("--repetition-penalty", type=float, default=1.0)
    command.add_argument("--seed", type=int, default=1)


def sampling_of(options: argparse.Namespace) -> SamplingSettings:
    return SamplingSettings(
        options.repetition_penalty, options.temperature, options.top_k, options.top_p, options.min_p
    )


def load(options: argparse.Namespace) -> "tuple[Transformer, Tokenizer]":
    """Load the model and tokenizer that a command names, from its options. Raises as bundled.find and load_model."""
    from engine.model.bundled import find
    from engine.model.opening import load_model

    begun = time.monotonic()
    with ProgressLine() as line:

        def report(share: float) -> None:
            if time.monotonic() - begun > QUIET_SECONDS:
                line.show(
                    lambda: sentence("progress.percent", what=sentence("progress.opening"), percent=percent(share))
                )

        return load_model(find(options.model), report=report, weights=options.weights)
