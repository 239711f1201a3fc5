"""Heads that do something nameable: how much of its attention each one spends on it.

All four are measured on the same probe: two copies of the same random tokens, one behind the other, so
that nothing but the heads' own habits can be at work (Olsson et al. 2022, arXiv:2209.11895).
"""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.inspection.attention import attention_by_layer
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]
COPY = 25  # tokens in each of the two copies


def probe(model: Transformer) -> list[int]:
    """The same for every call, so that a model that learns can be compared with itself."""
    length = max(1, min(COPY, model.config.context // 2))
    generator = torch.Generator().manual_seed(0)
    ids: list[int] = torch.randint(model.config.vocabulary, (length,), generator=generator).tolist()
    return ids * 2 if model.config.context > 1 else ids


def head_scores(model: Transformer) -> Floats:
    """[4, layer, head] in the order of messages.HEAD_KINDS: the mean share 0..1 of the attention spent in that way.

    Raises EngineError error.logits_broken if the weights of the model are damaged.
    """
    ids = np.array(probe(model))
    return np.stack([_scores(weights, ids) for weights in attention_by_layer(model, ids.tolist())], axis=1)


def _scores(weights_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    measures = (previous_token, first_token, same_token, induction)  # in the order of HEAD_KINDS
    return np.stack([measure(weights_HTT, ids) for measure in measures]).astype(np.float32)


def previous_token(weights_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """On the token just before (Elhage et al. 2021, A Mathematical Framework for Transformer Circuits)."""
    return _share(weights_HTT, np.eye(len(ids), k=-1, dtype=bool))


def first_token(weights_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """On the very first token, where attention that is not needed goes (Xiao et al. 2023, arXiv:2309.17453)."""
    wanted_TT = np.zeros((len(ids), len(ids)), bool)
    wanted_TT[2:, 0] = True  # the query before has no other to choose but itself
    return _share(weights_HTT, wanted_TT)


def same_token(weights_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """On earlier tokens that are the same (duplicate token heads: Wang et al. 2022, arXiv:2211.00593, §3.3)."""
    return _share(weights_HTT, np.tril(ids[:, None] == ids[None, :], -1))


def induction(weights_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """On what followed the same token the last time (Olsson et al. 2022, arXiv:2209.11895)."""
    followed_T = np.concatenate([[-1], ids[:-1]])  # the token before each key
    return _share(weights_HTT, np.tril(ids[:, None] == followed_T[None, :], -1))


def _share(weights_HTT: Floats, wanted_TT: NDArray[np.bool_]) -> Floats:
    """Of the queries that have such a key; 0 where none has."""
    queries = wanted_TT.any(axis=1)
    if not queries.any():
        return np.zeros(len(weights_HTT), np.float32)
    return (weights_HTT * wanted_TT).sum(axis=2)[:, queries].mean(axis=1)
