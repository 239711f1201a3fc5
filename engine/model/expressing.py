"""Describe a ModelConfig as the config.json of a family of `transformers`: the reverse of families.py.

What was described is read back and compared, so that a model is refused if no family computes the same.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.model import families
from engine.model.config import ModelConfig, RopeScaling
from engine.model.rotary import attention_factor, rotary_frequencies

Values = dict[str, Any]
NOWHERE = Path("/dev/null")  # a folder without files beside its config.json
SAME = 1e-6  # largest relative difference of two settings: GGUF files contain float32
COMPARED_APART = ("family", "rope_scaling", "rope_theta", "windows", "rotary_width")
OWN = ("nanochat", "llama", "qwen3")  # families that may compute what Nakami trains
CLASSES = {
    "gpt2": "GPT2LMHeadModel",
    "gpt_neox": "GPTNeoXForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "smollm3": "SmolLM3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "nanochat": "NanoChatForCausalLM",
}
ACTIVATION = ("hidden_act", "hidden_activation", "activation_function")  # names of the setting
ACTIVATIONS = {
    "swiglu": "silu",
    "geglu": "gelu_pytorch_tanh",
    "gelu": "gelu_new",
    "gelu_exact": "gelu",
    "relu": "relu",
    "relu2": "relu2",
}


def config_json(config: ModelConfig) -> tuple[ModelConfig, Values]:
    """Return the config as one of a family of `transformers`, and the settings in its config.json.

    Raises EngineError error.not_expressible with the setting that no family has.
    """
    missing: list[list[str]] = []
    for family in _candidates(config):
        meant = replace(config, family=family)
        values = _described(meant)
        missing.append(_not_in(meant, values))
        if not missing[-1]:
            return meant, values
    raise not_expressible(config, min(missing, key=len)[0])


def _not_in(config: ModelConfig, values: Values) -> list[str]:
    """Return the settings of a config that are lost in a config.json."""
    try:
        return differences(config, families.config_from(values, NOWHERE))
    except EngineError as error:
        setting = str(error.args_by_name.get("setting"))
        return ["activation" if setting in ACTIVATION else setting]


def not_expressible(config: ModelConfig, setting: str) -> EngineError:
    return EngineError("error.not_expressible", setting=setting, value=str(getattr(config, setting, "–"))[:80])


def _candidates(config: ModelConfig) -> tuple[str, ...]:
    if config.family == "nakami":
        return OWN
    return ("gemma3_text" if config.family == "gemma3" else config.family,)


def differences(one: ModelConfig, other: ModelConfig) -> list[str]:
    """Return the names of the settings by which two models compute something else."""
    found = []
    for field in fields(ModelConfig):
        a, b = getattr(one, field.name), getattr(other, field.name)
        is_near = isinstance(a, float) and abs(a - b) <= SAME * abs(a)
        if field.name not in COMPARED_APART and a != b and not is_near:
            found.append(field.name)
    if one.layer_windows != other.layer_windows:
        found.append("windows")
    if one.positions == "rotary" and not _rotates_alike(one, other):
        found.append("rope_scaling")
    return found


def _rotates_alike(one: ModelConfig, other: ModelConfig) -> bool:
    if one.rotated_features != other.rotated_features:
        return False
    for is_long in (False, True):
        frequencies, others = (rotary_frequencies(config, is_long=is_long) for config in (one, other))
        if not np.allclose(frequencies, others, rtol=SAME, atol=0):
            return False
    is_near = abs(attention_factor(one) - attention_factor(other)) <= SAME * attention_factor(one)
    return is_near and one.is_long(one.context) == other.is_long(one.context)


def _described(config: ModelConfig) -> Values:
    """Return the settings in config.json, tokens that begin and pad a text excepted."""
    stops = list(config.stop_ids)
    return FAMILIES[config.family](config) | {
        "model_type": config.family,
        "architectures": [CLASSES[config.family]],
        "vocab_size": config.vocabulary,
        "tie_word_embeddings": config.tied_head,
        "eos_token_id": stops if len(stops) > 1 else stops[0] if stops else None,
    }


def _gpt2(config: ModelConfig) -> Values:
    return {
        "n_embd": config.width,
        "n_inner": config.mlp_width,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "n_positions": config.context,
        "layer_norm_epsilon": shortest(config.norm_epsilon),
        "activation_function": ACTIVATIONS[config.activation],
    }


def _gpt_neox(config: ModelConfig) -> Values:
    return {
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "max_position_embeddings": config.context,
        "layer_norm_eps": shortest(config.norm_epsilon),
        "hidden_act": ACTIVATIONS[config.activation],
        "rotary_pct": config.rotated_features / config.head_width,
        "rotary_emb_base": config.rope_theta,
        "rope_scaling": _scaling(config.rope_scaling),
        "use_parallel_residual": config.parallel,
        "attention_bias": config.qkv_biases,
    }


def _llama(config: ModelConfig) -> Values:
    return {
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.head_width,
        "max_position_embeddings": config.context,
        "rms_norm_eps": shortest(config.norm_epsilon),
        "hidden_act": ACTIVATIONS[config.activation],
        "attention_bias": config.qkv_biases,
        "mlp_bias": config.mlp_biases,
        "rope_theta": config.rope_theta,
        "rope_scaling": _scaling(config.rope_scaling),
    }


def _mistral(config: ModelConfig) -> Values:
    return _llama(config) | {"sliding_window": max(config.windows, default=0) or None}


def _qwen(config: ModelConfig) -> Values:
    return _llama(config) | _windows(config) | {"use_sliding_window": bool(config.windows)}


def _phi3(config: ModelConfig) -> Values:
    scaling = config.rope_scaling
    original = {"original_max_position_embeddings": scaling.original_context} if scaling else {}
    return _mistral(config) | original | {"partial_rotary_factor": config.rotated_features / config.head_width}


def _smollm3(config: ModelConfig) -> Values:
    rotated = [int(layer not in config.unrotated_layers) for layer in range(config.n_layers)]
    return _qwen(config) | {"no_rope_layers": rotated}


def _gemma(config: ModelConfig) -> Values:
    scalar = (config.score_scale or config.head_width**-0.5) ** -2
    return (
        _llama(config)
        | _windows(config)
        | {
            "hidden_activation": ACTIVATIONS[config.activation],
            "query_pre_attn_scalar": round(scalar) if abs(scalar - round(scalar)) < SAME * scalar else scalar,
            "attn_logit_softcapping": config.score_cap or None,
            "final_logit_softcapping": config.logit_cap or None,
        }
    )


def _gemma3(config: ModelConfig) -> Values:
    return _gemma(config) | {"rope_local_base_freq": config.local_rope_theta or config.rope_theta}


def _nanochat(config: ModelConfig) -> Values:
    return _llama(config) | {"final_logit_softcapping": config.logit_cap or None}


def _windows(config: ModelConfig) -> Values:
    kinds = ["sliding_attention" if window else "full_attention" for window in config.layer_windows]
    return {"sliding_window": max(config.windows, default=0) or None, "layer_types": kinds}


def _scaling(scaling: RopeScaling | None) -> Values | None:
    if scaling is None:
        return None
    values: Values = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.kind == "linear":
        return values
    values["original_max_position_embeddings"] = scaling.original_context
    if scaling.kind == "llama3":
        return values | {"low_freq_factor": scaling.low_freq_factor, "high_freq_factor": scaling.high_freq_factor}
    values["attention_factor"] = scaling.attention_factor
    if scaling.kind == "longrope":
        return values | {"short_factor": list(scaling.short_factors), "long_factor": list(scaling.long_factors)}
    return values | {"beta_fast": scaling.beta_fast, "beta_slow": scaling.beta_slow, "truncate": scaling.truncate}


def shortest(number: float) -> float:
    """Return 1e-5 for 9.99999975e-06, its nearest float32."""
    return float(str(np.float32(number)))


FAMILIES: dict[str, Callable[[ModelConfig], Values]] = {
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen,
    "qwen3": _qwen,
    "phi3": _phi3,
    "olmo2": _llama,
    "smollm3": _smollm3,
    "gemma2": _gemma,
    "gemma3_text": _gemma3,
    "nanochat": _nanochat,
}
