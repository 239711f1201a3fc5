"""Measure how long each method of looking inside takes, on SmolLM2 or another model.

    python -m tests.benchmarks.inside [--model FOLDER] [--weights float32 | int8] [--runs N]

The methods take turns, and each figure is the shortest of its runs, in seconds. The targets hold for SmolLM2 on two
idle cores. `first` is the time until the first row of the grid of patches.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np

from engine.inspection.attention import batch_of
from engine.inspection.attribution import attribute
from engine.inspection.contributions import contributions
from engine.inspection.interventions import changes_of
from engine.inspection.lens import lens, residuals
from engine.inspection.meters import answer_probe
from engine.inspection.patching import last_residual, patch_all
from engine.inspection.precision import round_into
from engine.inspection.ranking import rank_parts
from engine.inspection.steering import added, direction, write
from engine.messages.models import Scaled
from engine.model.bundled import find
from engine.model.opening import finish, load_model
from engine.model.tape import Tape
from engine.model.transformer import Transformer

TEXT = (
    "The capital of France is a large and old city on a river, with many bridges, museums and churches, which"
    " millions of people from all countries of the world visit every year"
)
OTHER = TEXT.replace("France", "Germany")
TOKENS = 32


def figures(
    model: Transformer, ids: Sequence[int], other: Sequence[int]
) -> dict[str, tuple[float | None, Callable[[], object]]]:
    """Return what is measured: the target in seconds, if there is one, and the function to time."""
    few, few_other, token, against = ids[:9], other[:9], ids[-1], ids[-2]

    def read() -> object:
        return list(lens(model, finish(residuals(model, ids)), [*ids[1:], token], 10))

    def fader() -> object:
        changes = changes_of(model, [Scaled(1, 0, 0.5)], lambda _: ids)
        tape = Tape([last_residual(model)], changes=changes)
        model.record(batch_of(model, ids), tape)
        return tape

    def steer() -> object:
        v_D = direction(model, [ids[:12]], [other[12:24]], model.config.n_layers // 2)
        changes = added(model.config.n_layers // 2, v_D[None])
        return list(write(model, ids, 10, changes, 1))

    copy, weights = deepcopy(model), dict(model.named_parameters())
    return {
        "lens, 32 tokens": (0.3, read),
        "parts of a logit, 32 tokens": (0.3, lambda: contributions(model, ids, token)),
        "one fader, 32 tokens": (0.2, fader),
        "occlusion, 32 tokens": (1.0, lambda: attribute(model, ids, token, "occlusion")),
        "all parts, 14 tokens": (6.0, lambda: list(rank_parts(model, [answer_probe(ids[:14], token, 14)]))),
        "steering, 10 tokens": (None, steer),
        "weights rounded to 4 bits": (None, lambda: list(round_into(copy, weights.items(), 4))),
        "patches, 9 tokens": (4.0, lambda: list(patch_all(model, few, few_other, (token, against), "resid_post"))),
        "patches, 32 tokens, first": (1.0, lambda: next(patch_all(model, ids, other, (token, against), "resid_post"))),
        "patches, 32 tokens": (30.0, lambda: list(patch_all(model, ids, other, (token, against), "resid_post"))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--weights", default="float32")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    model, tokenizer = load_model(find(options.model), weights=options.weights)
    ids, other = tokenizer.encode(TEXT)[:TOKENS], tokenizer.encode(OTHER)[:TOKENS]
    assert len(ids) == len(other) == TOKENS
    measured = figures(model, ids, other)
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(options.runs):
        for name, (_, run) in measured.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    for name, (target, _) in measured.items():
        print(f"{name:30} {min(seconds[name]):7.3f}   median {np.median(seconds[name]):7.3f}   target {target}")


if __name__ == "__main__":
    main()
