"""Measure how well a model predicts a text."""

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.model.damage import check_rows
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer
from engine.text.corpus import windows_of
from engine.text.tokenizer import Tokenizer

TOKENS_AT_ONCE = 4096


@torch.no_grad()
def losses(
    model: Transformer, x_BT: NDArray[np.int64], y_BT: NDArray[np.int64], changes: Changes = UNCHANGED
) -> Iterator[tuple[float, int]]:
    """Yield the summed cross-entropy in nats and the number of tokens, a few windows at a time."""
    device = next(model.parameters()).device
    rows = max(1, TOKENS_AT_ONCE // x_BT.shape[1])
    for start in range(0, len(x_BT), rows):
        x, y = (torch.from_numpy(a[start : start + rows]).to(device) for a in (x_BT, y_BT))
        logits_BTV = model(x, tape=Tape(changes=changes)).float()
        yield F.cross_entropy(logits_BTV.flatten(0, 1), y.flatten(), reduction="sum").item(), y.numel()


def evaluate(
    model: Transformer, tokenizer: Tokenizer, text: str, changes: Changes = UNCHANGED
) -> Iterator[dict[str, float]]:
    """Yield the loss in nats per token, perplexity and bits per UTF-8 byte of the part of a text evaluated so far.

    The text is cut into consecutive windows of the model's context, so that each token but the first
    is predicted once, from the tokens before it in its window.
    Raises EngineError: error.text_too_short, error.row_broken or error.logits_broken if weights are damaged.
    """
    ids = np.array(tokenizer.encode(text), np.int64)
    if len(ids) < 2:
        raise EngineError("error.text_too_short", need=2, have=len(ids), context=1)
    check_rows(model, tokenizer, ids.tolist())
    context = min(model.config.context, len(ids) - 1)
    x_BT, y_BT = windows_of(ids, context)
    rest = ids[len(x_BT) * context :]  # the tokens after the last whole window, with the one before them
    parts = [(x_BT, y_BT)] + ([(rest[None, :-1], rest[None, 1:])] if len(rest) > 1 else [])
    total, count = 0.0, 0
    size = len(text.encode("utf-8", "replace")) - len(tokenizer.token_bytes(int(ids[0])))
    for x, y in parts:
        for loss, tokens in losses(model, x, y, changes):
            total, count = total + loss, count + tokens
            mean = total / count
            if not math.isfinite(mean):
                raise EngineError("error.logits_broken")
            bits = mean * (len(ids) - 1) / math.log(2) / max(1, size)
            yield {
                "loss": mean,
                "perplexity": math.exp(min(mean, 700.0)),
                "bits_per_byte": bits,
                "tokens": count,
            }
