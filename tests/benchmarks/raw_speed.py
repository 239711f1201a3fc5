"""Tokens a second of a training step against GPT-2 of `transformers`.

    python -m tests.benchmarks.raw_speed

Same layers, width, heads, context, batch and vocabulary, torch's AdamW for both, in turns; the median.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from engine.model.config import ModelConfig
from engine.model.derivatives import cross_entropy
from engine.model.memory import keep_freed_memory
from engine.model.transformer import Transformer

SHAPES = (
    (4, 128, 4, 64, 12, 65),
    (4, 128, 4, 64, 32, 65),
    (4, 128, 4, 64, 12, 2000),
    (6, 256, 8, 128, 16, 4000),
)
ROUNDS, STEPS = 5, 8
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def nakami(layers: int, width: int, heads: int, context: int, vocabulary: int) -> torch.nn.Module:
    return Transformer(
        ModelConfig(
            vocabulary,
            layers,
            heads,
            heads,
            width=width,
            head_width=width // heads,
            mlp_width=4 * width,
            context=context,
        )
    )


def gpt2(layers: int, width: int, heads: int, context: int, vocabulary: int) -> torch.nn.Module:
    dropouts = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    special = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary,
            n_positions=context,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            **dropouts,
            **special,
        )
    )


def stepper(model: torch.nn.Module, loss: Loss, batch: int, context: int, vocabulary: int) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.randint(vocabulary, (batch, context + 1))

    def step() -> None:
        out = model(ids[:, :-1])
        logits = out if isinstance(out, torch.Tensor) else out.logits
        loss(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def seconds(step: Callable[[], None]) -> float:
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begun) / STEPS


def main() -> None:
    """Measure with the default allocator for the peer; Nakami sets it at its start, as the engine does."""
    steps = {}
    for shape in SHAPES:
        layers, width, heads, context, batch, vocabulary = shape
        peer = gpt2(layers, width, heads, context, vocabulary)
        theirs = stepper(peer, F.cross_entropy, batch, context, vocabulary)
        seconds(theirs)
        steps[shape] = (theirs, [seconds(theirs) for _ in range(ROUNDS)])
    keep_freed_memory()
    for shape, (theirs, as_it_comes) in steps.items():
        layers, width, heads, context, batch, vocabulary = shape
        model = nakami(layers, width, heads, context, vocabulary)
        ours = stepper(model, cross_entropy, batch, context, vocabulary)
        seconds(ours)
        seconds(theirs)
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
        mine, same = (statistics.median(column) for column in zip(*pairs, strict=True))
        plain = statistics.median(as_it_comes)
        print(
            f"{layers}x{width} context {context} batch {batch} vocabulary {vocabulary}: "
            f"Nakami {batch * context / mine:,.0f} tokens/s; GPT-2 {batch * context / plain:,.0f} as it comes "
            f"(ratio {plain / mine:.2f}), {batch * context / same:,.0f} with our allocator (ratio {same / mine:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
