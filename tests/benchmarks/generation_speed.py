"""Measure generating one token at a time against `transformers.generate`.

    python -m tests.benchmarks.generation_speed

6 layers, width 256, vocabulary 4,000, random weights, 200 tokens after 16, both with their caches; in turns.
"""

import statistics
import time
from typing import TYPE_CHECKING

import torch
from transformers import GPT2Config, GPT2LMHeadModel, logging

from engine.generation.decoding import Reader, decode
from engine.generation.sampling import candidates
from engine.messages.generation import SamplingSettings
from engine.model.config import ModelConfig
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer, train_characters

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY, PROMPT, TOKENS, ROUNDS = 4000, list(range(300, 316)), 200, 7
SAMPLING = SamplingSettings(temperature=1.0, top_k=50, top_p=0.95)


def main() -> None:
    torch.manual_seed(0)
    logging.set_verbosity_error()
    tokenizer = train_characters([chr(0x4E00 + i) for i in range(VOCABULARY - 256)])
    model = Transformer(ModelConfig(VOCABULARY, 6, 8, 8, width=256, head_width=32, mlp_width=1024, context=256))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.05)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=256,
        n_embd=256,
        n_layer=6,
        n_head=8,
        bos_token_id=0,
        eos_token_id=0,
    )
    peer = GPT2LMHeadModel(config).eval()
    ways: dict[str, Callable[[], None]] = {
        "transformers.generate": lambda: _theirs(peer),
        "Nakami": lambda: _ours(model, tokenizer, report=False),
        "Nakami, every stage reported": lambda: _ours(model, tokenizer, report=True),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    speed = {name: TOKENS / statistics.median(values) for name, values in times.items()}
    for name, value in speed.items():
        print(f"{name}: {value:,.0f} tokens/s")
    theirs, ours, reported = speed.values()
    print(f"ratio {ours / theirs:.2f} (target 2.5); with every stage {reported / ours:.2f} of that (target 0.85)")


def _theirs(peer: GPT2LMHeadModel) -> None:
    ids = torch.tensor([PROMPT])
    sampling = {"do_sample": True, "temperature": 1.0, "top_k": 50, "top_p": 0.95}
    mask = torch.ones_like(ids)
    peer.generate(ids, attention_mask=mask, max_new_tokens=TOKENS, min_new_tokens=TOKENS, pad_token_id=0, **sampling)


def _ours(model: Transformer, tokenizer: Tokenizer, report: bool) -> None:
    for step in decode(Reader(model), tokenizer, PROMPT, TOKENS, SAMPLING, seed=1):
        if report:
            candidates(step.stages, step.draw, 24, tokenizer.piece)


if __name__ == "__main__":
    main()
