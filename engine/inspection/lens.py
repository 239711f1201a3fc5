"""The logit lens: the next token that each layer's residual stream would give.

The residual stream after every layer goes through the final norm, the unembedding and the model's own soft cap, as only
the last one does in the model (nostalgebraist 2020, "interpreting GPT: the logit lens"). The last row is its output.

Suffixes: L layers, so that L + 1 rows are the embedding and every layer; T tokens, R of them at a time, K candidates,
D width, V vocabulary.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.inspection.attention import batch_of
from engine.inspection.scoring import LOGITS_AT_ONCE, check_finite, ranks
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LensRow:
    """What one residual stream would give after each token."""

    top_ids_TK: NDArray[np.int32]  # likeliest tokens
    top_p_TK: Floats
    target_p_T: Floats  # probability of each position's target
    target_rank_T: NDArray[np.int32]  # 1 for the likeliest token, ties by ID


def residuals(
    model: Transformer, ids: Sequence[int], changes: Changes = UNCHANGED
) -> Generator[int, None, list[Tensor]]:
    """Return the residual stream [T D] before the first layer and after each; yield the index of each layer computed.

    `ids` must be at least one token and at most the model's context.
    """
    names = ["blocks.0.resid_pre", *(f"blocks.{i}.resid_post" for i in range(model.config.n_layers))]
    tape = Tape(names, changes=changes)
    yield from model.walk(batch_of(model, ids), tape)
    return [tape.take(name)[0] for name in names]


def lens(model: Transformer, streams: Sequence[Tensor], targets: Sequence[int], most: int) -> Iterator[LensRow]:
    """Yield the row of each residual stream [T D], with its `most` likeliest tokens.

    `targets` are the T tokens whose probability and rank are wanted, one a position.
    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    targets_T = torch.tensor(targets, device=model.device)
    step = max(1, LOGITS_AT_ONCE // model.config.vocabulary)
    for x_TD in streams:
        parts = [
            _row(model, x_TD[first : first + step], targets_T[first : first + step], most)
            for first in range(0, len(targets), step)
        ]
        yield LensRow(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def _row(model: Transformer, x_RD: Tensor, targets_R: Tensor, most: int) -> tuple[NDArray[np.generic], ...]:
    logits_RV = model.decode(x_RD).float()
    check_finite(logits_RV)
    p_RV = logits_RV.softmax(dim=1)
    top = p_RV.topk(min(most, p_RV.shape[1]), dim=1)
    values = (
        top.indices.int(),
        top.values,
        p_RV.gather(1, targets_R[:, None])[:, 0],
        ranks(logits_RV, targets_R).int(),
    )
    return tuple(value.cpu().numpy() for value in values)
