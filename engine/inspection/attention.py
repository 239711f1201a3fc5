"""Who looks at whom: the attention weights of every layer and head."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.model.config import ModelConfig
from engine.model.tape import Tape
from engine.model.transformer import Transformer

MOST_WEIGHTS = 500_000  # as float16 they leave the engine in one message of 1 MB


def most_tokens(config: ModelConfig) -> int:
    """How long a text may be for the weights of all heads to be looked at together."""
    return max(1, min(config.context, math.isqrt(MOST_WEIGHTS // (config.n_layers * config.n_heads))))


def attention_weights(model: Transformer, ids: Sequence[int]) -> NDArray[np.float32]:
    """[layer, head, query, key]; each row sums to 1 and is 0 for keys behind the query.

    `ids` must be at least one and at most the model's context.
    Raises EngineError error.logits_broken if the weights of the model are damaged.
    """
    names = [f"blocks.{i}.attn.weights" for i in range(model.config.n_layers)]
    tape = Tape(names)
    model.record(torch.tensor([list(ids)], device=model.head.weight.device), tape)
    weights_LHTT = torch.cat([tape[name] for name in names])
    if not weights_LHTT.isfinite().all():
        raise EngineError("error.logits_broken")
    weights: NDArray[np.float32] = weights_LHTT.float().cpu().numpy()
    return weights
