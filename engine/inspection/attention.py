"""Who looks at whom: the attention weights of every layer and head."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from engine.model.tape import Tape
from engine.model.transformer import Transformer


@torch.no_grad()
def attention_weights(model: Transformer, ids: Sequence[int]) -> NDArray[np.float16]:
    """[layer, head, query, key]; each row sums to 1 and is 0 behind the diagonal.

    `ids` must be at least one and at most the model's context.
    """
    names = [f"blocks.{i}.attn.weights" for i in range(model.config.n_layers)]
    tape = Tape(names)
    model(torch.tensor([list(ids)], device=model.head.weight.device), tape=tape)
    weights: NDArray[np.float16] = torch.cat([tape[name] for name in names]).half().cpu().numpy()
    return weights
