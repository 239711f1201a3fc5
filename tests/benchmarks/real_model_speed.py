"""Measure the bundled SmolLM2 against `transformers` and llama.cpp, in turns in one process, one prompt for all.

    python -m tests.benchmarks.real_model_speed [--threads 2] [--tokens 100] [--rounds 5] [--peer COMMAND] [--qwen]

Every round runs each way once: greedy tokens after a short prompt, each form of our weights, then with every stage
shown, and a prompt of 400 tokens read at once. The best round of each is printed beside the median: other processes
only add to the time. llama.cpp runs if `llama_cpp` is installed, or if COMMAND starts a program that loads the file
named by its last argument, and answers each line "tokens prompt-ids" with the seconds that it took to generate those.
--qwen measures a random model of Qwen3-0.6B's shape instead (8 GB of memory).
"""

import argparse
import importlib.util
import shlex
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import torch
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM, logging

from engine.generation.decoding import Reader, decode
from engine.generation.sampling import candidates
from engine.messages.generation import SamplingSettings
from engine.messages.models import WeightsForm
from engine.model.bundled import find
from engine.model.opening import finish, load_model, load_transformer
from engine.model.saving import saving
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer

PROMPT, GREEDY = "Once upon a time, in a small village by the sea,", SamplingSettings(temperature=0.0)
LONG = 400  # tokens of the prompt that is read at once
Ways = dict[str, Callable[[], float]]  # -> tokens per second


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", default="", help="a command that runs llama.cpp")
    parser.add_argument("--qwen", action="store_true")
    options = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        ways = _qwen_ways(Path(folder), options) if options.qwen else _smollm2_ways(Path(folder) / "smollm2", options)
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, run in ways.items():
                speeds[name].append(run())
    for name, values in speeds.items():
        print(f"{name:<42} best {max(values):8.1f}  median {statistics.median(values):8.1f} tokens/s")


def _smollm2_ways(folder: Path, options: argparse.Namespace) -> Ways:
    path, n = find("smollm2"), options.tokens
    finish(saving(path, folder, "huggingface", "float32"))
    peer = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    models = {weights: load_model(path, weights=weights) for weights in get_args(WeightsForm)}
    tokenizer = models["float32"][1]
    ids = tokenizer.encode(PROMPT)
    ways: Ways = {"transformers float32": lambda: _theirs(peer, ids, n)}
    judge = _llama_cpp(path, options, ids)
    if judge is None:
        print("llama.cpp: not installed, and no --peer")
    else:
        ways["llama.cpp"] = judge
    for weights, (model, _) in models.items():
        reader = Reader(model)
        ways[f"Nakami {weights}"] = partial(_ours, reader, tokenizer, ids, n)
    for weights in ("float16", "int8"):
        reader = Reader(models[weights][0])
        name = f"Nakami {weights}, every stage shown"
        ways[name] = partial(_ours, reader, tokenizer, ids, n, shown=True)
    return ways | _prompt_ways(peer, {weights: model for weights, (model, _) in models.items()})


def _qwen_ways(folder: Path, options: argparse.Namespace) -> Ways:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=None,
        pad_token_id=0,
    )
    peer = Qwen3ForCausalLM(config).eval()
    peer.save_pretrained(folder)
    ids, n = list(range(300, 313)), options.tokens
    ways: Ways = {"transformers float32": lambda: _theirs(peer, ids, n)}
    tokenizer = load_model(find("smollm2"))[1]
    for weights in ("float16", "int8"):
        reader = Reader(load_transformer(folder, weights=weights))
        ways[f"Nakami {weights}"] = partial(_ours, reader, tokenizer, ids, n)
    return ways


def _prompt_ways(peer: torch.nn.Module, models: dict[str, Transformer]) -> Ways:
    ids = torch.randint(1000, 40000, (1, LONG), generator=torch.Generator().manual_seed(1))
    ways: Ways = {f"transformers float32, {LONG} tokens read": lambda: _read(peer, ids)}
    for weights, model in models.items():
        ways[f"Nakami {weights}, {LONG} tokens read"] = partial(_read, model, ids)
    return ways


@torch.inference_mode()
def _read(model: torch.nn.Module, ids_BT: torch.Tensor) -> float:
    begun = time.perf_counter()
    model(ids_BT)
    return ids_BT.shape[1] / (time.perf_counter() - begun)


def _theirs(peer: torch.nn.Module, ids: list[int], tokens: int) -> float:
    given = torch.tensor([ids])
    begun = time.perf_counter()
    peer.generate(  # type: ignore[operator]
        given,
        attention_mask=torch.ones_like(given),
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        do_sample=False,
        pad_token_id=0,
    )
    return tokens / (time.perf_counter() - begun)


def _ours(reader: Reader, tokenizer: Tokenizer, ids: list[int], tokens: int, shown: bool = False) -> float:
    reader.forget()
    reader.stop_ids = ()
    begun = time.perf_counter()
    for step in decode(reader, tokenizer, ids, tokens, GREEDY, seed=1):
        if shown:
            candidates(step.stages, step.draw, 24, tokenizer.piece)
    return tokens / (time.perf_counter() - begun)


def _llama_cpp(path: Path, options: argparse.Namespace, ids: list[int]) -> Callable[[], float] | None:
    """Return a function that measures llama.cpp, if there is one."""
    if options.peer:
        command = [*shlex.split(options.peer), str(options.threads), str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            print(options.tokens, *ids, file=process.stdin, flush=True)
            return float(options.tokens / float(process.stdout.readline()))

        return ask
    if importlib.util.find_spec("llama_cpp") is None:
        return None
    llama = importlib.import_module("llama_cpp").Llama(str(path), n_threads=options.threads, n_ctx=2048, verbose=False)

    def run() -> float:
        llama.reset()
        begun = time.perf_counter()
        steps = llama.generate(ids, temp=0.0)
        for _ in range(options.tokens):
            next(steps)
        return float(options.tokens / (time.perf_counter() - begun))

    return run


if __name__ == "__main__":
    main()
