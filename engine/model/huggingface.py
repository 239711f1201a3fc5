"""Models saved by `transformers`: the tensors of *.safetensors get our names; families.py reads config.json.

Nothing is unpickled: a folder that needs it is refused with the reason.
"""

import json
import re
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from engine.errors import EngineError
from engine.model.config import ModelConfig
from engine.model.half import CompactLinear, HalfEmbedding, fits
from engine.model.transformer import Transformer

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

Modules = dict[str, tuple[str, ...]]  # our module -> theirs, stacked if there are several; {} is the layer
GPT2_MODULES: Modules = {
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
LLAMA_MODULES: Modules = {
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
PHI3_MODULES: Modules = LLAMA_MODULES | {
    "blocks.{}.attention.qkv": ("layers.{}.self_attn.qkv_proj",),
    "blocks.{}.mlp.up": ("layers.{}.mlp.gate_up_proj",),
}
GEMMA_MODULES: Modules = LLAMA_MODULES | {
    "blocks.{}.attention_out_norm": ("layers.{}.post_attention_layernorm",),
    "blocks.{}.mlp_norm": ("layers.{}.pre_feedforward_layernorm",),
    "blocks.{}.mlp_out_norm": ("layers.{}.post_feedforward_layernorm",),
}
NEOX_MODULES: Modules = {
    "embedding": ("embed_in",),
    "blocks.{}.attention_norm": ("layers.{}.input_layernorm",),
    "blocks.{}.attention.qkv": ("layers.{}.attention.query_key_value",),
    "blocks.{}.attention.out": ("layers.{}.attention.dense",),
    "blocks.{}.mlp_norm": ("layers.{}.post_attention_layernorm",),
    "blocks.{}.mlp.up": ("layers.{}.mlp.dense_h_to_4h",),
    "blocks.{}.mlp.down": ("layers.{}.mlp.dense_4h_to_h",),
    "final_norm": ("final_layer_norm",),
    "unembedding": ("lm_head",),
}
NANOCHAT_MODULES: Modules = LLAMA_MODULES | {
    "blocks.{}.mlp.up": ("layers.{}.mlp.fc1",),
    "blocks.{}.mlp.down": ("layers.{}.mlp.fc2",),
}
MODULES = {
    "gpt2": GPT2_MODULES,
    "gpt_neox": NEOX_MODULES,
    "phi3": PHI3_MODULES,
    "olmo2": GEMMA_MODULES,  # which has more norms
    "gemma2": GEMMA_MODULES,
    "gemma3": GEMMA_MODULES,
    "gemma3_text": GEMMA_MODULES,
    "nanochat": NANOCHAT_MODULES,
}  # and LLAMA_MODULES for the others
# Buffers that some versions save: masks, the frequencies of rotary positions, and the numbers of the positions.
BUFFERS = re.compile(r".*\.(attn|attention)\.(bias|masked_bias)|.*rotary_emb\.inv_freq|(.*\.)?position_ids|rope\.freqs")
HEAD_NAME = "unembedding.weight"  # ours
HEAD = "lm_head.weight"  # of a tied model it may be saved although it is the embedding
ADAPTER = "adapter_model.safetensors"  # changes of the weights that `peft` would add
IMAGES = re.compile(r"(vision_tower|multi_modal_projector)\..*")  # of Gemma 3
PREFIXES = re.compile(r"^(transformer|gpt_neox|model\.language_model|language_model\.model|language_model|model)\.")
RENAMED = {"embed_out.weight": HEAD}  # GPT-NeoX
PREFIX_OF = {"gpt2": "transformer.", "gpt_neox": "gpt_neox."}  # and "model." for the others


class TensorFiles(Protocol):
    """Tensors in files, under the names that `transformers` gives them, without prefix."""

    path: Path  # the folder or file, for messages
    shapes: dict[str, tuple[int, ...]]
    halved: torch.dtype | None  # 16-bit type that the numbers fit into with no or little loss, if any

    def read(self, name: str, dtype: torch.dtype) -> Tensor:
        """Return a tensor, converted to `dtype`."""
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
        self._files: dict[str, tuple[Path, str]] = {}  # name without prefix -> file, name in the file
        self._opened: dict[Path, Any] = {}
        types: set[str] = set()
        for path in weight_files(folder):
            for name, shape, kind in _header(path):
                short = PREFIXES.sub("", name)
                short = RENAMED.get(short, short)
                self._files[short] = (path, name)
                self.shapes[short] = shape
                if BUFFERS.fullmatch(short) or IMAGES.fullmatch(short):
                    continue
                if kind not in FLOATS:
                    raise EngineError("error.model_type", file=str(path), tensor=name, type=kind)
                types.add(kind)
        self.halved = FLOATS[types.pop()] if len(types) == 1 and "F32" not in types else None

    def read(self, name: str, dtype: torch.dtype) -> Tensor:
        path, stored = self._files[name]
        if path not in self._opened:
            self._opened[path] = safe_open(path, "pt")
        tensor: Tensor = self._opened[path].get_tensor(stored)
        return tensor.to(dtype)


class Weights:
    """The tensors of a model under our names.

    Creating it compares their shapes with the config. `unused` names the stored tensors that are no part of the
    model, and a file of changes to it. Raises EngineError error.model_mismatch.
    """

    def __init__(self, files: TensorFiles, config: ModelConfig) -> None:
        self._config = config
        self._files = files
        with torch.device("meta"):
            expected = {n: tuple(t.shape) for n, t in Transformer(config).named_parameters()}
        self._sources = {name: _source_names(name, config.family) for name in expected}
        self._compare(files.path, expected, files.shapes)
        used = {source for sources in self._sources.values() for source in sources}
        extra = [name for name in files.shapes if name not in used and not BUFFERS.fullmatch(name)]
        unused = [name for name in extra if name != HEAD or not self._repeats_embedding(name)]
        unused = list(dict.fromkeys(IMAGES.sub(r"\1", name) for name in unused))
        self.unused = (*unused, *(ADAPTER for _ in files.path.glob(ADAPTER)))

    def _repeats_embedding(self, name: str) -> bool:
        """Return whether a tensor is equal to the embedding."""
        ours = self._files.read(name, torch.float32)
        return torch.equal(ours, self._files.read(self._sources["embedding.weight"][0], torch.float32))

    def _compare(self, folder: Path, ours: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]]) -> None:
        for name, expected in ours.items():
            sources = self._sources[name]
            found = [shapes.get(source) for source in sources]
            if any(shape is None for shape in found):
                missing = sources[found.index(None)]
                raise EngineError("error.model_mismatch", file=str(folder), tensor=missing)
            whole = [
                shape[::-1] if is_transposed(self._config.family, source) else shape
                for source, shape in zip(sources, found, strict=True)
                if shape
            ]
            rows = sum(shape[0] for shape in whole)
            if any(shape[1:] != expected[1:] for shape in whole) or rows != expected[0]:
                raise EngineError("error.model_mismatch", file=str(folder), tensor=sources[0])

    def __len__(self) -> int:
        return len(self._sources)

    def read(self, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """Yield each tensor with its name, converted to `dtype`."""
        for name, sources in self._sources.items():
            parts = [self._read_one(source, dtype) for source in sources]
            whole = parts[0] if len(parts) == 1 else torch.cat(parts)
            yield name, _rearranged(name, whole, self._config)

    def _read_one(self, source: str, dtype: torch.dtype) -> Tensor:
        """Return a stored tensor as [out, in]."""
        tensor = self._files.read(source, dtype)
        return tensor.T.contiguous() if is_transposed(self._config.family, source) else tensor


def _source_names(name: str, family: str) -> list[str]:
    """Return the stored tensors that form ours: layers.3.mlp.gate_proj and up_proj for blocks.3.mlp.up."""
    module, _, part = name.rpartition(".")
    layer = re.search(r"\.(\d+)\.", name)
    pattern = re.sub(r"\.\d+\.", ".{}.", module, count=1)
    table = MODULES.get(family, LLAMA_MODULES)
    return [f"{theirs.format(layer[1] if layer else '')}.{part}" for theirs in table[pattern]]


def _rearranged(name: str, tensor: Tensor, config: ModelConfig, back: bool = False) -> Tensor:
    """Return a stored tensor as the transformer uses it, or with `back` one of ours as it is stored."""
    family, heads, is_qkv = config.family, config.n_heads, ".attention.qkv." in name
    if family.startswith("gemma") and "norm" in name:  # stored as the difference from 1
        return (tensor.float() + (-1 if back else 1)).to(tensor.dtype)
    if family == "gpt_neox" and is_qkv:  # stored head by head: query, key and value of each
        order = (3, heads, -1) if back else (heads, 3, -1)
        return tensor.unflatten(0, order).transpose(0, 1).flatten(0, 2)
    if family == "nanochat" and is_qkv:  # rotates the other way, as if the halves of queries and keys were swapped
        halves = tensor.unflatten(0, (heads + 2 * config.n_kv_heads, 2, -1))
        qk, v = halves.split((heads + config.n_kv_heads, config.n_kv_heads))
        return torch.cat((qk.flip(1), v)).flatten(0, 2)
    return tensor


def split(name: str, tensor: Tensor, config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of `transformers` that one of ours is stored as, without prefix: the reverse of Weights."""
    sources, tensor = _source_names(name, config.family), _rearranged(name, tensor, config, back=True)
    rows = [len(tensor) // len(sources)] * len(sources)
    if len(sources) == 3:  # queries, keys and values
        rows = [n * config.head_width for n in (config.n_heads, config.n_kv_heads, config.n_kv_heads)]
    for source, part in zip(sources, tensor.split(rows), strict=True):
        yield source, part.T if is_transposed(config.family, source) else part


def full_name(name: str, family: str) -> str:
    """Return the name of a tensor with its prefix, as `transformers` saves it."""
    if name == HEAD:
        return "embed_out.weight" if family == "gpt_neox" else HEAD
    return PREFIX_OF.get(family, "model.") + name


def is_transposed(family: str, name: str) -> bool:
    """Return whether `transformers` stores a tensor as [in, out], as it does GPT-2's matrices."""
    return family == "gpt2" and ".c_" in name and name.endswith(".weight")


def load_transformer(
    files: TensorFiles, config: ModelConfig, dtype: torch.dtype, form: type[CompactLinear] | None = None
) -> Generator[float, None, Transformer]:
    """Load the model as `dtype`, yield the share that is done, 0..1, and return it.

    Tensors of that type remain memory-mapped, others are converted. With `form`, matrices are kept in that
    form, and embeddings as float16, except one whose numbers are too large. Raises as Weights.
    """
    weights = Weights(files, config)
    with torch.device("meta"):
        model = Transformer(config)
    tensors: dict[str, Tensor] = {}
    with ThreadPoolExecutor(1) as other:  # packs one matrix while the next is read
        packing: Future[dict[str, Tensor]] | None = None
        for done, (name, tensor) in enumerate(weights.read(dtype), start=1):
            is_head = config.tied_head and name == "embedding.weight"
            if form and tensor.ndim == 2 and fits(tensor):
                tensors |= packing.result() if packing else {}
                packing = other.submit(_compacted, model, form, name, tensor, is_head)
            else:
                tensors |= {name: tensor, **({HEAD_NAME: tensor} if is_head else {})}
            yield done / len(weights)
        tensors |= packing.result() if packing else {}
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False)


def _compacted(
    model: Transformer, form: type[CompactLinear], name: str, tensor: Tensor, is_head: bool
) -> dict[str, Tensor]:
    """Replace the layer of this matrix by one that keeps fewer bits; return what remains to be loaded into it."""
    module = name.removesuffix(".weight")
    layer = model.get_submodule(module)
    if is_head:
        model.set_submodule("unembedding", form(tensor, None))
    if isinstance(layer, nn.Embedding):
        # Without initialising it, which would import torch's compiler.
        table: HalfEmbedding = HalfEmbedding.from_pretrained(tensor.half())  # type: ignore[no-untyped-call]
        model.set_submodule(module, table)
        return {name: table.weight}
    assert isinstance(layer, nn.Linear), f"{module} is no matrix"
    model.set_submodule(module, form(tensor, layer.bias))
    return {}


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
