"""Save a model for other programs, as a folder of `transformers`: whole or not at all.

Parameters are read, converted and written one at a time, so that the model is never in memory as a whole.
"""

import json
import math
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import EngineError, not_written
from engine.messages.saving import SavedModel
from engine.model.checkpoint import CONFIG, WEIGHTS, weights_of, write_json
from engine.model.config import ModelConfig
from engine.model.expressing import config_json
from engine.model.huggingface import split
from engine.model.opening import read_weights
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer
from engine.text.tokenizer_saving import folder_files, roles_of

TYPES = {"float32": (torch.float32, "F32"), "float16": (torch.float16, "F16")}


def saving(
    source: Path, target: Path, form: str, weights: str, replace: bool = False
) -> Generator[float, None, SavedModel]:
    """Save a model as a folder of `transformers`, yield the share that is done, 0..1, and return what was saved.

    Closing the generator leaves nothing behind. Raises EngineError: error.target_exists, error.not_expressible,
    error.weights_too_large, error.not_written, and as `read_weights` and Tokenizer.load.
    """
    if target.exists():
        raise EngineError("error.target_exists", file=str(target))
    config, tensors = read_weights(source)
    meant, values = config_json(config)
    tokenizer = Tokenizer.load(source)
    try:
        roles = {f"{role}_token_id": token for role, token in roles_of(source).items() if role in ("bos", "pad")}
        with _whole_folder(target) as folder:
            for name, content in folder_files(source, tokenizer, config.context).items():
                (folder / name).write_bytes(content)
            write_json(folder / CONFIG, values | roles | {"torch_dtype": weights})
            yield from _write_safetensors(folder / WEIGHTS, meant, tensors, weights)
            size = sum(path.stat().st_size for path in folder.iterdir())
    except OSError as error:
        raise not_written(target, error) from error
    return SavedModel(str(target), meant.family, size)


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder that is renamed to `target` when the block ends, and deleted if it raises."""
    temporary = target.with_name(f"{target.name}.{os.getpid()}.part")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_safetensors(
    path: Path, config: ModelConfig, tensors: Iterator[tuple[str, Tensor]], weights: str
) -> Generator[float, None, None]:
    """Write the file as the library does (github.com/huggingface/safetensors, "Format"), one tensor at a time."""
    dtype, kind = TYPES[weights]
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in weights_of(Transformer(config)).items()}
        parts = {name: list(split(name, torch.empty(shape), config)) for name, shape in shapes.items()}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for full, part in (part for name in shapes for part in parts[name]):
        start, end = end, end + math.prod(part.shape) * dtype.itemsize
        header[full] = {"dtype": kind, "shape": list(part.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for done, (expected, (name, tensor)) in enumerate(zip(shapes, tensors, strict=True)):
            assert name == expected
            for full, part in split(name, tensor, config):
                file.write(_converted(full, part, dtype).numpy().tobytes())
            yield (done + 1) / len(shapes)
        file.flush()
        os.fsync(file.fileno())


def _converted(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as `dtype`. Raises EngineError error.weights_too_large for numbers that it cannot hold."""
    converted = tensor.to(dtype).contiguous()
    if converted.isinf().any() and not tensor.isinf().any():
        raise EngineError("error.weights_too_large", tensor=name)
    return converted
