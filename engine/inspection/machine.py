"""The whole machine at once: what one pass from the tokens to the logits leaves behind, small enough to be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.model.tape import Tape
from engine.model.transformer import Transformer

MOST_NUMBERS = 64  # of a vector; more are narrower than a pixel
MOST_TOKENS = 32  # so that the pictures of 200 layers are one message of less than 1 MB

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pass:
    """Of the last T tokens; P = at most MOST_NUMBERS parts of a vector, see `pooled`."""

    embedding_TP: Floats
    attention_LTT: Floats  # mean over the heads; keys before the T tokens are not shown
    norms_LT: Floats  # length of the residual: behind the embedding, then behind each layer
    mlp_LP: Floats  # activations of the last token
    strongest_L: NDArray[np.int32]  # the feature of the last token with the largest magnitude
    strongest_values_L: Floats
    final_P: Floats  # of the last token, behind the final norm
    logits_V: Floats


@torch.no_grad()
def trace(model: Transformer, ids: Sequence[int], most: int) -> Pass:
    """One pass over `ids`, at least one and at most the model's context; the last `most` of them are kept.

    Raises EngineError error.logits_broken if the weights of the model are damaged.
    """
    layers = range(model.config.n_layers)
    count = min(len(ids), max(1, min(most, MOST_TOKENS)))
    parts = ("attn.weights", "mlp.activation", "residual.after")
    names = [f"blocks.{i}.{part}" for i in layers for part in parts]
    tape = Tape(["embedding", *names, "final_norm", "logits"], slice(len(ids) - count, None))
    model.record(torch.tensor([list(ids)], device=model.head.weight.device), tape)
    mlp_LM = np.stack([_array(tape[f"blocks.{i}.mlp.activation"][0, -1]) for i in layers])
    strongest_L = np.abs(mlp_LM).argmax(axis=1)
    residuals = [tape["embedding"], *(tape[f"blocks.{i}.residual.after"] for i in layers)]
    result = Pass(
        embedding_TP=pooled(_array(tape["embedding"][0])),
        attention_LTT=np.stack([_array(tape[f"blocks.{i}.attn.weights"][0, :, :, -count:].mean(0)) for i in layers]),
        norms_LT=np.stack([_array(x[0].float().norm(dim=-1)) for x in residuals]),
        mlp_LP=pooled(mlp_LM),
        strongest_L=strongest_L.astype(np.int32),
        strongest_values_L=mlp_LM[layers, strongest_L],
        final_P=pooled(_array(tape["final_norm"][0, -1])),
        logits_V=_array(tape["logits"][0, -1]),
    )
    shown = (result.embedding_TP, result.attention_LTT, result.norms_LT, mlp_LM, result.final_P, result.logits_V)
    if not all(np.isfinite(values).all() for values in shown):
        raise EngineError("error.logits_broken")
    return result


def pooled(values: Floats) -> Floats:
    """The last axis as at most MOST_NUMBERS numbers: means over parts of equal size, or sizes that differ by one."""
    width = values.shape[-1]
    if width <= MOST_NUMBERS:
        return values
    edges = np.arange(MOST_NUMBERS + 1) * width // MOST_NUMBERS
    means: Floats = (np.add.reduceat(values, edges[:-1], axis=-1) / np.diff(edges)).astype(np.float32)
    return means


def _array(tensor: Tensor) -> Floats:
    values: Floats = tensor.float().cpu().numpy()
    return values
