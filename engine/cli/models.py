"""Commands that use a trained model: models, generate, evaluate, open, convert, logits."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.cli.arrays import check_length, write_arrays
from engine.cli.opening import add_model, add_sampling, add_weights, load, sampling_of
from engine.cli.terminal import (
    MOST,
    Commands,
    ProgressLine,
    add_command,
    check_range,
    nonempty_path,
    print_result,
    warn,
)
from engine.errors import EngineError
from engine.sentences import percent, sentence

# torch takes seconds to import: each command imports what it needs, so that --help does not wait for it.


def add_commands(commands: Commands) -> None:
    _add_generate(commands)
    command = add_command(commands, "models", list_models, "list the models on this computer")
    command.add_argument("folders", nargs="*", type=nonempty_path, metavar="FOLDER", help="also searched for models")
    command = add_command(commands, "evaluate", evaluate, "measure how well a model predicts a text")
    add_model(command)
    add_weights(command)
    command.add_argument("file", type=nonempty_path, metavar="FILE")
    command = add_command(commands, "open", open_model, "describe a model")
    add_model(command)
    _add_convert(commands)
    command = add_command(commands, "logits", logits, "write the logits at every position")
    add_model(command)
    add_weights(command)
    command.add_argument("--ids", required=True, metavar="1,2,3")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="FILE.npz")


def _add_generate(commands: Commands) -> None:
    command = add_command(commands, "generate", generate, "let a model continue a text")
    add_model(command)
    add_weights(command)
    command.add_argument("--prompt", default="")
    command.add_argument("--tokens", type=int, default=100)
    add_sampling(command, temperature=0.8)


def generate(options: argparse.Namespace) -> None:
    from engine.generation.decoding import Reader, decode, window
    from engine.model.damage import check_rows

    check_range(options, "tokens", 0, MOST)
    model, tokenizer = load(options)
    prompt = tokenizer.encode(options.prompt)
    check_rows(model, tokenizer, prompt)
    unseen = window(len(prompt), model.config.context)
    if unseen:
        seen = len(prompt) - unseen
        warn("notice.text_cut", seen=seen, tokens=len(prompt), context=model.config.context)
    begun, text, tokens = time.perf_counter(), "", []
    for step in decode(Reader(model), tokenizer, prompt, options.tokens, sampling_of(options), options.seed):
        text += step.text
        tokens.append(
            {
                "id": step.id,
                "piece": tokenizer.piece(step.id),
                "probability": step.probability,
                "entropy": step.entropy,
            }
        )
        if not options.json:
            print(step.text, end="", flush=True)
    seconds = round(time.perf_counter() - begun, 3)
    print_result(options, {"text": text, "tokens": tokens, "seconds": seconds, "unseen": unseen}, "")


def evaluate(options: argparse.Namespace) -> None:
    from engine.text.reading import read_all
    from engine.training.evaluation import evaluate as evaluate_model

    model, tokenizer = load(options)
    result: dict[str, float] = {}
    with ProgressLine() as line:
        for result in evaluate_model(model, tokenizer, "".join(read_all([options.file]))):
            line.show(f"{result['tokens']:,}")
    print_result(options, result, "\n".join(f"{name}: {value:.6g}" for name, value in result.items()))


def list_models(options: argparse.Namespace) -> None:
    from engine.model.library import find_all, own_folder

    found: list[dict[str, Any]] = []
    lines: list[str] = []
    with ProgressLine() as progress:
        for model in find_all(own_folder(), map(Path, options.folders)):
            if model is None:
                progress.show(lambda: sentence("progress.models", count=len(found)))
                continue
            opens: bool | str = model.opens or sentence(model.reason, **model.arguments)
            found.append(
                {
                    "name": model.name,
                    "path": model.path,
                    "format": model.format,
                    "from": model.origin,
                    "family": model.family,
                    "parameters": model.parameters,
                    "bytes": model.size,
                    "memory": model.memory,
                    "opens": opens,
                }
            )
            figures = f"{model.parameters:>14,}  {model.family:<12} {model.origin:<12}"
            lines.append(f"{figures} {model.path}" + ("" if opens is True else f"\n{'':>16}{opens}"))
    print_result(options, found, "\n".join(lines))


def open_model(options: argparse.Namespace) -> None:
    from engine.model.bundled import find
    from engine.model.opening import describe

    info = describe(find(options.model))
    if info.unused:
        warn("notice.tensors_unused", **info.unused_words())
    names = ("family", "parameters", "layers", "heads", "context", "vocabulary", "bytes", "unused")
    found = asdict(info)
    print_result(options, {name: found[name] for name in names if options.json or found[name] != ()})


def _add_convert(commands: Commands) -> None:
    command = add_command(commands, "convert", convert, "save a model for other programs")
    add_model(command)
    command.add_argument("--to", choices=("huggingface", "gguf"), required=True, help="a folder, or a .gguf file")
    command.add_argument("--out", type=nonempty_path, required=True, metavar="PATH", help="it must not exist yet")
    command.add_argument(
        "--weights", choices=("float32", "float16", "q8_0"), default="float16", help="q8_0: 8-bit, only for gguf"
    )


def convert(options: argparse.Namespace) -> None:
    from engine.model.bundled import find
    from engine.model.opening import finish
    from engine.model.saving import saving

    with ProgressLine() as line:

        def report(share: float) -> None:
            line.show(lambda: sentence("progress.percent", what=sentence("progress.saving"), percent=percent(share)))

        saved = finish(saving(find(options.model), Path(options.out), options.to, options.weights), report)
    print_result(options, asdict(saved))


def logits(options: argparse.Namespace) -> None:
    import torch

    from engine.model.bundled import find
    from engine.model.opening import load_transformer

    model = load_transformer(find(options.model), weights=options.weights)
    most = model.config.vocabulary - 1
    try:
        ids = [int(number) for number in options.ids.split(",")]
    except ValueError:
        ids = []
    if not ids or not 0 <= min(ids) <= max(ids) <= most:
        raise EngineError("error.ids", ids=options.ids[:80], most=most)
    check_length(model, ids)
    with torch.inference_mode():
        logits_TV = model(torch.tensor([ids]))[0].float().numpy()
    write_arrays(options, {"logits": logits_TV})
