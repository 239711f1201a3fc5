"""Write a model as a GGUF file that llama.cpp opens: the reverse of gguf.py, by its tables."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.files import replacing
from engine.gguf_header import GGUF, Stored
from engine.messages.saving import SavedModel
from engine.model import gguf
from engine.model.checkpoint import weights_of
from engine.model.config import ModelConfig
from engine.model.expressing import differences, not_expressible
from engine.model.huggingface import split
from engine.model.rotary import rotary_frequencies
from engine.model.transformer import Transformer
from engine.text.gguf_tokenizer_saving import gguf_values
from engine.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

Values = dict[str, Any]
ARCHITECTURES = {family: architecture for architecture, (family, _) in gguf.FAMILIES.items()} | {"mistral": "llama"}
FILE_TYPES = {"float32": ("F32", 0), "float16": ("F16", 1), "q8_0": ("Q8_0", 7)}  # with the numbers of llama.h
ROWS = 32  # a row of Q8_0 is of blocks of so many numbers


def saving(
    source: Path,
    target: Path,
    config: ModelConfig,
    tensors: Iterator[tuple[str, Tensor]],
    tokenizer: Tokenizer,
    weights: str,
) -> Generator[float, None, SavedModel]:
    """Write the file, yield the share that is done, and return what was saved; see saving.saving."""
    architecture = ARCHITECTURES.get(config.family)
    if architecture is None:
        raise EngineError("error.no_gguf_family", family=config.family)
    config = replace(config, family=gguf.FAMILIES[architecture][0])
    shapes, factors = shapes_of(config), _rope_factors(config)
    parts = [part for name, shape in shapes.items() for part in _parts(name, torch.empty(shape, device="meta"), config)]
    values = _metadata(config, architecture)
    values |= gguf_values(source, tokenizer, config.vocabulary, config.stop_ids, architecture)
    _check(config, values, parts, bool(factors), target)
    about: Values = {"general.name": source.stem if source.is_file() else source.name}
    about |= {"general.file_type": FILE_TYPES[weights][1], "general.quantization_version": 2}
    with replacing(target) as temporary:
        writer = _begin(temporary, architecture, about | values)
        try:
            for name, numbers in factors.items():
                _announce(writer, name, numbers.shape, "F32")
            for name, part in parts:
                _announce(writer, name, tuple(part.shape), _kind(name, tuple(part.shape), weights))
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            for numbers in factors.values():
                writer.write_tensor_data(numbers)
            for done, (name, tensor) in enumerate(tensors, 1):
                for theirs, part in _parts(name, tensor, config):
                    writer.write_tensor_data(_stored(theirs, part, weights))
                yield done / len(shapes)
        finally:
            writer.close()
        size = temporary.stat().st_size
    return SavedModel(str(target), architecture, size)


def shapes_of(config: ModelConfig) -> dict[str, torch.Size]:
    """Return the shapes of all parameters, by our names."""
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in weights_of(Transformer(config)).items()}


def converted(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as `dtype`. Raises EngineError error.weights_too_large for numbers that it cannot hold."""
    result = tensor.to(dtype).contiguous()
    if result.isinf().any() and not tensor.isinf().any():
        raise EngineError("error.weights_too_large", tensor=name)
    return result


def _parts(name: str, tensor: Tensor, config: ModelConfig) -> list[tuple[str, Tensor]]:
    return [gguf.as_stored(source, part, config) for source, part in split(name, tensor, config)]


def _check(config: ModelConfig, values: Values, parts: list[tuple[str, Tensor]], has_factors: bool, path: Path) -> None:
    """Raise EngineError error.not_expressible if the metadata describe another model; factors are not compared."""
    tensors = {name: Stored(path, (0, 0), "F32", tuple(part.shape), 0, 0) for name, part in parts}
    back = replace(gguf.config_from(GGUF(path, values, tensors)), stop_ids=config.stop_ids)
    if has_factors:
        config, back = replace(config, rope_scaling=None), replace(back, rope_scaling=None)
    missing = differences(config, back)
    if missing:
        raise not_expressible(config, missing[0])


# --- Metadata -------------------------------------------------------------------------------------


def _metadata(config: ModelConfig, architecture: str) -> Values:
    """Return the settings that gguf.config_from reads."""
    norm = "layer_norm" if config.norm == "layer" else "layer_norm_rms"
    values: Values = {
        "vocab_size": config.vocabulary,
        "block_count": config.n_layers,
        "context_length": config.context,
        "embedding_length": config.width,
        "feed_forward_length": config.mlp_width,
        "attention.head_count": config.n_heads,
        f"attention.{norm}_epsilon": float(config.norm_epsilon),
    }
    if config.positions == "rotary":
        values |= {"rope.dimension_count": config.rotated_features, "rope.freq_base": float(config.rope_theta)}
        values |= _scaling(config)
    if config.norm == "rms":
        values |= {"attention.head_count_kv": config.n_kv_heads}
        values |= {f"attention.{part}_length": config.head_width for part in ("key", "value")}
    if config.family == "gpt_neox":
        values["use_parallel_residual"] = config.parallel
    if config.windows:
        values["attention.sliding_window"] = max(config.windows)
    if config.score_cap:
        values["attn_logit_softcapping"] = float(config.score_cap)
    if config.logit_cap:
        values["final_logit_softcapping"] = float(config.logit_cap)
    if config.family == "gemma3_text":
        every = next((i + 1 for i, window in enumerate(config.layer_windows) if not window), config.n_layers + 1)
        values |= {"attention.sliding_window_pattern": every, "rope.freq_base_swa": float(config.local_rope_theta)}
    return {"general.architecture": architecture} | {f"{architecture}.{name}": v for name, v in values.items()}


def _scaling(config: ModelConfig) -> Values:
    scaling = config.rope_scaling
    if scaling is None or (scaling.kind in ("llama3", "longrope") and config.family != "phi3"):
        return {}  # their factors are a tensor
    original = {"rope.scaling.original_context_length": scaling.original_context}
    if scaling.kind == "longrope":
        return original | {"rope.scaling.attn_factor": float(scaling.attention_factor)}
    values: Values = {"rope.scaling.type": scaling.kind, "rope.scaling.factor": float(scaling.factor)}
    if scaling.kind == "linear":
        return values
    beta = {f"rope.scaling.yarn_beta_{name}": float(getattr(scaling, f"beta_{name}")) for name in ("fast", "slow")}
    return values | original | beta


def _rope_factors(config: ModelConfig) -> dict[str, NDArray[np.float32]]:
    """Return the tensors with a divisor for each rotary frequency. Raises EngineError error.not_expressible."""
    scaling = config.rope_scaling
    if scaling is None or scaling.kind not in ("llama3", "longrope"):
        return {}
    if config.family == "phi3":
        named = {gguf.SHORT_FACTORS: scaling.short_factors, gguf.LONG_FACTORS: scaling.long_factors}
        return {name: np.array(factors, np.float32) for name, factors in named.items()}
    if scaling.short_factors != scaling.long_factors or scaling.attention_factor != 1.0:
        raise not_expressible(config, "rope_scaling")
    factors = rotary_frequencies(replace(config, rope_scaling=None)) / rotary_frequencies(config)
    return {gguf.ROPE_FACTORS: factors.astype(np.float32)}


def _begin(path: Path, architecture: str, values: Values) -> "GGUFWriter":
    from gguf import GGUFValueType, GGUFWriter

    writer = GGUFWriter(path, architecture)
    for name, value in values.items():
        if isinstance(value, list):
            writer.add_array(name, value)
        elif name != "general.architecture":
            is_integer = type(value) is int
            writer.add_key_value(name, value, GGUFValueType.UINT32 if is_integer else GGUFValueType.get_type(value))
    return writer


# --- Tensors --------------------------------------------------------------------------------------


def _kind(name: str, shape: tuple[int, ...], weights: str) -> str:
    """Return the type of a tensor: vectors and positions stay F32, and rows that are no whole blocks F16."""
    if len(shape) == 1 or name == "position_embd.weight":
        return "F32"
    return "F16" if weights == "q8_0" and shape[-1] % ROWS else FILE_TYPES[weights][0]


def _type(kind: str) -> "GGMLQuantizationType":
    from gguf import GGMLQuantizationType

    return GGMLQuantizationType[kind]


def _announce(writer: "GGUFWriter", name: str, shape: tuple[int, ...], kind: str) -> None:
    """Add a tensor to the header of the file."""
    from gguf import quant_shape_to_byte_shape

    bytes_shape = quant_shape_to_byte_shape(shape, _type(kind))
    size = int(np.prod(bytes_shape))
    writer.add_tensor_info(name, bytes_shape, np.dtype(np.uint8), size, _type(kind))


def _stored(name: str, tensor: Tensor, weights: str) -> NDArray[Any]:
    """Return a tensor as it is stored."""
    kind = _kind(name, tuple(tensor.shape), weights)
    if kind != "Q8_0":
        return converted(name, tensor, torch.float16 if kind == "F16" else torch.float32).numpy()
    from gguf import quantize

    blocks: NDArray[np.uint8] = quantize(tensor.contiguous().numpy(), _type(kind))
    return blocks
