"""Passages of a text whose hidden states are near to those of a span: the mean of the residual stream over the tokens.

A state is taken after two thirds of the layers, where it says most about the meaning (Jawahar et al. 2019, "What does
BERT learn about the structure of language?"), without the first token, whose state is the same in all texts. The mean
over all passages is subtracted, because hidden states fill a narrow cone (Ethayarajh 2019, arXiv:1909.00512).

Whether the layers add anything to the words is seen from the same cosines of the mean embeddings: in a new model,
before training, both agree. With shuffled weights they do not, although nothing is meant; such a model is recognised
by its loss, which is worse than that of guessing.

Suffixes: N passages, B of them at once, T tokens, D width.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.model.tape import UNCHANGED, Changes, Tape
from engine.model.transformer import Transformer

Floats = NDArray[np.float32]

AT_ONCE = 1024  # tokens


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The mean state of each passage: after the embedding, and after `layer` layers."""

    layer: int
    embeddings_ND: Floats
    states_ND: Floats


def layer_for(model: Transformer) -> int:
    """Return after how many layers the states are taken."""
    return max(1, 2 * model.config.n_layers // 3)


def mean_states(
    model: Transformer, texts: Sequence[Sequence[int]], changes: Changes = UNCHANGED
) -> Generator[float, None, States]:
    """Return the states of passages, each given by its token IDs; yield the share that is done, 0..1.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    layer = layer_for(model)
    names = ("blocks.0.resid_pre", f"blocks.{layer - 1}.resid_post")
    found = np.zeros((2, len(texts), model.config.width), np.float32)
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))  # so that little is padding
    done = 0
    while done < len(order):
        longest = len(texts[order[min(done + AT_ONCE, len(order)) - 1]])
        part = order[done : done + max(1, AT_ONCE // max(1, longest))]
        found[:, part] = _means(model, [texts[index] for index in part], names, changes)
        done += len(part)
        yield done / len(order)
    if not np.isfinite(found).all():
        raise EngineError("error.logits_broken")
    return States(layer, found[0], found[1])


def _means(
    model: Transformer, texts: Sequence[Sequence[int]], names: tuple[str, str], changes: Changes
) -> NDArray[np.float32]:
    """Return the means over all tokens but the first, [2 B D]; no token of a text attends to the padding after it."""
    lengths = [min(len(ids), model.config.context) for ids in texts]
    ids_BT = torch.zeros(len(texts), max(lengths), dtype=torch.long, device=model.device)
    for row, ids in enumerate(texts):
        ids_BT[row, : lengths[row]] = torch.tensor(ids[: lengths[row]])
    tape = Tape(names, changes=changes)
    model.record(ids_BT, tape)
    means = [
        torch.stack(
            [
                x_TD[min(1, length - 1) : length].float().mean(dim=0)
                for x_TD, length in zip(tape[name], lengths, strict=True)
            ]
        )
        for name in names
    ]
    return torch.stack(means).cpu().numpy()


def cosines(states: States, own: States) -> tuple[Floats, float]:
    """Return the cosine of each passage's state with that of `own`, [N], and their agreement with the embeddings'.

    The agreement is the correlation with the same cosines of the mean embeddings; 1 where it is not defined.
    """
    if not len(states.states_ND):
        return np.zeros(0, np.float32), 1.0
    deep_N = _cosines(states.states_ND, own.states_ND[0])
    flat_N = _cosines(states.embeddings_ND, own.embeddings_ND[0])
    if min(deep_N.std(), flat_N.std()) < 1e-9:
        return deep_N, 1.0
    return deep_N, float(np.corrcoef(deep_N, flat_N)[0, 1])


def _cosines(rows_ND: Floats, own_D: Floats) -> Floats:
    mean_D = rows_ND.mean(axis=0)
    rows_ND, own_D = rows_ND - mean_D, own_D - mean_D
    lengths_N = np.linalg.norm(rows_ND, axis=1) * np.linalg.norm(own_D)
    cosines_N: Floats = np.divide(
        rows_ND @ own_D, lengths_N, out=np.zeros(len(rows_ND), np.float32), where=lengths_N > 0
    )
    return cosines_N
