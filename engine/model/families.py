"""The families of `transformers` that can be opened: config.json becomes a ModelConfig.

A setting that would change the result and is not supported is refused by its name. No code from the folder is run.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.model.config import MOST_LAYERS, ModelConfig, RopeScaling

Values = dict[str, Any]


def config_from(values: Values, folder: Path) -> ModelConfig:
    """Return the ModelConfig. Raises as `check`, and error.model_code, error.model_unknown, error.model_setting."""
    _refuse_code(values, folder)
    family = str(values.get("model_type"))
    if family not in FAMILIES:
        named = values.get("architectures")
        name = str(named[0]) if isinstance(named, list) and named else family
        raise EngineError("error.model_unknown", architecture=name, known=", ".join(FAMILIES))
    _refuse(values, "quantization_config", None, {})
    if family == "gemma3":
        values = _text_part(values)
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
    width, heads = _integer(values, "hidden_size", 4096), _integer(values, "num_attention_heads", 32)
    biases = bool(values.get("attention_bias", False))
    head_width = _integer(values, "head_dim", 0) or _head_width(width, heads)
    return {
        "vocabulary": _integer(values, "vocab_size", 32000),
        "n_layers": _layers(values, 32),
        "n_heads": heads,
        "n_kv_heads": _integer(values, "num_key_value_heads", heads),
        "width": width,
        "head_width": head_width,
        "mlp_width": _integer(values, "intermediate_size", 11008),
        "context": _integer(values, "max_position_embeddings", 2048),
        "norm_gains": True,
        "norm_epsilon": values.get("rms_norm_eps", 1e-6),
        "embedding_norm": False,
        "qk_norm": False,
        "activation": _choice(values, "hidden_act", "silu", GATED),
        "qkv_biases": biases,
        "out_biases": biases,
        "mlp_biases": bool(values.get("mlp_bias", False)),
        "tied_head": bool(values.get("tie_word_embeddings", False)),
    } | _rope(values, head_width)


def _mistral(values: Values) -> Values:
    """Jiang et al. 2023 (arXiv:2310.06825): Llama with sliding-window attention."""
    window = _integer(values, "sliding_window", 0 if "sliding_window" in values else 4096)
    described = _llama(values)
    described["windows"] = (window,) * described["n_layers"] if window else ()
    return described | {"qkv_biases": False, "out_biases": False, "mlp_biases": False}


def _qwen2(values: Values) -> Values:
    """Yang et al. 2024 (arXiv:2407.10671): Llama, with biases for queries, keys and values."""
    described = _llama(values) | {"qkv_biases": True, "out_biases": False, "mlp_biases": False}
    return described | {"windows": _qwen_windows(values, described["n_layers"])}


def _qwen3(values: Values) -> Values:
    """Yang et al. 2025 (arXiv:2505.09388): Llama, with queries and keys normalised."""
    described = _llama({"head_dim": 128} | values) | {"qk_norm": True, "mlp_biases": False}
    return described | {"windows": _qwen_windows(values, described["n_layers"])}


def _qwen_windows(values: Values, layers: int) -> tuple[int, ...]:
    """Return each layer's window; upper layers may have one."""
    if not values.get("use_sliding_window"):
        return ()
    first = _integer(values, "max_window_layers", 28)
    return _windows({"sliding_window": 4096} | values, [i >= first for i in range(layers)])


def _phi3(values: Values) -> Values:
    """Abdin et al. 2024 (arXiv:2404.14219): Llama, a part of each head rotated, LongRoPE for the longer contexts."""
    defaults = {
        "vocab_size": 32064,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "max_position_embeddings": 4096,
        "original_max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
    }
    values = defaults | values
    described = _llama(values) | {"qkv_biases": False, "out_biases": False, "mlp_biases": False}
    window = _integer(values, "sliding_window", 0)
    return described | {"windows": (window,) * described["n_layers"] if window else ()}


def _olmo2(values: Values) -> Values:
    """OLMo et al. 2024 (arXiv:2501.00656): Llama, with norms after attention and MLP and over all heads' queries."""
    defaults = {"vocab_size": 50304, "rms_norm_eps": 1e-5}
    described = _llama(defaults | values) | {"mlp_biases": False}
    return described | {"block_norms": "after", "qk_norm": True, "qk_norm_over": "all_heads"}


def _smollm3(values: Values) -> Values:
    """Bakouch et al. 2025 (huggingface.co/blog/smollm3): Llama, with every fourth layer without positions."""
    defaults = {
        "vocab_size": 128256,
        "hidden_size": 2048,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "max_position_embeddings": 32768,
        "rope_theta": 2e6,
        "tie_word_embeddings": True,
    }
    described = _llama(defaults | values)
    layers, rotated = described["n_layers"], values.get("no_rope_layers")
    if rotated is None:
        interval = _integer(values, "no_rope_layer_interval", 4) or layers + 1
        rotated = [int((i + 1) % interval != 0) for i in range(layers)]
    if not isinstance(rotated, list) or len(rotated) < layers or not all(type(n) is int for n in rotated):
        raise EngineError("error.model_setting", setting="no_rope_layers", value=str(rotated)[:80])
    window = values.get("use_sliding_window") and values.get("sliding_window")
    described["unrotated_layers"] = tuple(i for i in range(layers) if not rotated[i])
    return described | {"windows": _windows(values, [bool(window and not rotated[i]) for i in range(layers)])}


def _gemma2(values: Values) -> Values:
    """Gemma Team 2024 (arXiv:2408.00118): norms on both sides, soft caps, a window in every other layer."""
    defaults = {"max_position_embeddings": 8192, "sliding_window": 4096}
    values = defaults | {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0} | values
    described = _gemma(values)
    cap = values["attn_logit_softcapping"]
    described["score_cap"] = 0.0 if cap is None else _positive(cap, "attn_logit_softcapping")
    return described | {"windows": _windows(values, [i % 2 == 0 for i in range(described["n_layers"])])}


def _gemma3(values: Values) -> Values:
    """Gemma Team 2025 (arXiv:2503.19786): five layers with a window to one without, each kind with its own theta.

    Of a folder for text and images, only the text part is used. An attn_logit_softcapping has no effect here.
    """
    ropes, scaling = values.get("rope_parameters") or {}, values.get("rope_scaling") or {}
    if not isinstance(ropes, dict) or not all(kind in KINDS and isinstance(ropes[kind], dict) for kind in ropes):
        raise EngineError("error.model_setting", setting="rope_parameters", value=str(ropes)[:80])
    if not isinstance(scaling, dict):
        raise EngineError("error.model_setting", setting="rope_scaling", value=str(scaling)[:80])
    local = {"rope_theta": values.get("rope_local_base_freq") or 10_000.0} | ropes.get("sliding_attention", {})
    _refuse(local, "rope_type", "default")
    rope = {"rope_theta": values.get("rope_theta") or 1e6} | ropes.get("full_attention", {}) | scaling
    defaults = {"vocab_size": 262208, "max_position_embeddings": 131072, "sliding_window": 4096}
    values = defaults | {"sliding_window_pattern": 6} | values | {"rope_parameters": rope}
    described = _gemma(values)
    every = _integer(values, "sliding_window_pattern", 6) or described["n_layers"] + 1
    described["windows"] = _windows(values, [(i + 1) % every != 0 for i in range(described["n_layers"])])
    return described | {"qk_norm": True, "local_rope_theta": _positive(local["rope_theta"], "rope_theta")}


def _text_part(values: Values) -> Values:
    """Return the settings of the text part of a folder for text and images."""
    text = values.get("text_config", {})
    if not isinstance(text, dict):
        raise EngineError("error.model_setting", setting="text_config", value=str(text)[:80])
    return text | {name: values[name] for name in ("eos_token_id",) if name in values}


def _gemma(values: Values) -> Values:
    """Return what the versions of Gemma have in common."""
    _refuse(values, "use_bidirectional_attention", None, False)
    defaults = {
        "vocab_size": 256000,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "tie_word_embeddings": True,
    }
    gate = values.get("hidden_activation") or "gelu_pytorch_tanh"  # older files also have a hidden_act without effect
    described = _llama(defaults | values | {"hidden_act": gate, "mlp_bias": False})
    scalar = _positive(values.get("query_pre_attn_scalar", 256), "query_pre_attn_scalar")
    cap = values.get("final_logit_softcapping")
    return described | {
        "block_norms": "both",
        "embedding_scale": math.sqrt(described["width"]),
        "score_scale": scalar**-0.5,
        "logit_cap": 0.0 if cap is None else _positive(cap, "final_logit_softcapping"),
    }


def _gpt_neox(values: Values) -> Values:
    """Black et al. 2022 (arXiv:2204.06745), Pythia: attention and MLP in parallel, a part of each head rotated."""
    width, heads = _integer(values, "hidden_size", 6144), _integer(values, "num_attention_heads", 64)
    biases = bool(values.get("attention_bias", True))
    rope = {"rope_theta": values.get("rotary_emb_base"), "partial_rotary_factor": values.get("rotary_pct", 0.25)}
    return {
        "vocabulary": _integer(values, "vocab_size", 50432),
        "n_layers": _layers(values, 44),
        "n_heads": heads,
        "n_kv_heads": heads,
        "width": width,
        "head_width": _head_width(width, heads),
        "mlp_width": _integer(values, "intermediate_size", 24576),
        "context": _integer(values, "max_position_embeddings", 2048),
        "norm": "layer",
        "norm_gains": True,
        "norm_biases": True,
        "norm_epsilon": values.get("layer_norm_eps", 1e-5),
        "embedding_norm": False,
        "qk_norm": False,
        "parallel": bool(values.get("use_parallel_residual", True)),
        "activation": _choice(values, "hidden_act", "gelu", GELUS),
        "qkv_biases": biases,
        "out_biases": biases,
        "mlp_biases": True,
        "tied_head": bool(values.get("tie_word_embeddings", False)),
    } | _rope(rope | values, _head_width(width, heads))


def _nanochat(values: Values) -> Values:
    """Karpathy 2025 (github.com/karpathy/nanochat): norms without gains, one of them after the embedding, ReLU².

    Queries and keys are normalised after the rotation, which undoes YaRN's factor of their length.
    """
    defaults = {"vocab_size": 50304, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 6}
    values = defaults | {"intermediate_size": 8192, "hidden_act": "relu2", "final_logit_softcapping": 15.0} | values
    _refuse(values, "hidden_act", "relu2")
    cap = values["final_logit_softcapping"]
    described = _llama(values | {"hidden_act": "silu", "mlp_bias": False})
    scaling: RopeScaling | None = described["rope_scaling"]
    return described | {
        "rope_scaling": scaling and replace(scaling, attention_factor=1.0),
        "norm_gains": False,
        "embedding_norm": True,
        "qk_norm": True,
        "activation": "relu2",
        "logit_cap": 0.0 if cap is None else _positive(cap, "final_logit_softcapping"),
    }


FAMILIES: dict[str, Callable[[Values], Values]] = {
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "phi3": _phi3,
    "olmo2": _olmo2,
    "smollm3": _smollm3,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "gemma3_text": _gemma3,
    "nanochat": _nanochat,
}
GELUS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu", "gelu_fast": "gelu", "gelu": "gelu_exact", "relu": "relu"}
GATED = {"silu": "swiglu", "swish": "swiglu", "gelu_new": "geglu", "gelu_pytorch_tanh": "geglu", "gelu_fast": "geglu"}


def _rope(values: Values, head_width: int) -> Values:
    """Return the settings of the rotary positions: from `rope_parameters`, or in older files one by one."""
    rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise EngineError("error.model_setting", setting="rope_scaling", value=str(rope)[:80])
    share = rope.get("partial_rotary_factor", values.get("partial_rotary_factor", 1.0))
    if values.get("model_type") not in ("phi3", "gpt_neox"):  # only some versions of `transformers` use it for others
        _refuse({"partial_rotary_factor": share}, "partial_rotary_factor", 1.0)
    rotated = int(head_width * _positive(share, "partial_rotary_factor"))
    return {
        "rope_theta": _positive(rope.get("rope_theta") or values.get("rope_theta") or 10_000.0, "rope_theta"),
        "rope_scaling": _scaling(rope, values),
        "rotary_width": 0 if rotated == head_width else rotated,
    }


def _scaling(rope: Values, values: Values) -> RopeScaling | None:
    """Return the scaling of the rotary frequencies, with the defaults of `transformers`."""
    kind = rope.get("rope_type", rope.get("type", "default"))
    if values.get("model_type") == "phi3" and kind in ("su", "yarn"):
        kind = "longrope"  # its name in older files
    if kind in ("default", "dynamic"):  # "dynamic" changes nothing within the context of pre-training
        return None
    if kind not in ("linear", "llama3", "yarn", "longrope"):
        raise EngineError("error.model_setting", setting="rope_scaling", value=str(kind)[:80])
    context = _integer(values, "max_position_embeddings", 2048)
    name = "original_max_position_embeddings"
    original = _integer(values, name, 0) or _integer(rope, name, 0) or context
    factor = rope.get("factor")
    if factor is None and kind in ("yarn", "longrope"):
        factor = context / original
    found = RopeScaling(kind, _positive(factor, "factor"), original_context=original)
    if kind == "llama3":
        low, high = (_positive(rope.get(name), name) for name in ("low_freq_factor", "high_freq_factor"))
        return replace(found, low_freq_factor=low, high_freq_factor=high)
    if kind == "longrope":
        grown = math.sqrt(1 + math.log(max(found.factor, 1.0)) / math.log(max(original, 2)))
        short, long = (_factors(rope.get(name), name) for name in ("short_factor", "long_factor"))
        attention = _positive(rope.get("attention_factor") or grown, "attention_factor")
        return replace(found, attention_factor=attention, short_factors=short, long_factors=long)
    return _yarn(found, rope) if kind == "yarn" else found


def _yarn(found: RopeScaling, rope: Values) -> RopeScaling:
    """Return the scaling of Peng et al. 2023 (arXiv:2309.00071); `mscale` is DeepSeek's addition."""

    def grown(by: object) -> float:
        return 0.1 * _positive(by, "mscale") * math.log(max(found.factor, 1.0)) + 1.0

    attention = rope.get("attention_factor")
    if attention is None:
        both = rope.get("mscale") and rope.get("mscale_all_dim")
        attention = grown(rope["mscale"]) / grown(rope["mscale_all_dim"]) if both else grown(1.0)
    return replace(
        found,
        attention_factor=_positive(attention, "attention_factor"),
        beta_fast=_positive(rope.get("beta_fast") or 32, "beta_fast"),
        beta_slow=_positive(rope.get("beta_slow") or 1, "beta_slow"),
        truncate=bool(rope.get("truncate", True)),
    )


def _factors(values: object, name: str) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise EngineError("error.model_setting", setting=name, value=str(values)[:80])
    return tuple(_positive(value, name) for value in values)


def _windows(values: Values, sliding: list[bool]) -> tuple[int, ...]:
    """Return each layer's window; `sliding` names the layers with one for files without layer_types."""
    kinds = values.get("layer_types")
    if kinds is not None:
        if not isinstance(kinds, list) or len(kinds) != len(sliding) or not all(kind in KINDS for kind in kinds):
            raise EngineError("error.model_setting", setting="layer_types", value=str(kinds)[:80])
        sliding = [kind == "sliding_attention" for kind in kinds]
    window = _integer(values, "sliding_window", 0)
    if any(sliding) and not window:
        raise EngineError("error.model_setting", setting="sliding_window", value=str(values.get("sliding_window")))
    return tuple(window if slides else 0 for slides in sliding) if any(sliding) else ()


KINDS = ("sliding_attention", "full_attention")


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
        if isinstance(described, dict) and not _is_known_code(described):
            raise EngineError("error.model_code", file=str(folder / file))


def _is_known_code(values: Values) -> bool:
    """Return whether there is no code, or that of Phi-3 from before it was a part of `transformers`."""
    code = values.get("auto_map") or {}
    names = list(code.values()) if isinstance(code, dict) else [code]
    native = values.get("model_type") == "phi3"
    known = native and all(isinstance(name, str) and re.fullmatch(r"\w+_phi3\.Phi3\w+", name) for name in names)
    return not values.get("custom_pipelines") and (known or not names)


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


def _layers(values: Values, default: int) -> int:
    """Return the number of layers, which is checked before anything is made for each of them."""
    layers = _integer(values, "num_hidden_layers", default)
    if layers > MOST_LAYERS:
        raise EngineError("error.config_range", setting="num_hidden_layers", value=layers, least=1, most=MOST_LAYERS)
    return layers


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
