"""Find damaged weights, which contain NaN or infinite numbers."""

from collections.abc import Sequence

import torch

from engine.errors import EngineError
from engine.model.transformer import Transformer
from engine.text.tokenizer import Tokenizer


def check_rows(model: Transformer, tokenizer: Tokenizer, ids: Sequence[int]) -> None:
    """Raise EngineError error.row_broken if the embedding of one of the tokens is not finite."""
    weight = model.embedding.weight
    distinct = torch.tensor(sorted(set(ids)), dtype=torch.long, device=weight.device)
    broken = distinct[~weight[distinct].isfinite().all(dim=1)].tolist()
    if broken:
        raise EngineError("error.row_broken", piece=tokenizer.piece(broken[0]), id=broken[0])


def broken_tensors(model: Transformer) -> list[str]:
    """Return the names of the parameters that contain NaN or infinite numbers."""
    extremes = ((name, torch.stack(parameter.detach().aminmax())) for name, parameter in model.named_parameters())
    return [name for name, lowest_and_highest in extremes if not lowest_and_highest.isfinite().all()]
