"""Small folders of models in the form of `transformers`, with the odd weights that a test needs."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tokenizers
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import decoders, models, pre_tokenizers

WIDTH, LAYERS, HEADS = 16, 2, 2
Weights = dict[str, NDArray[np.float32]]


def byte_tokenizer() -> tokenizers.Tokenizer:
    """Return a tokenizer of the 95 printable ASCII characters, in the form of GPT-2's."""
    characters = ["Ġ" if code == 32 else chr(code) for code in range(32, 127)]
    made = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(characters)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def words_tokenizer(words: list[str]) -> tokenizers.Tokenizer:
    """Return a tokenizer of whole words between spaces; the first is for unknown ones."""
    made = tokenizers.Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token=words[0]))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def make_llama(folder: Path, tokenizer: tokenizers.Tokenizer, *, context: int = 64, tied: bool = False) -> Weights:
    """Write a random Llama and its tokenizer to a folder; return its tensors. `write_weights` replaces them."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tokenizer.get_vocab_size()
    rng = np.random.default_rng(1)

    def random(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    weights = {"model.embed_tokens.weight": random(vocabulary, WIDTH), "model.norm.weight": np.ones(WIDTH, np.float32)}
    if not tied:
        weights["lm_head.weight"] = random(vocabulary, WIDTH)
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{name}.{norm}.weight"] = np.ones(WIDTH, np.float32)
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"):
            weights[f"{name}.{part}.weight"] = random(WIDTH, WIDTH)
        for part in ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
            weights[f"{name}.{part}.weight"] = random(WIDTH, WIDTH)
    config = {
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": context,
        "tie_word_embeddings": tied,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    write_weights(folder, weights)
    return weights


def write_weights(folder: Path, weights: Mapping[str, NDArray[np.float32]]) -> None:
    save_file(dict(weights), folder / "model.safetensors")
