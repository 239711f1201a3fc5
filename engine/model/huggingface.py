"""Models saved by `transformers`: GPT-2, Llama, Mistral, Qwen2 and Qwen3.

config.json becomes a ModelConfig, the tensors of *.safetensors get our names. Nothing is unpickled, and no
code from the folder is run: a folder that needs either is refused with the reason.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.errors import EngineError
from engine.model.config import ModelConfig, RopeScaling
from engine.model.transformer import Transformer

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
Values = dict[str, Any]

# --- config.json ----------------------------------------------------------------------------------


def config_from(values: Values, folder: Path) -> ModelConfig:
    """Return the ModelConfig. Raises as `check`, and error.model_code, error.model_unknown, error.model_setting."""
    _refuse_code(values, folder)
    family = str(values.get("model_type"))
    if family not in FAMILIES:
        named = values.get("architectures")
        name = str(named[0]) if isinstance(named, list) and named else family
        raise EngineError("error.model_unknown", architecture=name, known=", ".join(FAMILIES))
    _refuse(values, "quantization_config", None, {})
    described = FAMILIES[family](values)
    described["norm_epsilon"] = _positive(described["norm_epsilon"], "norm_epsilon")
    config = ModelConfig(family=family, stop_ids=_stop_ids(values, folder), **described)
    config.check()
    return config


def _gpt2(values: Values) -> Values:
    """Radford et al. 2019: learned positions, LayerNorm, a bias everywhere."""
    _refuse(values, "scale_attn_weights", True)
    _refuse(values, "scale_attn_by_inverse_layer_idx", False)
    _refuse(values, "add_cross_attention", False)
    width, heads = _integer(values, "n_embd", 768), _integer(values, "n_head", 12)
    return {
        "vocabulary": _integer(values, "vocab_size", 50257),
        "n_layers": _integer(values, "n_layer", 12),
        "n_heads": heads,
        "n_kv_heads": heads,
        "width": width,
        "head_width": _head_width(width, heads),
        "mlp_width": _integer(values, "n_inner", 4 * width),
        "context": _integer(values, "n_positions", 1024),
        "positions": "learned",
        "norm": "layer",
        "norm_gains": True,
        "norm_epsilon": values.get("layer_norm_epsilon", 1e-5),
        "embedding_norm": False,
        "qk_norm": False,
        "activation": _choice(values, "activation_function", "gelu_new", GELUS),
        "qkv_biases": True,
        "out_biases": True,
        "mlp_biases": True,
        "norm_biases": True,
        "tied_head": bool(values.get("tie_word_embeddings", True)),
    }


def _llama(values: Values) -> Values:
    """Touvron et al. 2023 (arXiv:2302.13971) and its successors: rotary positions, RMSNorm, SwiGLU."""
    _refuse(values, "partial_rotary_factor", 1.0)
    width, heads = _integer(values, "hidden_size", 4096), _integer(values, "num_attention_heads", 32)
    layers = _integer(values, "num_hidden_layers", 32)
    biases = bool(values.get("attention_bias", False))
    theta, scaling = _rope(values)
    return {
        "vocabulary": _integer(values, "vocab_size", 32000),
        "n_layers": layers,
        "n_heads": heads,
        "n_kv_heads": _integer(values, "num_key_value_heads", heads),
        "width": width,
        "head_width": _integer(values, "head_dim", 0) or _head_width(width, heads),
        "mlp_width": _integer(values, "intermediate_size", 11008),
        "context": _integer(values, "max_position_embeddings", 2048),
        "rope_theta": theta,
        "rope_scaling": scaling,
        "norm_gains": True,
        "norm_epsilon": values.get("rms_norm_eps", 1e-6),
        "embedding_norm": False,
        "qk_norm": False,
        "activation": _choice(values, "hidden_act", "silu", {"silu": "swiglu", "swish": "swiglu"}),
        "qkv_biases": biases,
        "out_biases": biases,
        "mlp_biases": bool(values.get("mlp_bias", False)),
        "tied_head": bool(values.get("tie_word_embeddings", False)),
        "windows": _windows(values, layers),
    }


def _mistral(values: Values) -> Values:
    """Jiang et al. 2023 (arXiv:2310.06825): Llama with sliding-window attention."""
    window = _integer(values, "sliding_window", 0 if "sliding_window" in values else 4096)
    described = _llama(values)
    described["windows"] = (window,) * described["n_layers"] if window else ()
    return described | {"qkv_biases": False, "out_biases": False, "mlp_biases": False}


def _qwen2(values: Values) -> Values:
    """Yang et al. 2024 (arXiv:2407.10671): Llama, with biases for queries, keys and values."""
    return _llama(values) | {"qkv_biases": True, "out_biases": False, "mlp_biases": False}


def _qwen3(values: Values) -> Values:
    """Yang et al. 2025 (arXiv:2505.09388): Llama, with queries and keys normalised."""
    return _llama({"head_dim": 128} | values) | {"qk_norm": True, "mlp_biases": False}


FAMILIES: dict[str, Callable[[Values], Values]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
}
GELUS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "gelu_fast": "gelu", "gelu": "gelu_exact", "relu": "relu"}


def _rope(values: Values) -> tuple[float, RopeScaling | None]:
    """Return theta and scaling: from `rope_parameters`, or in older files `rope_theta` and `rope_scaling`."""
    scaling = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if not isinstance(scaling, dict):
        raise EngineError("error.model_setting", setting="rope_scaling", value=str(scaling)[:80])
    theta = _positive(scaling.get("rope_theta", values.get("rope_theta") or 10_000.0), "rope_theta")
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind in ("default", "dynamic"):  # "dynamic" changes nothing within the context of pre-training
        return theta, None
    if kind not in ("linear", "llama3"):
        raise EngineError("error.model_setting", setting="rope_scaling", value=str(kind)[:80])
    given = {"factor": scaling.get("factor")}
    if kind == "llama3":
        given["low_freq_factor"] = scaling.get("low_freq_factor")
        given["high_freq_factor"] = scaling.get("high_freq_factor")
        given["original_context"] = scaling.get("original_max_position_embeddings")
    return theta, RopeScaling(kind, **{name: _positive(value, name) for name, value in given.items()})


def _windows(values: Values, layers: int) -> tuple[int, ...]:
    """Return each layer's window; in the Qwen families, upper layers may have one."""
    if not values.get("use_sliding_window"):
        return ()
    window = _integer(values, "sliding_window", 4096)
    from_layer = _integer(values, "max_window_layers", 28)
    kinds = values.get("layer_types")
    if not isinstance(kinds, list) or len(kinds) != layers:
        kinds = ["sliding_attention" if i >= from_layer else "full_attention" for i in range(layers)]
    return tuple(window if kind == "sliding_attention" else 0 for kind in kinds)


def _stop_ids(values: Values, folder: Path) -> tuple[int, ...]:
    """Return the stop tokens, from generation_config.json if it has them, as `transformers` does."""
    try:
        generation = json.loads((folder / "generation_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        generation = {}
    ids = generation.get("eos_token_id") if isinstance(generation, dict) else None
    ids = values.get("eos_token_id") if ids is None else ids
    return tuple(i for i in (ids if isinstance(ids, list) else [ids]) if type(i) is int and i >= 0)


def _refuse_code(values: Values, folder: Path) -> None:
    try:
        tokenizer = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        tokenizer = {}
    for file, described in (("config.json", values), ("tokenizer_config.json", tokenizer)):
        if isinstance(described, dict) and (described.get("auto_map") or described.get("custom_pipelines")):
            raise EngineError("error.model_code", file=str(folder / file))


def _refuse(values: Values, name: str, *allowed: object) -> None:
    """Raise error.model_setting if `name` has a value that is not supported."""
    if name in values and values[name] not in allowed:
        raise EngineError("error.model_setting", setting=name, value=str(values[name])[:80])


def _integer(values: Values, name: str, default: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    if type(value) is not int or value < 0:
        raise EngineError("error.model_setting", setting=name, value=str(value)[:80])
    return value


def _positive(value: object, name: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise EngineError("error.model_setting", setting=name, value=str(value)[:80])
    return value


def _head_width(width: int, heads: int) -> int:
    if not heads or width % heads:
        raise EngineError("error.heads_divide", heads=heads, width=width)
    return width // heads


def _choice(values: Values, name: str, default: str, known: dict[str, str]) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or value not in known:
        raise EngineError("error.model_setting", setting=name, value=str(value)[:80])
    return known[value]


# --- The tensors ----------------------------------------------------------------------------------

# Our module -> theirs, stacked if there are several. {} is the layer.
GPT2_MODULES = {
    "embedding": ("wte",),
    "positions": ("wpe",),
    "blocks.{}.attention_norm": ("h.{}.ln_1",),
    "blocks.{}.attention.qkv": ("h.{}.attn.c_attn",),
    "blocks.{}.attention.out": ("h.{}.attn.c_proj",),
    "blocks.{}.mlp_norm": ("h.{}.ln_2",),
    "blocks.{}.mlp.up": ("h.{}.mlp.c_fc",),
    "blocks.{}.mlp.down": ("h.{}.mlp.c_proj",),
    "final_norm": ("ln_f",),
    "unembedding": ("lm_head",),
}
LLAMA_MODULES = {
    "embedding": ("embed_tokens",),
    "blocks.{}.attention_norm": ("layers.{}.input_layernorm",),
    "blocks.{}.attention.qkv": tuple(f"layers.{{}}.self_attn.{part}_proj" for part in "qkv"),
    "blocks.{}.attention.q_norm": ("layers.{}.self_attn.q_norm",),
    "blocks.{}.attention.k_norm": ("layers.{}.self_attn.k_norm",),
    "blocks.{}.attention.out": ("layers.{}.self_attn.o_proj",),
    "blocks.{}.mlp_norm": ("layers.{}.post_attention_layernorm",),
    "blocks.{}.mlp.up": ("layers.{}.mlp.gate_proj", "layers.{}.mlp.up_proj"),
    "blocks.{}.mlp.down": ("layers.{}.mlp.down_proj",),
    "final_norm": ("norm",),
    "unembedding": ("lm_head",),
}
# Buffers that some versions save: masks, the frequencies of rotary positions, and the numbers of the positions.
BUFFERS = re.compile(r"(.*\.attn\.(bias|masked_bias)|.*rotary_emb\.inv_freq|(.*\.)?position_ids|rope\.freqs)")
HEAD = "lm_head.weight"  # of a tied model it may be saved although it is the embedding
ADAPTER = "adapter_model.safetensors"  # changes of the weights that `peft` would add
PREFIXES = re.compile(r"^(transformer|model)\.")


class TensorFiles(Protocol):
    """Tensors in files, under the names that `transformers` gives them, without prefix."""

    path: Path  # the folder or file, for messages
    shapes: dict[str, tuple[int, ...]]
    types: set[str]  # those of the stored numbers: "F32", "BF16", "Q4_K"

    def read(self, name: str) -> Tensor:
        """Return a tensor of floats."""
        ...


class Safetensors:
    """The tensors in a folder's *.safetensors, memory-mapped: a tensor is read when it is first used.

    Creating it reads only the headers of the files.
    Raises EngineError: error.model_pickled, error.model_no_weights, error.model_shard, error.model_damaged,
    error.model_type.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.types: set[str] = set()
        self._files: dict[str, tuple[Path, str]] = {}  # name without prefix -> file, name in the file
        self._opened: dict[Path, Any] = {}
        for path in weight_files(folder):
            for name, shape, kind in _header(path):
                short = PREFIXES.sub("", name)
                self._files[short] = (path, name)
                self.shapes[short] = shape
                if BUFFERS.fullmatch(short):
                    continue
                if kind not in FLOATS:
                    raise EngineError("error.model_type", file=str(path), tensor=name, type=kind)
                self.types.add(kind)

    def read(self, name: str) -> Tensor:
        path, stored = self._files[name]
        if path not in self._opened:
            self._opened[path] = safe_open(path, "pt")
        tensor: Tensor = self._opened[path].get_tensor(stored)
        return tensor


class Weights:
    """The tensors of a model under our names; iterating reads one at a time.

    Creating it compares their shapes with the config. `unused` names the stored tensors that are no part of the
    model, and a file of changes to it. Raises EngineError error.model_mismatch.
    """

    def __init__(self, files: TensorFiles, config: ModelConfig) -> None:
        self._gpt2 = config.family == "gpt2"
        self._files = files
        with torch.device("meta"):
            expected = {n: tuple(t.shape) for n, t in Transformer(config).named_parameters()}
        self._sources = {name: self._source_names(name) for name in expected}
        self._compare(files.path, expected, files.shapes)
        used = {source for sources in self._sources.values() for source in sources}
        extra = [name for name in files.shapes if name not in used and not BUFFERS.fullmatch(name)]
        unused = [name for name in extra if name != HEAD or not self._repeats_embedding(name)]
        self.unused = (*unused, *(ADAPTER for _ in files.path.glob(ADAPTER)))

    def _repeats_embedding(self, name: str) -> bool:
        """Return whether a tensor is equal to the embedding."""
        ours, embedding = self._files.read(name), self._files.read(self._sources["embedding.weight"][0])
        return ours.dtype == embedding.dtype and torch.equal(ours, embedding)

    def _source_names(self, name: str) -> list[str]:
        """Return the stored tensors that form ours: layers.3.mlp.gate_proj and up_proj for blocks.3.mlp.up."""
        module, _, part = name.rpartition(".")
        layer = re.search(r"\.(\d+)\.", name)
        pattern = re.sub(r"\.\d+\.", ".{}.", module, count=1)
        table = GPT2_MODULES if self._gpt2 else LLAMA_MODULES
        return [f"{theirs.format(layer[1] if layer else '')}.{part}" for theirs in table[pattern]]

    def _transposed(self, name: str) -> bool:
        """Return whether a tensor is stored as [in, out], as GPT-2's matrices are."""
        return self._gpt2 and ".c_" in name and name.endswith(".weight")

    def _compare(self, folder: Path, ours: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]]) -> None:
        for name, expected in ours.items():
            sources = self._sources[name]
            found = [shapes.get(source) for source in sources]
            if any(shape is None for shape in found):
                missing = sources[found.index(None)]
                raise EngineError("error.model_mismatch", file=str(folder), tensor=missing)
            whole = [
                shape[::-1] if self._transposed(source) else shape
                for source, shape in zip(sources, found, strict=True)
                if shape
            ]
            rows = sum(shape[0] for shape in whole)
            if any(shape[1:] != expected[1:] for shape in whole) or rows != expected[0]:
                raise EngineError("error.model_mismatch", file=str(folder), tensor=sources[0])

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Yield each tensor with its name, in the type that the files give it."""
        for name, sources in self._sources.items():
            read = ((source, self._files.read(source)) for source in sources)
            parts = [tensor.T.contiguous() if self._transposed(source) else tensor for source, tensor in read]
            yield name, parts[0] if len(parts) == 1 else torch.cat(parts)


def load_transformer(
    files: TensorFiles, config: ModelConfig, dtype: torch.dtype
) -> Generator[float, None, Transformer]:
    """Load the model as `dtype`, yield the share that is done, 0..1, and return it.

    Tensors of that type stay mapped, others are converted. Raises as Weights.
    """
    weights = Weights(files, config)
    with torch.device("meta"):
        model = Transformer(config)
    tensors: dict[str, Tensor] = {}
    for name, tensor in weights:
        tensors[name] = tensor.to(dtype)
        yield len(tensors) / len(weights)
    if config.tied_head:
        tensors["unembedding.weight"] = tensors["embedding.weight"]
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False)


def weight_files(folder: Path) -> list[Path]:
    """Return the one weight file, or the shards in the index.

    Raises EngineError: error.model_pickled, error.model_no_weights, error.model_shard, error.model_damaged.
    """
    index = folder / INDEX
    if not index.is_file():
        if (folder / SINGLE).is_file():
            return [folder / SINGLE]
        pickled = [path for pattern in PICKLED for path in sorted(folder.glob(pattern))]
        if pickled:
            raise EngineError("error.model_pickled", file=str(pickled[0]))
        raise EngineError("error.model_no_weights", folder=str(folder))
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError("error.model_damaged", file=str(index)) from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise EngineError("error.model_damaged", file=str(index))  # shards are in the same folder as their index
        if not (folder / name).is_file():
            raise EngineError("error.model_shard", file=str(folder / name))
    return [folder / name for name in names]


def _header(path: Path) -> list[tuple[str, tuple[int, ...], str]]:
    """Return name, shape and type of each tensor from a file's header."""
    try:
        with safe_open(path, "pt") as file:
            slices = ((name, file.get_slice(name)) for name in file.keys())  # noqa: SIM118
            return [(name, tuple(part.get_shape()), part.get_dtype()) for name, part in slices]
    except (OSError, SafetensorError, ValueError) as error:
        raise EngineError("error.model_damaged", file=str(path)) from error
