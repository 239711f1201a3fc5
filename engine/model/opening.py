"""Open a model's folder: one that Nakami has trained, or one of a supported family."""

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import EngineError
from engine.messages.models import ModelInfo
from engine.model import huggingface
from engine.model.checkpoint import (
    CONFIG,
    OLD_NAMES,
    STATE,
    WEIGHTS,
    current_names,
    read_json,
    read_tensors,
    weights_of,
)
from engine.model.config import ModelConfig
from engine.model.families import config_from
from engine.model.memory import free_memory
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer

T = TypeVar("T")

BUILTIN = Path(__file__).parent.parent.parent / "assets" / "model"  # comes with Nakami, made by engine/builtin.py


def load_model(folder: Path, device: str = "cpu") -> tuple[Transformer, Tokenizer]:
    """Load model and tokenizer. Raises as `loading`."""
    return _result(loading(folder, device))


def loading(folder: Path, device: str = "cpu") -> Generator[float, None, tuple[Transformer, Tokenizer]]:
    """Load model and tokenizer, yield the share that is done, 0..1, and return both.

    Raises as `load_transformer`, and error.no_tokenizer.
    """
    config = read_config(folder)
    tokenizer = Tokenizer.load(folder)
    fits = tokenizer.vocabulary == config.vocabulary or config.family != "nakami"
    if not fits:
        raise EngineError("error.model_damaged", file=str(folder / "tokenizer.json"))
    return (yield from _loading(folder, device)), tokenizer


def load_transformer(folder: Path, device: str = "cpu") -> Transformer:
    """Load the model without its tokenizer.

    Raises EngineError: error.model_missing, error.model_damaged, error.model_mismatch, error.model_memory,
    and as ModelConfig.check, families.py and huggingface.py.
    """
    return _result(_loading(folder, device))


def _loading(folder: Path, device: str) -> Generator[float, None, Transformer]:
    config = read_config(folder)
    if config.family != "nakami":
        files = huggingface.Safetensors(folder)
        model = yield from huggingface.load_transformer(files, config, _precision(files, config))
        return model.to(device)
    with torch.device("meta"):
        expected = weights_of(Transformer(config))
    tensors = current_names(read_tensors(folder / WEIGHTS)[0])
    _compare(folder / WEIGHTS, tensors, expected)
    model = Transformer(config)
    model.load_state_dict(tensors, strict=False)
    return model.to(device)


def _result(steps: Generator[float, None, T]) -> T:
    """Return what a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value


def read_config(folder: Path) -> ModelConfig:
    path = folder / CONFIG
    if not path.is_file():
        raise EngineError("error.model_missing", folder=str(folder))
    values = read_json(path)
    if "vocabulary" in values:
        return ModelConfig.from_json(values)
    return config_from(values, folder)


def describe(folder: Path, training: bool = False) -> ModelInfo:
    """Describe the model in a folder without loading it. Raises as `load_transformer`."""
    config = read_config(folder)
    step = 0
    if config.family == "nakami":
        step, unused = _step_and_unused(folder / WEIGHTS, config)
        memory = 4 * config.parameters()
    else:
        files = huggingface.Safetensors(folder)
        unused = huggingface.Weights(files, config).unused
        memory = _precision(files, config).itemsize * config.parameters()
    return ModelInfo(
        name=folder.name,
        folder=str(folder),
        family=config.family,
        parameters=config.parameters(),
        layers=config.n_layers,
        heads=config.n_heads,
        width=config.width,
        context=config.context,
        vocabulary=config.vocabulary,
        bytes=memory,
        step=step,
        training=training,
        resumable=(folder / STATE).is_file(),
        unused=unused,
    )


def _precision(files: huggingface.TensorFiles, config: ModelConfig) -> torch.dtype:
    """Return float32 if there is memory for it, else the 16-bit type on disk.

    Raises EngineError: error.model_memory, and as huggingface.Weights.
    """
    huggingface.Weights(files, config)
    types = files.types
    have = free_memory()
    if have is None or 4 * config.parameters() <= have:
        return torch.float32
    if len(types) == 1 and "F32" not in types and 2 * config.parameters() <= have:
        return huggingface.FLOATS[next(iter(types))]
    need = (4 if "F32" in types else 2) * config.parameters()
    raise EngineError("error.model_memory", need=f"{need / 2**30:.1f}", have=f"{have / 2**30:.1f}")


def _step_and_unused(path: Path, config: ModelConfig) -> tuple[int, tuple[str, ...]]:
    """Return the training step of a model of Nakami, and the names of tensors that are no part of the model."""
    with torch.device("meta"):
        expected = weights_of(Transformer(config))
    try:
        with safe_open(path, "pt") as file:
            unused = (name for name in sorted(file.keys()) if OLD_NAMES.get(name, name) not in expected)
            return int((file.metadata() or {}).get("step", 0)), tuple(unused)
    except (OSError, SafetensorError, ValueError) as error:
        raise EngineError("error.model_damaged", file=str(path)) from error


def _compare(path: Path, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, tensor in expected.items():
        found = tensors.get(name)
        if found is None or found.shape != tensor.shape or not found.is_floating_point():
            raise EngineError("error.model_mismatch", file=str(path), tensor=name)
