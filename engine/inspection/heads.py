"""Score heads for four known functions, by the share of attention on the keys that belong to each function.

All four are measured on the same probe, random tokens repeated once, so that the pattern depends on the head and
not on the content of a text (Olsson et al. 2022, arXiv:2209.11895). Suffixes: H heads, T tokens.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.inspection.attention import attention_by_layer
from engine.model.tape import UNCHANGED, Changes
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]
COPY = 25  # tokens in each of the two copies


def probe(model: Transformer) -> list[int]:
    """Return the probe's token IDs: the same at every call, so that a model in training can be followed."""
    length = max(1, min(COPY, model.config.context // 2))
    generator = torch.Generator().manual_seed(0)
    ids: list[int] = torch.randint(model.config.vocabulary, (length,), generator=generator, device="cpu").tolist()
    return ids * 2 if model.config.context > 1 else ids


def head_scores(model: Transformer, changes: Changes = UNCHANGED) -> Floats:
    """Return each head's share 0..1 of attention for each function, [4, layer, head] in the order of HEAD_KINDS.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    ids = np.array(probe(model))
    patterns = attention_by_layer(model, ids.tolist(), changes)
    return np.stack([_scores(pattern_HTT, ids) for pattern_HTT in patterns], axis=1)


def even_scores(ids: NDArray[np.int64]) -> Floats:
    """Return the scores [4] of attention spread evenly over all tokens up to the query: a head without a function."""
    pattern_TT = np.tri(len(ids), dtype=np.float32) / np.arange(1, len(ids) + 1, dtype=np.float32)[:, None]
    return _scores(pattern_TT[None], ids)[:, 0]


def _scores(pattern_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    measures = (previous_token, first_token, same_token, induction)  # in the order of messages.HEAD_KINDS
    return np.stack([measure(pattern_HTT, ids) for measure in measures]).astype(np.float32)


def previous_token(pattern_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """Return the share on the token just before (Elhage et al. 2021, A Mathematical Framework …)."""
    return _share(pattern_HTT, np.eye(len(ids), k=-1, dtype=bool))


def first_token(pattern_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """Return the share on the very first token, the attention sink (Xiao et al. 2023, arXiv:2309.17453)."""
    wanted_TT = np.zeros((len(ids), len(ids)), bool)
    wanted_TT[2:, 0] = True  # the second query sees only the first token and itself
    return _share(pattern_HTT, wanted_TT)


def same_token(pattern_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """Return the share on earlier copies of the token (duplicate token heads: Wang et al. 2022, arXiv:2211.00593)."""
    return _share(pattern_HTT, np.tril(ids[:, None] == ids[None, :], -1))


def induction(pattern_HTT: Floats, ids: NDArray[np.int64]) -> Floats:
    """Return the share on what followed earlier copies of the token (Olsson et al. 2022, arXiv:2209.11895)."""
    followed_T = np.concatenate([[-1], ids[:-1]])  # the token before each key
    return _share(pattern_HTT, np.tril(ids[:, None] == followed_T[None, :], -1))


def _share(pattern_HTT: Floats, wanted_TT: NDArray[np.bool_]) -> Floats:
    """Return each head's mean weight on the wanted keys, over the queries that have any; 0 if none has."""
    queries = wanted_TT.any(axis=1)
    if not queries.any():
        return np.zeros(len(pattern_HTT), np.float32)
    return (pattern_HTT * wanted_TT).sum(axis=2)[:, queries].mean(axis=1)
