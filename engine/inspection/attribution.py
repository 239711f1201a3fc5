"""Attribution: how much each token of a text has contributed to the next one, by three methods that often disagree.

- occlusion: the fall of the score when the token's embedding is replaced by the mean of all embeddings
  (Zeiler and Fergus 2014, arXiv:1311.2901, §4.1).
- gradient: the embedding times the score's gradient (Shrikumar et al. 2016, arXiv:1605.01713). It is 0 for a model that
  normalises its embeddings at once: its output does not depend on their length, so Euler's theorem on homogeneous
  functions makes the product vanish.
- integrated: the gradient's mean along the straight line from the mean embedding, times the distance
  (Sundararajan et al. 2017, arXiv:1703.01365). Its values add up to the difference of the scores at both ends.

The score is the next token's log-probability in nats, or the difference of two logits.

Suffixes: T tokens, B texts at once, D width, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.inspection.patching import last_residual
from engine.model.tape import Change, Tape
from engine.model.transformer import Transformer

Method = Literal["occlusion", "integrated", "gradient"]
METHODS = get_args(Method)
STEPS = 64  # points on the line of integrated gradients
AT_ONCE = 1024  # tokens

Floats = NDArray[np.float64]
Score = Callable[[Change | None, int], Tensor]  # of texts with these embeddings


def attribute(model: Transformer, ids: Sequence[int], token: int, method: Method, against: int | None = None) -> Floats:
    """Return what each token of `ids` contributes to the score of `token` after them, [T].

    The score is the log-probability of `token`, or its logit minus that of the token `against`.

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """

    def score(change: Change | None, texts: int = 1) -> Tensor:
        return _score(model, ids, change, texts, token, against)

    with torch.no_grad():
        x_TD = model.embedding(batch_of(model, ids)[0]).float()
        mean_D = _mean_embedding(model)
    values_T = {"occlusion": _occlude, "gradient": _gradient, "integrated": _integrate}[method](score, x_TD, mean_D)
    if not values_T.isfinite().all():
        raise EngineError("error.logits_broken")
    values: Floats = values_T.double().cpu().numpy()
    return values


@torch.no_grad()
def _occlude(score: Score, x_TD: Tensor, mean_D: Tensor) -> Tensor:
    T = len(x_TD)
    whole, without = score(None, 1), []
    for places in _parts(T, T):
        x_BTD = x_TD.repeat(len(places), 1, 1)
        x_BTD[torch.arange(len(places)), torch.tensor(places)] = mean_D
        without.append(score(x_BTD, len(places)))
    return whole - torch.cat(without)


def _gradient(score: Score, x_TD: Tensor, _: Tensor) -> Tensor:
    return (_gradients(score, x_TD[None])[0] * x_TD).sum(dim=1)


def _integrate(score: Score, x_TD: Tensor, mean_D: Tensor) -> Tensor:
    """Return the integral by Gauss and Legendre's rule, which needs fewer points than equal steps."""
    way_TD = x_TD - mean_D
    total_TD = torch.zeros_like(x_TD)
    points, weights = (torch.from_numpy(x).to(x_TD) for x in np.polynomial.legendre.leggauss(STEPS))  # on -1..1
    for part in map(list, _parts(STEPS, len(x_TD))):
        shares_B, weights_B = (points[part] + 1) / 2, weights[part] / 2
        gradients_BTD = _gradients(score, mean_D + shares_B[:, None, None] * way_TD)
        total_TD += (weights_B[:, None, None] * gradients_BTD).sum(dim=0)
    return (total_TD * way_TD).sum(dim=1)


def _gradients(score: Score, x_BTD: Tensor) -> Tensor:
    x_BTD = x_BTD.detach().requires_grad_()
    with torch.enable_grad():
        [gradient_BTD] = torch.autograd.grad(score(x_BTD, len(x_BTD)).sum(), x_BTD)
    return gradient_BTD


def _parts(count: int, tokens: int) -> Iterator[range]:
    """Yield the numbers below `count`, so many at once as texts of `tokens` tokens may be computed together."""
    step = max(1, AT_ONCE // tokens)
    for first in range(0, count, step):
        yield range(first, min(first + step, count))


def _score(
    model: Transformer, ids: Sequence[int], embeddings: Change | None, texts: int, token: int, against: int | None
) -> Tensor:
    """Return the score after the last token of each text, [B]; `embeddings` replace those of `ids`."""
    tape = Tape([last_residual(model)], changes={} if embeddings is None else {"embed": embeddings}, gradients=True)
    model.record(batch_of(model, ids).expand(texts, -1), tape)
    logits_BV = model.decode(tape[last_residual(model)][:, -1]).float()
    if against is not None:
        return logits_BV[:, token] - logits_BV[:, against]
    return logits_BV.log_softmax(dim=1)[:, token]


def _mean_embedding(model: Transformer) -> Tensor:
    mean_D: Tensor = model.embedding.weight.mean(dim=0, dtype=torch.float32)
    return mean_D
