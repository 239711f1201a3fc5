"""Open a model: a folder of Nakami's own, or a folder or GGUF file of a supported family."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine import gguf_header
from engine.errors import EngineError
from engine.messages.models import ModelInfo, WeightsForm
from engine.model import gguf, huggingface
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
from engine.model.eight_bit import EightBitLinear
from engine.model.families import config_from
from engine.model.half import MOST_SMALL, CompactLinear, HalfLinear, is_faster
from engine.model.memory import free_memory, return_freed_memory
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer

BUILTIN = Path(__file__).parent.parent.parent / "assets" / "model"  # comes with Nakami, made by engine/builtin.py
FORMS: dict[str, type[CompactLinear]] = {form.name: form for form in (HalfLinear, EightBitLinear)}
S = TypeVar("S")
T = TypeVar("T")


def load_model(
    path: Path,
    device: str = "cpu",
    report: Callable[[float], None] = lambda share: None,
    weights: WeightsForm = "float32",
) -> tuple[Transformer, Tokenizer]:
    """Load model and tokenizer; `report` gets the share that is done, 0..1. Raises as `loading`."""
    return finish(loading(path, device, weights), report)


def loading(
    path: Path, device: str = "cpu", weights: WeightsForm = "float32"
) -> Generator[float, None, tuple[Transformer, Tokenizer]]:
    """Load model and tokenizer, yield the share that is done, 0..1, and return both.

    With `weights` "float16" or "int8", the matrices of a large model of others are kept so if this computer is
    faster that way.
    Raises as `load_transformer` and Tokenizer.load.
    """
    config = read_config(path)
    tokenizer = Tokenizer.load(path)
    fits = tokenizer.vocabulary == config.vocabulary or config.family != "nakami"
    if not fits:
        raise EngineError("error.model_damaged", file=str(path / "tokenizer.json"))
    return (yield from _loading(path, device, weights)), tokenizer


def load_transformer(
    path: Path,
    device: str = "cpu",
    report: Callable[[float], None] = lambda share: None,
    weights: WeightsForm = "float32",
) -> Transformer:
    """Load the model without its tokenizer.

    Raises EngineError: error.model_missing, error.model_damaged, error.model_mismatch, error.model_memory,
    and as ModelConfig.check, families.py, huggingface.py, gguf_header.read and gguf.py.
    """
    return finish(_loading(path, device, weights), report)


def _loading(path: Path, device: str, weights: WeightsForm = "float32") -> Generator[float, None, Transformer]:
    config, files = _config_and_tensors(path)
    if files is not None:
        huggingface.Weights(files, config)  # tensors of another shape are reported before a lack of memory
        storage = _storage(files, config, weights if device == "cpu" else "float32")
        model = yield from huggingface.load_transformer(files, config, storage.dtype, storage.form)
        return_freed_memory()
        return model.to(device)
    model = Transformer(config)
    model.load_state_dict(_own_tensors(path, config), strict=False)
    return model.to(device)


def read_weights(path: Path) -> tuple[ModelConfig, Iterator[tuple[str, Tensor]]]:
    """Return a model's config, and an iterator over its parameters in float32, one at a time in memory.

    Raises as `load_transformer`.
    """
    config, files = _config_and_tensors(path)
    if files is not None:
        return config, huggingface.Weights(files, config).read(torch.float32)
    return config, ((name, tensor.float()) for name, tensor in _own_tensors(path, config).items())


def _own_tensors(path: Path, config: ModelConfig) -> dict[str, Tensor]:
    """Return the parameters in a folder of Nakami's own."""
    with torch.device("meta"):
        expected = weights_of(Transformer(config))
    tensors = current_names(read_tensors(path / WEIGHTS)[0])
    _compare(path / WEIGHTS, tensors, expected)
    return {name: tensors[name] for name in expected}


def finish(steps: Generator[S, None, T], report: Callable[[S], object] = lambda _: None) -> T:
    """Run a generator to its end, and return what it returns."""
    while True:
        try:
            report(next(steps))
        except StopIteration as end:
            value: T = end.value
            return value


def _config_and_tensors(path: Path) -> tuple[ModelConfig, huggingface.TensorFiles | None]:
    """Return a model's config, and its tensors if it is not one of Nakami."""
    if path.is_file():
        header = gguf_header.read(path, texts=False)
        config = gguf.config_from(header)
        return config, gguf.Tensors(header, config)
    config = read_config(path)
    return config, None if is_own(read_json(path / CONFIG)) else huggingface.Safetensors(path)


def read_config(path: Path) -> ModelConfig:
    """Return the config of a folder or a GGUF file. Raises as `load_transformer`."""
    if path.is_file():
        return gguf.config_from(gguf_header.read(path, texts=False))
    if not (path / CONFIG).is_file():
        raise EngineError("error.model_missing", folder=str(path))
    values = read_json(path / CONFIG)
    return ModelConfig.from_json(values) if is_own(values) else config_from(values, path)


def is_own(values: Mapping[str, Any]) -> bool:
    """Return whether a config.json is of Nakami's format, which a tuned model of any family is saved in."""
    return "vocabulary" in values


def describe(path: Path, training: bool = False, weights: WeightsForm = "float32") -> ModelInfo:
    """Describe the model in a folder or a GGUF file without loading it. Raises as `load_transformer`."""
    config, files = _config_and_tensors(path)
    step, storage = 0, Storage(torch.float32, None, 4 * config.parameters())
    if files is None:
        step, unused = _step_and_unused(path / WEIGHTS, config)
    else:
        unused = huggingface.Weights(files, config).unused
        storage = _storage(files, config, weights)
    return ModelInfo(
        name=_name(path, files),
        folder=str(path),
        family=config.family,
        parameters=config.parameters(),
        layers=config.n_layers,
        heads=config.n_heads,
        width=config.width,
        context=config.context,
        vocabulary=config.vocabulary,
        bytes=storage.bytes,
        weights=storage.name,
        file_bits=files.bits() if isinstance(files, gguf.Tensors) else 0.0,
        step=step,
        training=training,
        resumable=(path / STATE).is_file(),
        unused=unused,
    )


def _name(path: Path, files: huggingface.TensorFiles | None) -> str:
    """Return the name of a model: that of its file or folder, unless the file has a number for a name, as in Ollama."""
    if isinstance(files, gguf.Tensors):
        return path.stem if path.suffix == ".gguf" else files.title
    return path.name


@dataclass(frozen=True)
class Storage:
    """How a model's weights are kept."""

    dtype: torch.dtype  # of the tensors
    form: type[CompactLinear] | None  # of matrices that are kept in fewer bits than they are computed with
    bytes: int

    @property
    def name(self) -> str:
        return self.form.name if self.form else str(self.dtype).removeprefix("torch.")


def _storage(files: huggingface.TensorFiles, config: ModelConfig, weights: WeightsForm) -> Storage:
    """Return the form that is wanted if it is faster, float32 if there is memory, or a 16-bit type.

    Raises EngineError error.model_memory.
    """
    count, have = config.parameters(), free_memory()
    choices = [Storage(torch.float32, None, 4 * count)]
    form = FORMS.get(weights)
    if form and count > MOST_SMALL and _is_faster(weights):
        table = config.vocabulary * config.width  # the embedding; a tied head is kept beside it
        matrices = count if config.tied_head else count - table
        choices = [Storage(torch.float32, form, form.bytes_per_weight * matrices + 2 * table)]
    elif files.halved is not None:
        choices.append(Storage(files.halved, None, 2 * count))
    if have is None:
        return choices[0]
    for storage in choices:
        if storage.bytes <= have:
            return storage
    raise EngineError("error.model_memory", need=f"{choices[-1].bytes / 2**30:.1f}", have=f"{have / 2**30:.1f}")


@cache
def _is_faster(weights: WeightsForm) -> bool:
    """Return whether this computer is faster with weights of this form; it is measured once."""
    return is_faster(FORMS[weights])


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
