"""Trace one forward pass from the tokens to the logits, with values of every part, reduced to what a screen shows.

Suffixes: T tokens, L layers, M width of the MLP, V vocabulary, P numbers of a pooled vector.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer

MOST_NUMBERS = 64  # numbers of a vector that are kept; more are narrower than a pixel
MOST_TOKENS = 32

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pass:
    """Values of one forward pass for the last T tokens; vectors are pooled to at most MOST_NUMBERS by `mean_pool`."""

    embedding_TP: Floats  # residual stream that enters the first layer
    attention_LTT: Floats  # mean over the heads; keys before the T tokens are left out
    norms_LT: Floats  # length of the residual stream before the first layer and after each, so L + 1 rows
    mlp_LP: Floats  # activations of the last token
    strongest_L: NDArray[np.int32]  # the last token's feature with the largest magnitude
    strongest_values_L: Floats
    final_P: Floats  # the last token after the final norm
    logits_V: Floats


def trace(
    model: Transformer, ids: Sequence[int], most: int, changes: Changes = UNCHANGED
) -> Generator[int, None, Pass]:
    """Run the model over `ids`, at least one and at most its context, and return the values of the last `most` tokens.

    Yields the index of each layer that is computed.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    layers = range(model.config.n_layers)
    count = min(len(ids), max(1, min(most, MOST_TOKENS)))
    names = [f"blocks.{i}.{part}" for i in layers for part in ("attn.pattern", "mlp.post", "resid_post")]
    wanted = ["blocks.0.resid_pre", *names, "ln_final", "logits"]
    tape = Tape(wanted, slice(len(ids) - count, None), changes)
    yield from model.walk(batch_of(model, ids), tape)
    mlp_LM = np.stack([_array(tape[f"blocks.{i}.mlp.post"][0, -1]) for i in layers])
    strongest_L = np.abs(mlp_LM).argmax(axis=1)
    residuals = [tape["blocks.0.resid_pre"], *(tape[f"blocks.{i}.resid_post"] for i in layers)]
    result = Pass(
        embedding_TP=mean_pool(_array(residuals[0][0])),
        attention_LTT=np.stack([_array(tape[f"blocks.{i}.attn.pattern"][0, :, :, -count:].mean(0)) for i in layers]),
        norms_LT=np.stack([_array(x[0].float().norm(dim=-1)) for x in residuals]),
        mlp_LP=mean_pool(mlp_LM),
        strongest_L=strongest_L.astype(np.int32),
        strongest_values_L=mlp_LM[layers, strongest_L],
        final_P=mean_pool(_array(tape["ln_final"][0, -1])),
        logits_V=_array(tape["logits"][0, -1]),
    )
    shown = (result.embedding_TP, result.attention_LTT, result.norms_LT, mlp_LM, result.final_P, result.logits_V)
    if not all(np.isfinite(values).all() for values in shown):
        raise EngineError("error.logits_broken")
    return result


def mean_pool(values: Floats) -> Floats:
    """Return the last axis as at most MOST_NUMBERS means over parts whose sizes differ by at most one."""
    width = values.shape[-1]
    if width <= MOST_NUMBERS:
        return values
    edges = np.arange(MOST_NUMBERS + 1) * width // MOST_NUMBERS
    means: Floats = (np.add.reduceat(values, edges[:-1], axis=-1) / np.diff(edges)).astype(np.float32)
    return means


def _array(tensor: Tensor) -> Floats:
    values: Floats = tensor.float().cpu().numpy()
    return values
