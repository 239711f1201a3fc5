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

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import EngineError
from engine.inspection.attention import batch_of
from engine.inspection.patching import last_residual, recorded, suffixes
from engine.model.opening import finish
from engine.model.tape import UNCHANGED, Change, Changes, Tape
from engine.model.transformer import Transformer

Method = Literal["occlusion", "integrated", "gradient"]
METHODS: tuple[Method, ...] = get_args(Method)
STEPS = 64  # points on the line of integrated gradients
AT_ONCE = 256  # tokens

Floats = NDArray[np.float64]
Steps = Generator[float, None, Tensor]  # the share that is done; the values [T]


@dataclass(frozen=True, slots=True)
class Score:
    """The score of `token` after `ids`: its log-probability, or its logit minus that of the token `against`."""

    model: Transformer
    ids: Sequence[int]
    token: int
    against: int | None
    changes: Changes

    def of(self, x_BD: Tensor) -> Tensor:
        """Return the score after each of the last residual streams, [B]."""
        logits_BV = self.model.decode(x_BD).float()
        if self.against is not None:
            return logits_BV[:, self.token] - logits_BV[:, self.against]
        return logits_BV.log_softmax(dim=1)[:, self.token]

    def with_embeddings(self, embeddings: Change | None, texts: int = 1) -> Tensor:
        """Return the score of each text, [B]; `embeddings` replace those of `ids`."""
        changes = self.changes if embeddings is None else {**self.changes, "embed": embeddings}
        tape = Tape([last_residual(self.model)], changes=changes, gradients=True)
        self.model.record(batch_of(self.model, self.ids).expand(texts, -1), tape)
        return self.of(tape[last_residual(self.model)][:, -1])


def attribute(
    model: Transformer,
    ids: Sequence[int],
    token: int,
    method: Method,
    against: int | None = None,
    changes: Changes = UNCHANGED,
) -> Floats:
    """Return what each token of `ids` contributes to the score of `token` after them, [T].

    Raises EngineError error.logits_broken if the model's weights are damaged.
    """
    return finish(attributing(Score(model, ids, token, against, changes), method))


def attributing(score: Score, method: Method, most: int | None = None) -> Generator[float, None, Floats]:
    """Do as `attribute`, and yield the share that is done, 0..1; occlusion only of the last `most` tokens [most]."""
    if method == "occlusion":
        values_T = yield from _occlude(score, 0 if most is None else max(0, len(score.ids) - most))
    else:
        values_T = yield from _gradient(score) if method == "gradient" else _integrate(score)
    if not values_T.isfinite().all():
        raise EngineError("error.logits_broken")
    values: Floats = values_T.double().cpu().numpy()
    return values


@torch.no_grad()
def ends(score: Score) -> tuple[float, float]:
    """Return the score of the text, and that of as many mean embeddings: the ends of integrated gradients' line."""
    whole, nothing = score.with_embeddings(None), score.with_embeddings(_mean_embeddings(score))
    return float(whole[0]), float(nothing[0])


@torch.no_grad()
def _occlude(score: Score, first: int) -> Steps:
    """Return the values of the tokens from number `first` on."""
    model, T, without = score.model, len(score.ids), []
    text = recorded(model, score.ids, score.changes)
    entering = "blocks.0.resid_pre"
    tape = Tape([entering], changes={"embed": _mean_embeddings(score)})
    model.record(batch_of(model, score.ids), tape)
    for places in suffixes(T, first):
        without.append(score.of(text.replaced(0, entering, tape[entering][0], places)))
        yield places.stop / T
    return score.of(text.last()) - torch.cat(without)


def _gradient(score: Score) -> Steps:
    yield 0.0
    x_TD = _embeddings(score)
    return (_gradients(score, x_TD[None])[0] * x_TD).sum(dim=1)


def _integrate(score: Score) -> Steps:
    """Return the integral by Gauss and Legendre's rule, which needs fewer points than equal steps."""
    x_TD, mean_TD = _embeddings(score), _mean_embeddings(score)[0]
    way_TD = x_TD - mean_TD
    total_TD = torch.zeros_like(x_TD)
    points, weights = (torch.from_numpy(x).to(x_TD) for x in np.polynomial.legendre.leggauss(STEPS))  # on -1..1
    for part in map(list, _parts(STEPS, len(x_TD))):
        shares_B, weights_B = (points[part] + 1) / 2, weights[part] / 2
        gradients_BTD = _gradients(score, mean_TD + shares_B[:, None, None] * way_TD)
        total_TD += (weights_B[:, None, None] * gradients_BTD).sum(dim=0)
        yield (part[-1] + 1) / STEPS
    return (total_TD * way_TD).sum(dim=1)


def _gradients(score: Score, x_BTD: Tensor) -> Tensor:
    x_BTD = x_BTD.detach().requires_grad_()
    with torch.enable_grad():
        [gradient_BTD] = torch.autograd.grad(score.with_embeddings(x_BTD, len(x_BTD)).sum(), x_BTD)
    return gradient_BTD


def _parts(count: int, tokens: int) -> Iterator[range]:
    """Yield the numbers below `count`, so many at once as texts of `tokens` tokens may be computed together."""
    step = max(1, AT_ONCE // tokens)
    for first in range(0, count, step):
        yield range(first, min(first + step, count))


@torch.no_grad()
def _embeddings(score: Score) -> Tensor:
    x_TD: Tensor = score.model.embedding(batch_of(score.model, score.ids)[0]).float()
    return x_TD


def _mean_embeddings(score: Score) -> Tensor:
    """Return the mean of all embeddings for each token of the text, [1 T D]."""
    mean_D = score.model.embedding.weight.detach().mean(dim=0, dtype=torch.float32)
    return mean_D.expand(1, len(score.ids), -1)
