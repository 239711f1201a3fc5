"""Who looks at whom: the attention weights of every layer and head, and how one query comes by its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.model.tape import Tape
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]


def attention_by_layer(model: Transformer, ids: Sequence[int]) -> Iterator[Floats]:
    """For one layer after another [head, query, key]; each row sums to 1 and is 0 for keys behind the query.

    `ids` must be at least one and at most the model's context.
    Raises EngineError error.logits_broken if the weights of the model are damaged.
    """
    tape = Tape([f"blocks.{i}.attn.weights" for i in range(model.config.n_layers)])
    for index in model.walk(_batch(model, ids), tape):
        yield _finite(tape.take(f"blocks.{index}.attn.weights")[0])


def attention_weights(model: Transformer, ids: Sequence[int]) -> Floats:
    """All of them [layer, head, query, key]; as `attention_by_layer`."""
    return np.stack(list(attention_by_layer(model, ids)))


def head_weights(model: Transformer, ids: Sequence[int], layer: int, head: int) -> Floats:
    """[query, key] of one head; raises as `attention_by_layer`."""
    name = f"blocks.{layer}.attn.weights"
    tape = Tape([name])
    model.record(_batch(model, ids), tape)
    return _finite(tape[name][0, head])


@dataclass(frozen=True, slots=True)
class Steps:
    """How one query of one layer comes by its weights, in all heads.

    H heads, G groups that share keys and values, S keys up to the query, K numbers a head, D width.
    """

    input_D: Floats  # the query's residual, normalised: what W_Q, W_K and W_V are applied to
    q_HK: Floats
    k_GSK: Floats
    v_GSK: Floats
    scaled_HS: Floats  # q·k / sqrt(K)
    weights_HS: Floats  # softmax of it
    heads_HK: Floats  # the values, weighted and added


def attention_steps(model: Transformer, ids: Sequence[int], layer: int, query: int) -> Steps:
    """The steps of softmax(q·k / sqrt(K)) · v for one query (Vaswani et al. 2017, §3.2.1).

    Raises EngineError error.logits_broken if the weights of the model are damaged.
    """
    parts = ("input", "q", "k", "v", "scores", "weights", "heads")
    names = {part: f"blocks.{layer}.attn.{part}" for part in parts}
    tape = Tape(names.values(), slice(query, query + 1))
    model.record(_batch(model, ids), tape)
    at = {part: _finite(tape[name][0]) for part, name in names.items()}
    seen = slice(0, query + 1)
    return Steps(
        input_D=at["input"][0],
        q_HK=at["q"][:, 0],
        k_GSK=at["k"][:, seen],
        v_GSK=at["v"][:, seen],
        scaled_HS=at["scores"][:, 0, seen],
        weights_HS=at["weights"][:, 0, seen],
        heads_HK=at["heads"][:, 0],
    )


def pooled(weights_HTT: Floats, most: int) -> Floats:
    """The same picture with at most `most` rows and columns: the strongest weight of each small square."""
    H, T, _ = weights_HTT.shape
    if most >= T:
        return weights_HTT
    size = -(-T // most)
    padded = np.pad(weights_HTT, ((0, 0), (0, -T % size), (0, -T % size)))
    side = padded.shape[1] // size
    return padded.reshape(H, side, size, side, size).max(axis=(2, 4))


def _batch(model: Transformer, ids: Sequence[int]) -> torch.Tensor:
    return torch.tensor([list(ids)], device=model.head.weight.device)


def _finite(tensor: torch.Tensor) -> Floats:
    if not tensor.isfinite().all():
        raise EngineError("error.logits_broken")
    array: Floats = tensor.float().cpu().numpy()
    return array
