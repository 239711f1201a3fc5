"""Measure how soon Nakami's trainer reaches nanoGPT's final loss.

    python -m tests.benchmarks.time_to_loss TEXT

The peer is nanoGPT's recipe for CPUs in plain torch (4 layers, 4 heads, width 128, context 64, batch 12,
2,000 steps, AdamW 1e-3 cosine to 1e-4, warm-up 100, betas 0.9/0.99, weight decay 0.1, clip 1, no dropout).
Both are trained on the characters of the same 90 % and evaluated on all of the other 10 %. Only steps are timed.
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.messages.training import TrainingSettings
from engine.model.memory import keep_freed_memory
from engine.text.corpus import windows_of
from engine.training.evaluation import losses
from engine.training.run import Run

WIDTH, HEADS, LAYERS, CONTEXT, BATCH, STEPS = 128, 4, 4, 64, 12, 2000


class PeerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        split = self.qkv(self.norm_1(x)).split(WIDTH, dim=2)
        q, k, v = (part.view(batch, length, HEADS, -1).transpose(1, 2) for part in split)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


class Peer(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(PeerBlock() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH, bias=False), nn.Linear(WIDTH, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, 0.0, 0.02 / (math.sqrt(2 * LAYERS) if residual else 1.0))

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.blocks(self.tokens(ids) + self.positions.weight[: ids.shape[1]])))
        return logits


def train_peer(ids: np.ndarray, seed: int) -> tuple[float, float]:
    """Return validation loss and seconds of nanoGPT's recipe."""
    torch.manual_seed(seed)
    cut = round(len(ids) * 0.9)
    train, validation = torch.from_numpy(ids[:cut]), ids[cut:]
    model = Peer(int(ids.max()) + 1)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
    begun = time.perf_counter()
    for step in range(STEPS):
        progress = (step - 100) / (STEPS - 100)
        cosine = 1e-4 + 0.5 * (1 + math.cos(math.pi * progress)) * 9e-4
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (step + 1) / 101 if step < 100 else cosine
        starts = torch.randint(len(train) - CONTEXT, (BATCH,))
        x = torch.stack([train[i : i + CONTEXT] for i in starts])
        y = torch.stack([train[i + 1 : i + 1 + CONTEXT] for i in starts])
        F.cross_entropy(model(x).flatten(0, 1), y.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - begun
    x_BT, y_BT = windows_of(validation, CONTEXT)
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(x_BT), 64):
            x, y = (torch.from_numpy(a[start : start + 64]) for a in (x_BT, y_BT))
            total += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
    return total / y_BT.size, seconds


def train_nakami(text: Path, steps: int, seed: int) -> tuple[float, float]:
    """Return validation loss and seconds of Nakami's recipe, with a model of the same size."""
    settings = TrainingSettings(tokenizer="char", steps=steps, seconds=None, batch=BATCH, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.start([str(text)], Path(folder) / "model", settings)
        list(run.prepare())
        list(run.steps())
        parts = list(losses(run.model, *windows_of(run.corpus.validation, CONTEXT)))
        return sum(loss for loss, _ in parts) / sum(count for _, count in parts), run.trainer.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    text = options.text.read_text("utf-8")
    symbols = {character: index for index, character in enumerate(sorted(set(text)))}
    ids = np.array([symbols[character] for character in text], np.int64)
    keep_freed_memory()  # for both
    ratios = []
    for seed in range(1, options.seeds + 1):
        peer_loss, peer_seconds = train_peer(ids, seed)
        loss, seconds = train_nakami(options.text, options.steps, seed)
        ratios.append(peer_seconds / seconds if loss <= peer_loss else 0.0)
        print(
            f"seed {seed}: nanoGPT {peer_loss:.4f} in {peer_seconds:.1f} s; Nakami {loss:.4f} in {seconds:.1f} s; "
            f"ratio {peer_seconds / seconds:.2f}{'' if loss <= peer_loss else ' (not reached)'}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f} (target 5, needed 3)")


if __name__ == "__main__":
    main()
