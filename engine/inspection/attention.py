"""Attention patterns of every layer and head, and the steps that lead to one row of them."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]


def attention_by_layer(model: Transformer, ids: Sequence[int], changes: Changes = UNCHANGED) -> Iterator[Floats]:
    """Yield each layer's pattern [head, query, key]; rows sum to 1 and are 0 for keys after the query.

    `ids` must be at least one token and at most the model's context.
    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    names = [f"blocks.{i}.attn.pattern" for i in range(model.config.n_layers)]
    tape = Tape(names, changes=changes)
    for index in model.walk(batch_of(model, ids), tape):
        yield _finite(tape.take(names[index])[0])


def attention_patterns(model: Transformer, ids: Sequence[int], changes: Changes = UNCHANGED) -> Floats:
    """Return the patterns of all layers [layer, head, query, key]; as `attention_by_layer`."""
    return np.stack(list(attention_by_layer(model, ids, changes)))


def head_pattern(
    model: Transformer, ids: Sequence[int], layer: int, head: int, changes: Changes = UNCHANGED
) -> Generator[int, None, Floats]:
    """Return the pattern [query, key] of one head; yield the index of each layer that is computed.

    `ids` and errors are those of `attention_by_layer`.
    """
    name = f"blocks.{layer}.attn.pattern"
    tape = Tape([name], changes=changes)
    yield from model.walk(batch_of(model, ids), tape)
    return _finite(tape[name][0, head])


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps from one query of one layer to its row of the pattern and its output, for all heads.

    H heads, G groups that share keys and values, S keys up to the query, K head width, D width.
    """

    input_D: Floats  # the query's normalised residual stream, to which W_Q, W_K and W_V are applied
    q_HK: Floats
    k_GSK: Floats
    v_GSK: Floats
    scaled_HS: Floats  # q·k / sqrt(K), or with the model's own scale and soft cap
    weights_HS: Floats  # softmax of scaled_HS
    z_HK: Floats  # weighted sum of the values


def attention_steps(
    model: Transformer, ids: Sequence[int], layer: int, query: int, changes: Changes = UNCHANGED
) -> Generator[int, None, Steps]:
    """Return the steps of softmax(q·k / sqrt(K)) · v for one query (Vaswani et al. 2017, §3.2.1).

    Yields the index of each layer that is computed.
    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    parts = ("ln1", "attn.q", "attn.k", "attn.v", "attn.scores", "attn.pattern", "attn.z")
    names = [f"blocks.{layer}.{part}" for part in parts]
    tape = Tape(names, slice(query, query + 1), changes)
    yield from model.walk(batch_of(model, ids), tape)
    input_1D, q_1HK, k_TGK, v_TGK, scores_H1S, pattern_H1S, z_1HK = (_finite(tape[name][0]) for name in names)
    seen = slice(0, query + 1)
    return Steps(
        input_D=input_1D[0],
        q_HK=q_1HK[0],
        k_GSK=k_TGK[seen].swapaxes(0, 1),
        v_GSK=v_TGK[seen].swapaxes(0, 1),
        scaled_HS=scores_H1S[:, 0, seen],
        weights_HS=pattern_H1S[:, 0, seen],
        z_HK=z_1HK[0],
    )


def max_pool(pattern_HTT: Floats, most: int) -> Floats:
    """Return the pattern with at most `most` rows and columns: the largest weight of each square."""
    H, T, _ = pattern_HTT.shape
    if most >= T:
        return pattern_HTT
    size = -(-T // most)
    padded = np.pad(pattern_HTT, ((0, 0), (0, -T % size), (0, -T % size)))
    side = padded.shape[1] // size
    return padded.reshape(H, side, size, side, size).max(axis=(2, 4))


def batch_of(model: Transformer, ids: Sequence[int]) -> torch.Tensor:
    """Return the token IDs as a batch of one [1, T], on the model's device."""
    return torch.tensor([list(ids)], device=model.device)


def _finite(tensor: torch.Tensor) -> Floats:
    if not tensor.isfinite().all():
        raise EngineError("error.logits_broken")
    array: Floats = tensor.float().cpu().numpy()
    return array
