"""Every family's variants give the numbers of `transformers`: all text at once, and token by token."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings, strategies as st

from engine.errors import EngineError
from engine.generation.decoding import Reader
from engine.model.families import config_from
from engine.model.opening import describe, load_transformer
from tests.engine.hf_models import SHAPE, VOCABULARY, model_of, saved, some_ids

LINEAR = {"rope_type": "linear", "factor": 3.0, "rope_theta": 5000.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 100.0, "original_max_position_embeddings": 24}
YARN_DEEPSEEK = YARN | {"mscale": 0.7, "mscale_all_dim": 1.3, "beta_fast": 3.0, "beta_slow": 0.5}
YARN_EXACT = YARN | {"attention_factor": 1.4, "truncate": False, "beta_fast": 2.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 100.0}


def longrope(pairs: int, **more: Any) -> dict[str, Any]:
    short, long = [1 + 0.1 * i for i in range(pairs)], [2 + 0.7 * i for i in range(pairs)]
    return {"rope_type": "longrope", "rope_theta": 1000.0, "short_factor": short, "long_factor": long} | more


SCALINGS = [None, LINEAR, LLAMA3, YARN, YARN_DEEPSEEK, YARN_EXACT, DYNAMIC]
TIED = {"tie_word_embeddings": st.booleans(), "num_key_value_heads": st.sampled_from([1, 2, 4])}
ROPES = {"rope_parameters": st.sampled_from(SCALINGS)}
BIASES = {"attention_bias": st.booleans()}
WINDOW = st.sampled_from([1, 5, 11, 200])
LAYER_TYPES = st.lists(st.sampled_from(["sliding_attention", "full_attention"]), min_size=3, max_size=3)
GELUS = st.sampled_from(["gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "relu"])
GEMMA = {
    "head_dim": st.sampled_from([8, 20]),
    "sliding_window": WINDOW,
    "layer_types": st.none() | LAYER_TYPES,
    "query_pre_attn_scalar": st.sampled_from([16, 31]),
    "final_logit_softcapping": st.none() | st.just(2.0),
    "hidden_activation": st.sampled_from(["gelu_pytorch_tanh", "silu"]),
}


def gemma3_ropes(full: dict[str, Any] | None) -> dict[str, Any] | None:
    return full and {"full_attention": full, "sliding_attention": {"rope_type": "default", "rope_theta": 300.0}}


FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": TIED | ROPES | BIASES | {"mlp_bias": st.booleans(), "head_dim": st.sampled_from([12, 20])},
    "Mistral": TIED | ROPES | {"sliding_window": st.none() | WINDOW},
    "Qwen2": TIED | ROPES | {"use_sliding_window": st.just(True), "sliding_window": WINDOW, "layer_types": LAYER_TYPES},
    "Qwen3": TIED | ROPES | BIASES | {"head_dim": st.sampled_from([8, 24])},
    "Phi3": TIED
    | {
        "hidden_size": st.just(64),
        "original_max_position_embeddings": st.sampled_from([16, 64]),
        "sliding_window": st.none() | WINDOW,
        "rope_parameters": st.sampled_from(
            [
                None,
                longrope(8),
                longrope(8, factor=3.0),
                longrope(8, attention_factor=1.7),
                longrope(6, partial_rotary_factor=0.75),
                {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5},
            ]
        ),
    },
    "GPTNeoX": BIASES
    | {
        "tie_word_embeddings": st.booleans(),
        "hidden_act": GELUS,
        "use_parallel_residual": st.booleans(),
        "rope_parameters": st.sampled_from(
            [
                None,
                {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5},
                {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 1.0},
                LINEAR | {"partial_rotary_factor": 0.5},
                YARN | {"partial_rotary_factor": 0.34},
            ]
        ),
    },
    "Olmo2": TIED | ROPES | BIASES,
    "SmolLM3": TIED
    | ROPES
    | BIASES
    | {
        "mlp_bias": st.booleans(),
        "no_rope_layer_interval": st.sampled_from([1, 2, 4]),
        "no_rope_layers": st.none() | st.lists(st.integers(0, 1), min_size=3, max_size=3),
        "use_sliding_window": st.booleans(),
        "sliding_window": WINDOW,
    },
    "Gemma2": TIED | ROPES | BIASES | GEMMA | {"attn_logit_softcapping": st.none() | st.just(1.5)},
    "NanoChat": TIED | ROPES | BIASES | {"final_logit_softcapping": st.none() | st.just(2.0)},
    "Gemma3": TIED | BIASES | GEMMA | {"rope_parameters": st.sampled_from(SCALINGS[:-2]).map(gemma3_ropes)},
}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@torch.no_grad()
def test_any_variant_has_the_logits_of_transformers(family: str, tmp_path_factory: Any, data: st.DataObject) -> None:
    chosen = data.draw(st.fixed_dictionaries(FAMILIES[family]))
    folder = tmp_path_factory.mktemp("variant")
    theirs = saved(model_of(family, **chosen), folder, seed=data.draw(st.integers(0, 99)))
    ours, ids = load_transformer(folder), some_ids(40)
    expected = theirs(ids).logits[0]
    assert torch.allclose(ours(ids)[0], expected, atol=3e-4)
    reader, text = Reader(ours), ids[0].tolist()
    for length in (1, 2, 3, 12, 13, 14, 39, 40):  # parts, and tokens one by one
        alone = theirs(ids[:, :length]).logits[0, -1] if family == "Phi3" else expected[length - 1]
        assert np.allclose(reader.logits(text[:length]), alone.numpy(), atol=3e-4), length


# --- Older and partial config files -----------------------------------------------------------------

GEMMA3 = {"head_dim": 20, "sliding_window": 6, "num_hidden_layers": 6}
OLDER: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "smollm3": (
        "SmolLM3",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 5e6}},
        {"rope_theta": 5e6, "rope_scaling": None, "no_rope_layers": [1, 1, 1]},
    ),
    "gpt_neox": (
        "GPTNeoX",
        {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5}},
        {"rotary_pct": 0.5, "rotary_emb_base": 300},
    ),
    "gemma3": (
        "Gemma3",
        GEMMA3 | {"rope_parameters": gemma3_ropes({"rope_type": "linear", "factor": 8.0, "rope_theta": 4e5})},
        {"rope_theta": 4e5, "rope_local_base_freq": 300.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
        | {"sliding_window_pattern": 6, "layer_types": None},
    ),
}

for kind in ("su", "longrope", "yarn"):  # the name of LongRoPE has changed
    OLDER[f"phi3-{kind}"] = (
        "Phi3",
        {"rope_parameters": longrope(6), "original_max_position_embeddings": 16},
        {"rope_theta": 1000.0, "rope_scaling": longrope(6) | {"type": kind, "rope_type": kind}},
    )


@pytest.mark.parametrize("name", OLDER)
def test_older_files_describe_the_same_model(tmp_path: Path, name: str) -> None:
    family, new, old = OLDER[name]
    model_of(family, **new).save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    expected = config_from(values, tmp_path)
    del values["rope_parameters"]
    assert config_from(values | old, tmp_path) == expected


def test_missing_settings_have_the_defaults_of_transformers(tmp_path: Path) -> None:
    """Gemma 3's own files leave most of them out."""
    given = {"num_hidden_layers": 2, "hidden_size": 1024, "intermediate_size": 80, "vocab_size": 30}
    for name in ("gemma2", "gemma3_text", "phi3", "olmo2", "smollm3", "gpt_neox"):
        named = {"gemma3_text": "Gemma3Text", "gpt_neox": "GPTNeoX", "smollm3": "SmolLM3"}
        whole = getattr(transformers, f"{named.get(name, name.capitalize())}Config")(**given).to_dict()
        partial = {"model_type": name, "eos_token_id": whole["eos_token_id"]} | given
        assert config_from(partial, tmp_path) == config_from(whole, tmp_path), name


@torch.no_grad()
def test_the_text_part_of_a_model_for_images_is_opened(tmp_path: Path) -> None:
    text = SHAPE | {"head_dim": 20, "sliding_window": 6, "vocab_size": VOCABULARY + 3}
    images = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    marks = {"image_token_index": VOCABULARY, "boi_token_index": VOCABULARY + 1, "eoi_token_index": VOCABULARY + 2}
    config = transformers.Gemma3Config(
        text_config=text, vision_config=images | {"image_size": 28, "patch_size": 14}, mm_tokens_per_image=4, **marks
    )
    theirs = saved(transformers.Gemma3ForConditionalGeneration(config), tmp_path)
    assert torch.allclose(load_transformer(tmp_path)(some_ids()), theirs(some_ids()).logits, atol=1e-4)
    assert describe(tmp_path).unused == ("multi_modal_projector", "vision_tower")


# --- Settings that are refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "change", "setting"),
    [
        ("SmolLM3", {"rope_parameters": {"rope_type": "proportional", "factor": 2.0}}, "rope_scaling"),
        ("SmolLM3", {"rope_parameters": {"rope_type": "yarn", "factor": "two"}}, "factor"),
        ("SmolLM3", {"rope_parameters": {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1.0}}, "rope_theta"),
        ("SmolLM3", {"rope_parameters": LLAMA3 | {"high_freq_factor": 1.0}}, "high_freq_factor"),
        ("SmolLM3", {"no_rope_layers": [1, 0]}, "no_rope_layers"),
        ("SmolLM3", {"layer_types": [["full_attention"]] * 3}, "layer_types"),
        ("SmolLM3", {"layer_types": ["chunked_attention"] * 3}, "layer_types"),
        ("SmolLM3", {"layer_types": ["sliding_attention"] * 3, "sliding_window": None}, "sliding_window"),
        ("Olmo2", {"hidden_act": "gelu"}, "hidden_act"),
        ("Olmo2", {"partial_rotary_factor": 0.5}, "rotary"),
        ("Gemma2", {"hidden_activation": "mish"}, "hidden_act"),
        ("Gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ("Gemma2", {"query_pre_attn_scalar": 0}, "query_pre_attn_scalar"),
        ("Gemma2", {"attn_logit_softcapping": -1}, "attn_logit_softcapping"),
        ("Gemma3", {"rope_parameters": {"rope_type": "linear", "factor": 2.0}}, "rope_parameters"),
        ("Gemma3", {"rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2.0}}}, "rope_type"),
        ("Phi3", {"rope_parameters": longrope(6) | {"long_factor": None}}, "long_factor"),
        ("Phi3", {"rope_parameters": longrope(5)}, "short_factors"),
        ("GPTNeoX", {"hidden_act": "quick_gelu"}, "hidden_act"),
        ("GPTNeoX", {"rope_parameters": {"partial_rotary_factor": 1.5}}, "rotary_width"),
    ],
)
def test_a_setting_that_is_not_supported_is_refused_by_its_name(
    tmp_path: Path, family: str, change: dict[str, Any], setting: str
) -> None:
    model_of(family).save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text()) | change
    with pytest.raises(EngineError) as raised:
        config_from(values, tmp_path)
    assert setting in str(raised.value.args_by_name["setting"])


def test_phi3_opens_without_the_code_in_its_folder(tmp_path: Path) -> None:
    theirs = saved(model_of("Phi3"), tmp_path)
    path = tmp_path / "config.json"
    code = {"AutoConfig": "configuration_phi3.Phi3Config", "AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM"}
    values = json.loads(path.read_text()) | {"auto_map": code}
    path.write_text(json.dumps(values))
    with torch.no_grad():
        assert torch.allclose(load_transformer(tmp_path)(some_ids()), theirs(some_ids()).logits, atol=1e-4)
    path.write_text(json.dumps(values | {"auto_map": code | {"AutoModel": "modeling_mine.Mine"}}))
    with pytest.raises(EngineError, match="model_code"):
        load_transformer(tmp_path)
