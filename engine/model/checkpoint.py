"""Save and read a model's folder: config.json, model.safetensors, tokenizer.json, and a run's state and log.

Every file is written whole under another name and then renamed, so that a kill at any moment leaves a
readable folder. A run is resumed from one file with its own copy of the weights, so that weights and optimizer
are always of the same step; model.safetensors is for inference.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import EngineError, not_written
from engine.files import replacing
from engine.model.lora import merged_state
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer

CONFIG, WEIGHTS, STATE = "config.json", "model.safetensors", "training.safetensors"
SCALE = ".scale"  # after the name of a tensor stored as int8: the tensor with its scales
OLD_NAMES = {"head.weight": "unembedding.weight"}


def save_model(folder: Path, model: Transformer, tokenizer: Tokenizer, step: int) -> None:
    """Save a model as a folder. Raises EngineError error.not_written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(folder)
        write_json(folder / CONFIG, {"format": 1, **model.config.to_json()})
        save_weights(folder, model, step)
    except OSError as error:
        raise not_written(folder, error) from error


def save_weights(folder: Path, model: Transformer, step: int) -> None:
    """Replace the weights in a model's folder. Raises EngineError error.not_written."""
    write_tensors(folder / WEIGHTS, weights_of(model), {"step": str(step)})


def weights_of(model: Transformer) -> dict[str, Tensor]:
    """Return the parameters by name, without the unembedding if it is tied to the embedding.

    A low-rank adaptation is merged into its matrices.
    """
    tied = {"unembedding.weight"} if model.config.tied_head else set()
    return {name: tensor for name, tensor in merged_state(model).items() if name not in tied}


def current_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters with the names of earlier versions replaced by the present ones."""
    return {OLD_NAMES.get(name, name): tensor for name, tensor in tensors.items()}


# --- Reading and writing files --------------------------------------------------------------------


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write one JSON object. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return an object from a JSON file. Raises EngineError error.model_damaged."""
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError("error.model_damaged", file=str(path)) from error
    if not isinstance(values, dict):
        raise EngineError("error.model_damaged", file=str(path))
    return values


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> None:
    """Write a safetensors file with string metadata `about`. Raises EngineError error.not_written."""
    whole = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    try:
        with replacing(path) as temporary:
            save_file(whole, temporary, metadata=about)
    except (OSError, SafetensorError) as error:
        raise not_written(path.parent, error) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file, those of `to_int8` as float32, and its metadata.

    Raises EngineError error.model_damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _from_int8(stored), file.metadata() or {}
    except (OSError, SafetensorError, ValueError) as error:
        raise EngineError("error.model_damaged", file=str(path)) from error


def to_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors in a quarter of their size, rounded to 8 bits, for `write_tensors`; `read_tensors` reads them.

    Each tensor of shape (…, rows, columns) is stored as integers from −127 to 127 under its name, and under its name
    with SCALE as float32 numbers of shape (…, rows, 1). Their product is the tensor: an error of at most 1/254 of the
    largest magnitude in a row.
    """
    stored = {}
    for name, tensor in tensors.items():
        largest = tensor.float().abs().amax(-1, keepdim=True)
        scales = torch.where(largest > 0, largest / 127, 1.0)  # a row of zeros stays one
        stored[name], stored[name + SCALE] = (tensor / scales).round().to(torch.int8), scales
    return stored


def _from_int8(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with those of `to_int8` multiplied by their scales. Raises ValueError if the shapes differ."""
    rounded = {name for name, tensor in stored.items() if tensor.dtype == torch.int8 and name + SCALE in stored}
    for name in rounded:
        scales = stored.pop(name + SCALE)
        if scales.shape != (*stored[name].shape[:-1], 1) or not scales.is_floating_point():
            raise ValueError(f"{name} does not have one scale a row")
        stored[name] = stored[name] * scales.float()
    return stored
