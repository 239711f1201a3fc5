"""Save a model for other programs, as a folder of `transformers` or a GGUF file: whole or not at all.

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
from engine.model import gguf_saving
from engine.model.checkpoint import CONFIG, WEIGHTS, write_json
from engine.model.config import ModelConfig
from engine.model.expressing import config_json
from engine.model.gguf_saving import converted, shapes_of
from engine.model.huggingface import full_name, split
from engine.model.opening import read_weights
from engine.text.tokenizer import Tokenizer
from engine.text.tokenizer_saving import folder_files, roles_of

TYPES = {"float32": (torch.float32, "F32"), "float16": (torch.float16, "F16")}


def saving(
    source: Path, target: Path, form: str, weights: str, replace: bool = False
) -> Generator[float, None, SavedModel]:
    """Save a model, yield the share that is done, 0..1, and return what was saved.

    Closing the generator leaves nothing behind. Raises EngineError: error.target_exists, error.not_expressible,
    error.weights_too_large, error.weights_form, error.not_written, as `read_weights` and Tokenizer.load, and for
    GGUF error.no_gguf_family and as gguf_values.
    """
    replaced = replace and form == "gguf" and target.is_file() and not target.samefile(source)
    if target.exists() and not replaced:
        raise EngineError("error.target_exists", file=str(target))
    config, tensors = read_weights(source)
    meant, values = config_json(config)
    tokenizer = Tokenizer.load(source)
    try:
        if form == "gguf":
            return (yield from gguf_saving.saving(source, target, meant, tensors, tokenizer, weights))
        if weights not in TYPES:
            raise EngineError("error.weights_form", weights=weights)
        with _whole_folder(target) as folder:
            for name, content in folder_files(source, tokenizer, config.context).items():
                (folder / name).write_bytes(content)
            roles = {f"{role}_token_id": token for role, token in roles_of(source).items() if role in ("bos", "pad")}
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
    shapes = shapes_of(config)
    parts = [part for name, shape in shapes.items() for part in split(name, torch.empty(shape, device="meta"), config)]
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for source, part in parts:
        start, end = end, end + math.prod(part.shape) * dtype.itemsize
        about = {"dtype": kind, "shape": list(part.shape), "data_offsets": [start, end]}
        header[full_name(source, config.family)] = about
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for done, (expected, (name, tensor)) in enumerate(zip(shapes, tensors, strict=True), 1):
            assert name == expected
            for source, part in split(name, tensor, config):
                file.write(converted(source, part, dtype).numpy().tobytes())
            yield done / len(shapes)
        file.flush()
        os.fsync(file.fileno())
