"""Small GGUF files, and how to damage them at random."""

import random
import struct
from pathlib import Path

import gguf
import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from tests.engine.ggufs import add_tensor, add_tokenizer, finish

EXTREMES = (0, 1, 0x7F, 0xFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 10**9, 10**12)
WIDTH, LAYERS = 32, 2


def small_gguf(path: Path, kind: str = "Q8_0") -> bytes:
    """Write a small random Llama with a tokenizer, and return the bytes of the file."""
    rng = np.random.default_rng(1)
    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<|end|>": 0} | {character: i for i, character in enumerate(characters, start=1)} | {"th": 257}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, [("t", "h")]))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>"])
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_eos_token_id(0)
    writer.add_chat_template("{{ messages }}")
    add_tokenizer(writer, tokenizer, "llama-bpe")

    def add(name: str, *shape: int) -> None:
        add_tensor(writer, f"{name}.weight", rng.normal(0, 0.1, shape).astype(np.float32), kind)

    add("token_embd", len(vocabulary), WIDTH)
    add("output_norm", WIDTH)
    for layer in range(LAYERS):
        for name, rows, columns in (
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH // 2, WIDTH),
            ("attn_v", WIDTH // 2, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", 2 * WIDTH, WIDTH),
            ("ffn_up", 2 * WIDTH, WIDTH),
            ("ffn_down", WIDTH, 2 * WIDTH),
        ):
            add(f"blk.{layer}.{name}", rows, columns)
        add(f"blk.{layer}.attn_norm", WIDTH)
        add(f"blk.{layer}.ffn_norm", WIDTH)
    finish(writer)
    return path.read_bytes()


def mutated(whole: bytes, rng: random.Random) -> bytes:
    """Return a file with a few bytes, numbers or sections changed, most of them in the header."""
    data = bytearray(whole)
    header = len(whole) // 3  # of the file that `small_gguf` writes
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        place = rng.randrange(header if rng.random() < 0.8 else len(data))
        change = rng.randrange(6)
        if change == 0:
            data[place] = rng.randrange(256)
        elif change == 1:
            data[place] ^= 1 << rng.randrange(8)
        elif change == 2:
            size = rng.choice((4, 8))
            value = rng.choice(EXTREMES) % 256**size
            data[place : place + size] = value.to_bytes(size, "little")
        elif change == 3:
            del data[place : place + rng.randrange(1, 64)]
        elif change == 4:
            data[place:place] = data[rng.randrange(len(data)) :][: rng.randrange(1, 64)]
        else:
            data[place : place + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), -1.0, 0.0)))
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)
