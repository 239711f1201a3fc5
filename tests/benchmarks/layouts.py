"""Measure what the layouts that other programs open cost: the loss after as many steps, and the time of a step.

    python -m tests.benchmarks.layouts TEXT

The model of the preset "30s", for each layout with each seed, interleaved, once with characters as tokens and once
with BPE. The loss is on the held-out tenth, in nats per byte, so that tokenizers can be compared.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from engine.messages.training import TrainingSettings
from engine.text.corpus import windows_of
from engine.training.evaluation import losses
from engine.training.recipe import LAYOUTS
from engine.training.run import Run


def train(text: Path, settings: TrainingSettings) -> tuple[float, float, int]:
    """Return the held-out loss in nats per byte, the milliseconds of a step, and the number of parameters."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.start([str(text)], Path(folder) / "model", settings)
        list(run.prepare())
        list(run.steps())
        x_BT, y_BT = windows_of(run.corpus.validation, settings.context)
        parts = list(losses(run.model, x_BT, y_BT))
        loss = sum(total for total, _ in parts)
        size = sum(len(run.tokenizer.token_bytes(token)) for token in y_BT.flatten().tolist())
        return loss / size, 1000 * run.trainer.seconds / run.trainer.step, run.model.config.parameters()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    for tokenizer in ("char", "bpe"):
        found = defaultdict(list)
        for seed in range(1, options.seeds + 1):
            for layout in LAYOUTS:
                settings = TrainingSettings(tokenizer, seconds=None, steps=options.steps, seed=seed, layout=layout)
                found[layout].append(train(options.text, settings))
        for layout, rows in found.items():
            loss, pace, _ = (statistics.mean(column) for column in zip(*rows, strict=True))
            print(f"{tokenizer} {layout}: {loss:.4f} nats a byte, {pace:.1f} ms a step, {rows[0][2]:,} parameters")


if __name__ == "__main__":
    main()
