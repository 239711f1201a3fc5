"""What the command line does, one function a command."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.builtin import rebuild
from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.generation.decoding import Reader, decode
from engine.inspection.attention import attention_patterns
from engine.messages.generation import SamplingSettings
from engine.messages.status import Progress
from engine.messages.training import TrainingSettings
from engine.model.opening import describe, load_model, load_transformer
from engine.model.transformer import Transformer
from engine.sentences import sentence
from engine.terminal import MOST, ProgressLine, check_range, clock, print_result
from engine.text.reading import inspect, read_all
from engine.text.world.stream import stream
from engine.training.evaluation import evaluate as evaluate_model
from engine.training.recipe import presets_for
from engine.training.run import Run
from engine.training.trainer import TrainStep

MOST_MEGABYTES = 10_000.0


def train(options: argparse.Namespace) -> None:
    folder = Path(options.out)
    if options.resume:
        run = Run.resume(folder)
    elif not options.files:
        raise EngineError("error.no_text_named")
    else:
        run = Run.start(options.files, folder, _settings(options))
    last = None
    with ProgressLine() as line:
        if options.resume and (others := _others(options, run.settings)):
            line.show(sentence("progress.resumed", settings=", ".join(others)), final=True)
        for progress in run.prepare():
            line.show(_preparing(progress))
        steps = run.steps()
        try:
            for step in steps:
                if step is not None:
                    last = step
                    line.show(_describe(step), final=step.fraction >= 1.0)
        except KeyboardInterrupt:
            steps.close()
            line.show(sentence("progress.stopped", folder=str(folder)), final=True)
    last_loss = run.last_losses()
    result = {
        "model": str(folder),
        "steps": run.trainer.step,
        "tokens": run.trainer.tokens,
        "seconds": round(run.trainer.seconds, 2),
        "train_loss": last_loss[0],
        "val_loss": last_loss[1],
    }
    if last is None and run.trainer.step == 0:
        raise EngineError("error.nothing_learned")
    print_result(options, result)


def _settings(options: argparse.Namespace) -> TrainingSettings:
    """A preset, with what was named beside it."""
    preset = presets_for(inspect(tuple(options.files)).characters)[options.preset or "30s"]
    named = _named(options)
    return replace(preset, **(named | {"seconds": None} if "steps" in named else named))


def _named(options: argparse.Namespace) -> dict[str, Any]:
    names = [field.name for field in fields(TrainingSettings)]
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _others(options: argparse.Namespace, settings: TrainingSettings) -> list[str]:
    """What was named and is not so in the run that is continued."""
    return [name for name, value in _named(options).items() if value != getattr(settings, name)]


def _preparing(progress: Progress) -> str:
    return sentence(progress.key) + ("" if progress.fraction is None else f" {progress.fraction:.0%}")


def _describe(step: TrainStep) -> str:
    return sentence(
        "progress.training",
        step=f"{step.step:,}",
        percent=f"{step.fraction:.0%}",
        loss=f"{step.loss:.3f}",
        speed=f"{step.tokens / max(step.seconds, 1e-9):,.0f}",
        left=clock(step.seconds_left),
    )


def generate(options: argparse.Namespace) -> None:
    check_range(options, "tokens", 0, MOST)
    model, tokenizer = load_model(Path(options.model))
    sampling = SamplingSettings(
        options.repetition_penalty, options.temperature, options.top_k, options.top_p, options.min_p
    )
    reader = Reader(model)
    begun, text, tokens = time.perf_counter(), "", []
    for step in decode(reader, tokenizer, tokenizer.encode(options.prompt), options.tokens, sampling, options.seed):
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
    if options.json:
        print_result(options, {"text": text, "tokens": tokens, "seconds": round(time.perf_counter() - begun, 3)}, "")
    else:
        print()


def tokenize(options: argparse.Namespace) -> None:
    from engine.text.tokenizer import Tokenizer

    found = Tokenizer.load(Path(options.model)).tokens(options.text)
    rows = list(zip(found.ids.tolist(), found.pieces, found.starts.tolist(), found.ends.tolist(), strict=True))
    result = {"tokens": [dict(zip(("id", "piece", "start", "end"), row, strict=True)) for row in rows]}
    print_result(options, result, "\n".join(f"{id}\t{piece!r}\t{start}\t{end}" for id, piece, start, end in rows))


def evaluate(options: argparse.Namespace) -> None:
    model, tokenizer = load_model(Path(options.model))
    result: dict[str, float] = {}
    with ProgressLine() as line:
        for result in evaluate_model(model, tokenizer, "".join(read_all([options.file]))):
            line.show(f"{result['tokens']:,}")
    print_result(options, result, "\n".join(f"{name}: {value:.6g}" for name, value in result.items()))


def open_model(options: argparse.Namespace) -> None:
    info = describe(Path(options.model))
    names = ("family", "parameters", "layers", "heads", "context", "vocabulary", "bytes")
    result = {name: getattr(info, name) for name in names}
    print_result(options, result)


def logits(options: argparse.Namespace) -> None:
    model = load_transformer(Path(options.model))
    most = model.config.vocabulary - 1
    try:
        ids = [int(id) for id in options.ids.split(",")]
    except ValueError:
        ids = []
    if not ids or not all(0 <= id <= most for id in ids):
        raise EngineError("error.ids", ids=options.ids[:80], most=most)
    _check_length(model, ids)
    with torch.inference_mode():
        logits_TV = model(torch.tensor([ids]))[0].float().numpy()
    _write_arrays(options, logits=logits_TV)


def attend(options: argparse.Namespace) -> None:
    model, tokenizer = load_model(Path(options.model))
    ids = tokenizer.encode(options.text)
    if not ids:
        raise EngineError("error.text_empty", file='""')
    _check_length(model, ids)
    tokens = np.array([tokenizer.piece(id) for id in ids])
    _write_arrays(options, weights=attention_patterns(model, ids), tokens=tokens)


def world(options: argparse.Namespace) -> None:
    if not 0 < options.megabytes <= MOST_MEGABYTES:
        raise EngineError(
            "error.config_range", setting="megabytes", value=options.megabytes, least=0, most=MOST_MEGABYTES
        )
    texts = stream(options.megabytes, options.seed)
    if options.json:
        print_result(options, {"text": "".join(texts)}, "")
        return
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]  # the same bytes everywhere
    for text in texts:
        sys.stdout.write(text)


def builtin(options: argparse.Namespace) -> None:
    folder, last = Path(options.out), None
    with ProgressLine() as line:
        for event in rebuild(folder):
            if isinstance(event, TrainStep):
                last = event
                line.show(_describe(event), final=event.fraction >= 1.0)
            else:
                line.show(_preparing(event))
    result: dict[str, Any] = {"model": str(folder / "model"), "word2vec": str(folder / "word2vec")}
    if last is not None:
        result |= {"steps": last.step, "tokens": last.tokens, "seconds": last.seconds, "val_loss": last.validation_loss}
    print_result(options, result)


def _check_length(model: Transformer, ids: list[int]) -> None:
    if len(ids) > model.config.context:
        raise EngineError("error.context_full", have=len(ids), context=model.config.context)


def _write_arrays(options: argparse.Namespace, **arrays: NDArray[Any]) -> None:
    """Whole, or not at all."""
    path = Path(options.out)
    try:
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise not_written(path, error) from error
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    words = "\n".join(f"{name}: {' × '.join(map(str, shape))}" for name, shape in shapes.items())
    print_result(options, {"file": str(path), "shapes": shapes}, words)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "train": train,
    "generate": generate,
    "tokenize": tokenize,
    "evaluate": evaluate,
    "open": open_model,
    "logits": logits,
    "attend": attend,
    "world": world,
    "builtin": builtin,
}
