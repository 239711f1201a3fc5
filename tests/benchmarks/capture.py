"""Measure attention and generation of a model of GPT-2's size against `transformers`.

    python -m tests.benchmarks.capture

124 million random weights. Attention of 1,024 tokens against `output_attentions=True` (eager), all layers and
the middle one; then 30 tokens after 16, both with their caches. In turns; the median.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, logging

from engine.generation.decoding import Reader
from engine.inspection.attention import attention_by_layer
from engine.model.opening import load_transformer
from engine.model.tape import Tape

PROMPT, TOKENS = 16, 30


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    logging.set_verbosity_error()
    theirs = GPT2LMHeadModel(GPT2Config(bos_token_id=None, eos_token_id=None)).eval()
    theirs.set_attn_implementation("eager")
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = load_transformer(Path(folder))
    ids = torch.randint(50257, (1, options.tokens))
    with torch.no_grad():
        ways = (lambda: theirs(ids, output_attentions=True), lambda: _all(ours, ids), lambda: _one(ours, ids))
        eager = _race(options.rounds, *ways)
    print(f"attention of {options.tokens} tokens: transformers {eager[0]:.2f} s", flush=True)
    print(f"  all layers {eager[1]:.2f} s, ratio {eager[1] / eager[0]:.2f} (target at most 0.8)", flush=True)
    print(f"  one layer {eager[2]:.2f} s, ratio {eager[2] / eager[0]:.2f} (target at most 0.5)", flush=True)
    theirs.set_attn_implementation("sdpa")
    prompt = ids[:, :PROMPT]
    written: dict[str, list[int]] = {}

    def write_theirs() -> None:
        whole = theirs.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, do_sample=False, pad_token_id=0
        )
        written["theirs"] = whole[0, PROMPT:].tolist()

    def write_ours() -> None:
        reader, text = Reader(ours), prompt[0].tolist()
        for _ in range(TOKENS):
            text.append(int(reader.logits(text).argmax()))
        written["ours"] = text[PROMPT:]

    speed = [TOKENS / seconds for seconds in _race(options.rounds, write_theirs, write_ours)]
    ratio = speed[1] / speed[0]
    print(f"writing: transformers {speed[0]:.1f} tokens/s, Nakami {speed[1]:.1f}, ratio {ratio:.2f} (target 1.2)")
    print(f"the same greedy text: {written['ours'] == written['theirs']}")


def _all(model: torch.nn.Module, ids: torch.Tensor) -> list[object]:
    return list(attention_by_layer(model, ids[0].tolist()))  # type: ignore[arg-type]


def _one(model: torch.nn.Module, ids: torch.Tensor) -> None:
    model.record(ids, Tape(["blocks.6.attn.pattern"]))  # type: ignore[operator]


def _race(rounds: int, *runs: Callable[[], object]) -> list[float]:
    """Return the median seconds of each run."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, times, strict=True):
            begun = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begun)
    return [statistics.median(seconds) for seconds in times]


if __name__ == "__main__":
    main()
