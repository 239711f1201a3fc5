"""Read GGUF files, the format of llama.cpp: metadata as a config.json, tensors under the names of `transformers`.

Thus a family is described only once, in families.py and huggingface.py. What each one stores is in llama.cpp's
conversion/: which rows are reordered, which norms have 1 added. gguf-py, of the same project, turns quantised
blocks into numbers.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import EngineError
from engine.gguf_header import GGUF, Stored, stamp_of
from engine.model import families
from engine.model.config import ModelConfig, RopeScaling
from engine.model.huggingface import is_transposed

SMALL = 4096  # most numbers in a tensor of factors
CHUNK = 1 << 19  # numbers dequantised at a time: gguf needs several copies of them
Values = dict[str, Any]

# --- Metadata -------------------------------------------------------------------------------------

NOT_SUPPORTED = ("expert_count", "attention.max_alibi_bias", "attention.clamp_kqv", "logit_scale", "residual_scale")
STOPS = ("eos_token_id", "eot_token_id", "eom_token_id")
ROPE_FACTORS = "rope_freqs.weight"
LONG_FACTORS, SHORT_FACTORS = "rope_factors_long.weight", "rope_factors_short.weight"


def config_from(gguf: GGUF) -> ModelConfig:
    """Return the ModelConfig. Raises EngineError error.model_unknown, error.model_setting, and as families.py."""
    architecture = str(gguf.values.get("general.architecture"))
    if architecture not in FAMILIES:
        raise EngineError("error.model_unknown", architecture=architecture[:80], known=", ".join(FAMILIES))
    model_type, describe = FAMILIES[architecture]
    stops = [gguf.values.get(f"tokenizer.ggml.{name}") for name in STOPS]
    described = describe(_Settings(gguf)) | {
        "model_type": model_type,
        "vocab_size": _embedding(gguf).shape[0],  # some files have fewer tokens
        "tie_word_embeddings": "output.weight" not in gguf.tensors,
        "eos_token_id": [stop for stop in stops if stop is not None],
    }
    config = families.config_from(described, gguf.path)
    if ROPE_FACTORS not in gguf.tensors:
        return config
    factors = tuple(_numbers(gguf, ROPE_FACTORS))  # of Llama 3.1 and its successors
    scaling = RopeScaling("longrope", 1.0, original_context=config.context, short_factors=factors, long_factors=factors)
    config = replace(config, rope_scaling=scaling)
    config.check()
    return config


def _llama(setting: "_Settings") -> Values:
    """Return the settings that Llama and its successors have in config.json."""
    width, heads = setting("embedding_length"), setting("attention.head_count")
    head_width = setting("attention.key_length", width // max(heads, 1))
    if setting("attention.value_length", head_width) != head_width:
        raise setting.unusual("attention.value_length")
    return {
        "hidden_size": width,
        "intermediate_size": setting("feed_forward_length"),
        "num_hidden_layers": setting("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": setting("attention.head_count_kv", heads),
        "head_dim": head_width,
        "max_position_embeddings": setting("context_length"),
        "rms_norm_eps": setting("attention.layer_norm_rms_epsilon"),
        "partial_rotary_factor": setting("rope.dimension_count", head_width) / max(head_width, 1),
        "rope_theta": setting("rope.freq_base", 10_000.0),
        "rope_scaling": _rope_scaling(setting),
        "attention_bias": setting.has("attn_q.bias"),
        "mlp_bias": setting.has("ffn_up.bias"),
    }


def _gemma(setting: "_Settings") -> Values:
    """Return the settings of Gemma 2 and 3; the scale of the scores of their largest models is not in the file."""
    width, heads, layers = (setting(name) for name in ("embedding_length", "attention.head_count", "block_count"))
    is_largest = (setting.architecture, layers) in (("gemma2", 46), ("gemma3", 62))
    key_length = setting("attention.key_length", width // max(heads, 1))
    is_second = setting.architecture == "gemma2"
    return _llama(setting) | {
        "query_pre_attn_scalar": width // max(heads, 1) if is_largest else key_length,
        "attn_logit_softcapping": setting("attn_logit_softcapping", 50.0) if is_second else None,
        "final_logit_softcapping": setting("final_logit_softcapping", 30.0 if is_second else 0.0) or None,
        "sliding_window": setting("attention.sliding_window", 4096 if is_second else 0),
        "sliding_window_pattern": setting("attention.sliding_window_pattern", 6),
        "rope_theta": setting("rope.freq_base", 10_000.0 if is_second else 1e6),
        "rope_local_base_freq": setting("rope.freq_base_swa", 10_000.0),
    }


def _phi3(setting: "_Settings") -> Values:
    original = setting("rope.scaling.original_context_length", setting("context_length"))
    scaling = None
    if setting.gguf.tensors.keys() >= {LONG_FACTORS, SHORT_FACTORS}:
        scaling = {
            "rope_type": "longrope",
            "short_factor": _numbers(setting.gguf, SHORT_FACTORS),
            "long_factor": _numbers(setting.gguf, LONG_FACTORS),
            "attention_factor": setting("rope.scaling.attn_factor", 1.0),
        }
    window = setting("attention.sliding_window", 0) or None
    more = {"rope_scaling": scaling, "original_max_position_embeddings": original, "sliding_window": window}
    return _llama(setting) | more


def _olmo2(setting: "_Settings") -> Values:
    setting.refuse("attention.sliding_window")  # OLMo 3
    return _llama(setting)


def _gpt2(setting: "_Settings") -> Values:
    return {
        "n_embd": setting("embedding_length"),
        "n_inner": setting("feed_forward_length"),
        "n_layer": setting("block_count"),
        "n_head": setting("attention.head_count"),
        "n_positions": setting("context_length"),
        "layer_norm_epsilon": setting("attention.layer_norm_epsilon"),
    }


def _gptneox(setting: "_Settings") -> Values:
    width, heads = setting("embedding_length"), setting("attention.head_count")
    return {
        "hidden_size": width,
        "intermediate_size": setting("feed_forward_length"),
        "num_hidden_layers": setting("block_count"),
        "num_attention_heads": heads,
        "max_position_embeddings": setting("context_length"),
        "layer_norm_eps": setting("attention.layer_norm_epsilon"),
        "rotary_pct": setting("rope.dimension_count") * heads / max(width, 1),
        "rotary_emb_base": setting("rope.freq_base", 10_000.0),
        "use_parallel_residual": setting("use_parallel_residual", True),
        "attention_bias": setting.has("attn_qkv.bias"),
    }


# architecture -> model_type of `transformers`, and the function that describes it
FAMILIES: dict[str, tuple[str, Callable[["_Settings"], Values]]] = {
    "llama": ("llama", _llama),
    "qwen2": ("qwen2", _llama),
    "qwen3": ("qwen3", _llama),
    "gpt2": ("gpt2", _gpt2),
    "gptneox": ("gpt_neox", _gptneox),
    "phi3": ("phi3", _phi3),
    "olmo2": ("olmo2", _olmo2),
    "smollm3": ("smollm3", _llama),
    "gemma2": ("gemma2", _gemma),
    "gemma3": ("gemma3_text", _gemma),
}


def _rope_scaling(setting: "_Settings") -> Values | None:
    kind = setting("rope.scaling.type", "none")
    if kind in ("none", "longrope"):  # the factors of longrope are tensors
        return None
    scaling = {"rope_type": kind, "factor": setting("rope.scaling.factor")}
    if kind == "yarn":
        scaling["original_max_position_embeddings"] = setting("rope.scaling.original_context_length")
        scaling["beta_fast"] = setting("rope.scaling.yarn_beta_fast", 32.0)
        scaling["beta_slow"] = setting("rope.scaling.yarn_beta_slow", 1.0)
    return scaling


class _Settings:
    """The metadata of an architecture by their names without it: setting("block_count") is llama.block_count."""

    def __init__(self, gguf: GGUF) -> None:
        self.gguf = gguf
        self.architecture = str(gguf.values.get("general.architecture"))
        for name in NOT_SUPPORTED:
            self.refuse(name)

    def __call__(self, name: str, default: Any = None) -> Any:
        """Return a value of the default's type; one that each layer has for itself must be the same in all of them.

        Without a default the value is a number that must be there. Raises EngineError error.model_setting.
        """
        value = self.gguf.values.get(f"{self.architecture}.{name}", default)
        if isinstance(value, list) and value and value.count(value[0]) == len(value):
            value = value[0]
        expected = (int, float) if default is None or type(default) in (int, float) else (type(default),)
        if type(value) not in expected:
            raise self.unusual(name)
        return value

    def has(self, tensor: str) -> bool:
        """Return whether the first layer has a tensor."""
        return f"blk.0.{tensor}" in self.gguf.tensors

    def refuse(self, name: str) -> None:
        if self.gguf.values.get(f"{self.architecture}.{name}"):
            raise self.unusual(name)

    def unusual(self, name: str) -> EngineError:
        key = f"{self.architecture}.{name}"
        return EngineError("error.model_setting", setting=key, value=str(self.gguf.values.get(key, "–"))[:80])


def _embedding(gguf: GGUF) -> Stored:
    if "token_embd.weight" not in gguf.tensors:
        raise EngineError("error.model_mismatch", file=str(gguf.path), tensor="token_embd.weight")
    return gguf.tensors["token_embd.weight"]


def _numbers(gguf: GGUF, name: str) -> list[float]:
    """Return a small tensor as numbers. Raises EngineError error.model_mismatch if it is large."""
    stored = gguf.tensors[name]
    if math.prod(stored.shape) > SMALL:
        raise EngineError("error.model_mismatch", file=str(gguf.path), tensor=name)
    numbers: list[float] = dequantised(name, stored, torch.float32).flatten().tolist()
    return numbers


# --- Tensors --------------------------------------------------------------------------------------

LLAMA_NAMES = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
PHI3_NAMES = LLAMA_NAMES | {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"}
GEMMA_NAMES = LLAMA_NAMES | {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
GPT2_NAMES = {
    "token_embd": "wte",
    "position_embd": "wpe",
    "output_norm": "ln_f",
    "output": "lm_head",
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
NEOX_NAMES = {
    "token_embd": "embed_in",
    "output_norm": "final_layer_norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_qkv": "attention.query_key_value",
    "attn_output": "attention.dense",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.dense_h_to_4h",
    "ffn_down": "mlp.dense_4h_to_h",
}
NAMES = {
    "gpt2": GPT2_NAMES,
    "gpt_neox": NEOX_NAMES,
    "phi3": PHI3_NAMES,
    "olmo2": GEMMA_NAMES,
    "gemma2": GEMMA_NAMES,
    "gemma3_text": GEMMA_NAMES,
}  # and LLAMA_NAMES for the others
NAME = re.compile(r"(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)")


class Tensors:
    """The tensors of a GGUF file under the names of `transformers`; see huggingface.TensorFiles."""

    def __init__(self, gguf: GGUF, config: ModelConfig) -> None:
        self.path = gguf.path
        self.title = str(gguf.values.get("general.name") or gguf.path.name)
        self._config = config
        factors = (ROPE_FACTORS, LONG_FACTORS, SHORT_FACTORS)
        self._stored = {
            self._name(name): (name, stored) for name, stored in gguf.tensors.items() if name not in factors
        }
        matrices = {stored.kind for _, stored in self._stored.values() if len(stored.shape) > 1}
        self.halved = None if "F32" in matrices else torch.float16 if matrices == {"F16"} else torch.bfloat16
        self.shapes = {
            name: stored.shape[::-1] if is_transposed(self._config.family, name) else stored.shape
            for name, (_, stored) in self._stored.items()
        }

    def bits(self) -> float:
        """Return the mean number of bits of a weight in a file with quantised matrices, or 0 in one without."""
        tensors = [stored for _, stored in self._stored.values()]
        if {stored.kind for stored in tensors if len(stored.shape) > 1} <= {"F32", "F16", "BF16"}:
            return 0.0
        size = sum(stored.row_bytes * math.prod(stored.shape[:-1]) for stored in tensors)
        return 8 * size / sum(math.prod(stored.shape) for stored in tensors)

    def _name(self, name: str) -> str:
        """Return the name in `transformers`, or `name` itself if the family has no such tensor."""
        found, names = NAME.fullmatch(name), NAMES.get(self._config.family, LLAMA_NAMES)
        if found is None or found[2] not in names:
            return name
        theirs = f"{names[found[2]]}.{found[3]}"
        layer = "h" if self._config.family == "gpt2" else "layers"
        return theirs if found[1] is None else f"{layer}.{found[1]}.{theirs}"

    def read(self, name: str, dtype: torch.dtype) -> Tensor:
        """Return a tensor as `transformers` stores it."""
        stored_name, stored = self._stored[name]
        tensor = dequantised(stored_name, stored, dtype)
        return _reordered(name, tensor, self._config)


def _reordered(name: str, tensor: Tensor, config: ModelConfig, back: bool = False) -> Tensor:
    """Return a tensor of a GGUF file as `transformers` stores it, or with `back` the reverse."""
    family, part = config.family, re.search(r"self_attn\.([qk])_proj\.", name)
    if is_transposed(family, name):  # GGUF stores no matrix so
        return tensor.T
    if part and family in ("llama", "smollm3"):  # rows 2i and 2i + 1 form a pair, not i and i + K/2
        heads = config.n_heads if part[1] == "q" else config.n_kv_heads
        pairs = tensor.unflatten(0, (heads, 2, -1) if back else (heads, -1, 2))
        return pairs.transpose(1, 2).reshape(tensor.shape)
    if family.startswith("gemma") and "norm" in name:  # stored with 1 added
        return tensor + (1 if back else -1)
    if family == "gpt_neox" and ".query_key_value." in name:  # all queries, all keys, all values
        parts = tensor.unflatten(0, (config.n_heads, 3, -1) if back else (3, config.n_heads, -1))
        return parts.transpose(0, 1).reshape(tensor.shape)
    return tensor


def as_stored(name: str, tensor: Tensor, config: ModelConfig) -> tuple[str, Tensor]:
    """Return a tensor of `transformers` under its name in a GGUF file and in that order: the reverse of Tensors."""
    found = re.fullmatch(r"(?:(?:h|layers)\.(\d+)\.)?(.+)\.(weight|bias)", name)
    assert found is not None
    names = {theirs: ours for ours, theirs in NAMES.get(config.family, LLAMA_NAMES).items()}
    block = "" if found[1] is None else f"blk.{found[1]}."
    return f"{block}{names[found[2]]}.{found[3]}", _reordered(name, tensor, config, back=True)


def dequantised(name: str, stored: Stored, dtype: torch.dtype) -> Tensor:
    """Read a tensor a few rows at a time, so that it is never in memory twice.

    Raises EngineError: error.gguf_changed if the file is not the one whose header was read, error.gguf_not_finite
    for infinite numbers or NaN.
    """
    from gguf import GGMLQuantizationType, dequantize  # takes a third of a second, which folders need not wait for

    tensor = torch.empty(stored.shape, dtype=dtype)
    rows = tensor.view(-1, stored.shape[-1])
    kind, step = GGMLQuantizationType[stored.kind], max(1, CHUNK // stored.shape[-1])
    try:
        with stored.file.open("rb", buffering=0) as file:
            file.seek(stored.start)
            for part in rows.split(step):
                blocks = np.fromfile(file, np.uint8, len(part) * stored.row_bytes)
                if stamp_of(file) != stored.stamp or len(blocks) < len(part) * stored.row_bytes:
                    raise EngineError("error.gguf_changed", file=str(stored.file))
                with np.errstate(all="ignore"):  # what is not finite is refused below
                    numbers = dequantize(blocks.reshape(len(part), stored.row_bytes), kind)
                    if not np.isfinite(numbers.sum()):
                        raise EngineError("error.gguf_not_finite", file=str(stored.file), tensor=name)
                part.copy_(torch.from_numpy(numbers))
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError("error.text_unreadable", file=str(stored.file), reason=reason) from error
    return tensor
