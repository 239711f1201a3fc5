"""Measure tokens per second of a training step against GPT-2 of `transformers`.

    python -m tests.benchmarks.step_speed

Same layers, width, heads, context, batch and vocabulary, torch's AdamW for both, in turns; the median. GPT-2 is
computed in float32, Nakami as it trains on this processor, and in float32 too.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from engine.model.config import ModelConfig
from engine.model.derivatives import cross_entropy
from engine.model.linear import bfloat16_is_faster, reduced_precision
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
    """Measure the peer with the allocator as it comes, then both with Nakami's setting of it."""
    faster = bfloat16_is_faster()
    print(f"Nakami trains {'in bfloat16 and float32' if faster else 'in float32'} on this processor")
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
        exact = stepper(model, cross_entropy, batch, context, vocabulary)
        ours = in_reduced_precision(exact)
        for step in (ours, exact, theirs):
            seconds(step)
        rounds = [(seconds(ours), seconds(exact), seconds(theirs)) for _ in range(ROUNDS)]
        mine, float32, same = (statistics.median(column) for column in zip(*rounds, strict=True))
        plain = statistics.median(as_it_comes)
        tokens = batch * context
        print(
            f"{layers}x{width} context {context} batch {batch} vocabulary {vocabulary}: "
            f"Nakami {tokens / mine:,.0f} tokens/s, {tokens / float32:,.0f} in float32; "
            f"GPT-2 {tokens / plain:,.0f} as it comes (ratio {plain / mine:.2f}, in float32 {plain / float32:.2f}), "
            f"{tokens / same:,.0f} with our allocator (ratio {same / mine:.2f}, in float32 {same / float32:.2f})",
            flush=True,
        )


def in_reduced_precision(step: Callable[[], None]) -> Callable[[], None]:
    """Return the step as Nakami's trainer computes it."""

    def reduced() -> None:
        with reduced_precision(torch.device("cpu")):
            step()

    return reduced


if __name__ == "__main__":
    main()
