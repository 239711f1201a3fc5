"""Write GGUF files as llama.cpp's conversion scripts do, by their own library, from folders of `transformers`."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import tokenizers
from numpy.typing import NDArray
from safetensors.numpy import load_file

Values = dict[str, Any]
ARCHITECTURES = {"gpt_neox": "gptneox", "gemma3_text": "gemma3"}  # model_type -> architecture, if they differ
TYPES = gguf.GGMLQuantizationType


def write_gguf(folder: Path, path: Path, kind: str = "F32") -> None:
    """Write the model in a folder as a GGUF file whose matrices have the type `kind`."""
    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES.get(config["model_type"], config["model_type"])
    writer = gguf.GGUFWriter(path, architecture)
    _add_settings(writer, config, architecture)
    names = gguf.get_tensor_name_map(
        next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture), _layers(config)
    )
    for name, tensor in load_file(folder / "model.safetensors").items():
        name = {"embed_out.weight": "lm_head.weight"}.get(name, name)
        theirs = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert theirs is not None, name
        add_tensor(writer, theirs, _converted(name, tensor, config), kind)
    if isinstance(config.get("eos_token_id"), list):
        writer.add_eos_token_id(config["eos_token_id"][0])
        writer.add_eot_token_id(config["eos_token_id"][1])
    if (folder / "tokenizer.json").is_file():
        add_tokenizer(writer, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), "gpt-2")
    finish(writer)


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_tensor(writer: gguf.GGUFWriter, name: str, tensor: NDArray[np.float32], kind: str) -> None:
    """Add a tensor; vectors stay float32."""
    kind = kind if tensor.ndim > 1 else "F32"
    stored = gguf.quantize(np.ascontiguousarray(tensor), TYPES[kind])
    writer.add_tensor(name, stored, raw_dtype=TYPES[kind])


def rounded(tensor: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Return the numbers that a matrix has after it was written as `kind`."""
    numbers: NDArray[np.float32] = gguf.dequantize(gguf.quantize(tensor, TYPES[kind]), TYPES[kind])
    return numbers.reshape(tensor.shape)


def _layers(config: Values) -> int:
    return int(config.get("num_hidden_layers") or config["n_layer"])


def _add_settings(writer: gguf.GGUFWriter, config: Values, architecture: str) -> None:
    heads = config.get("num_attention_heads") or config["n_head"]
    width = config.get("hidden_size") or config["n_embd"]
    writer.add_block_count(_layers(config))
    writer.add_context_length(config.get("max_position_embeddings") or config["n_positions"])
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(config.get("intermediate_size") or config.get("n_inner") or 4 * width)
    writer.add_head_count(heads)
    if "num_key_value_heads" in config:
        writer.add_head_count_kv(config["num_key_value_heads"])
    if config.get("head_dim"):
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    if "rms_norm_eps" in config:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    else:
        writer.add_layer_norm_eps(config.get("layer_norm_eps") or config["layer_norm_epsilon"])
    _add_positions(writer, config, config.get("head_dim") or width // heads)
    for name, add in (
        ("sliding_window", writer.add_sliding_window),
        ("attn_logit_softcapping", writer.add_attn_logit_softcapping),
        ("final_logit_softcapping", writer.add_final_logit_softcapping),
        ("use_parallel_residual", writer.add_parallel_residual),
    ):
        if config.get(name) is not None:
            add(config[name])


def _add_positions(writer: gguf.GGUFWriter, config: Values, head_width: int) -> None:
    rope = config.get("rope_parameters") or {}
    local = rope.get("sliding_attention")
    rope = rope.get("full_attention", rope)
    if not rope:
        return  # GPT-2
    share = rope.get("partial_rotary_factor", 1.0)
    writer.add_rope_dimension_count(int(share * head_width))
    writer.add_rope_freq_base(rope["rope_theta"])
    if local:
        writer.add_rope_freq_base_swa(local["rope_theta"])
    kind = rope["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind in ("yarn", "longrope"):
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", _llama3_divisors(rope, head_width))
    if kind == "longrope":
        scale = config["max_position_embeddings"] / rope["original_max_position_embeddings"]
        writer.add_rope_scaling_attn_factors(
            float(np.sqrt(1 + np.log(scale) / np.log(rope["original_max_position_embeddings"])))
        )
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))


def _llama3_divisors(rope: Values, head_width: int) -> NDArray[np.float32]:
    """Return what conversion/llama.py stores: by how much each frequency is divided."""
    frequencies = rope["rope_theta"] ** -(np.arange(0, head_width, 2) / head_width)
    wavelengths, context = 2 * np.pi / frequencies, rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (context / wavelengths - low) / (high - low)
    between = 1 / ((1 - smooth) / rope["factor"] + smooth)
    divisors = np.where(
        wavelengths < context / high, 1.0, np.where(wavelengths > context / low, rope["factor"], between)
    )
    return divisors.astype(np.float32)


def _converted(name: str, tensor: NDArray[Any], config: Values) -> NDArray[np.float32]:
    """Return a tensor as the conversion scripts store it."""
    tensor, family = tensor.astype(np.float32), config["model_type"]
    heads = config.get("num_attention_heads") or config["n_head"]
    if family in ("llama", "smollm3") and (".q_proj." in name or ".k_proj." in name):
        groups = heads if ".q_proj." in name else config["num_key_value_heads"]
        halves = tensor.reshape(groups, 2, len(tensor) // groups // 2, *tensor.shape[1:])
        return halves.swapaxes(1, 2).reshape(tensor.shape)
    if family == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
        return tensor.T
    if family.startswith("gemma") and name.endswith("norm.weight"):
        return tensor + 1
    if family == "gpt_neox" and ".query_key_value." in name:
        by_head = tensor.reshape(heads, 3, -1, *tensor.shape[1:])
        return by_head.swapaxes(0, 1).reshape(tensor.shape)
    return tensor


# --- Tokenizers -----------------------------------------------------------------------------------


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: tokenizers.Tokenizer, pre: str) -> None:
    """Add a byte-level BPE tokenizer, its special and added tokens included."""
    description = json.loads(tokenizer.to_str())
    added = {token["id"]: token for token in description["added_tokens"]}
    ids = {number: piece for piece, number in tokenizer.get_vocab(with_added_tokens=True).items()}
    kinds = {True: gguf.TokenType.CONTROL, False: gguf.TokenType.USER_DEFINED}
    count = max(ids) + 1
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([ids[i] for i in range(count)])
    writer.add_token_types([kinds[added[i]["special"]] if i in added else gguf.TokenType.NORMAL for i in range(count)])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in description["model"]["merges"]]
    writer.add_token_merges(merges)
